"""What the broker is asked, through the official SDK against the local Event Hubs."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from shared.adapters.event_hubs import EventHubsInspector, HubUnreachable
from tests.support.eventhubs import KEY, KEY_NAME, LocalEventHubs, local_event_hubs
from tests.support.eventhubs_sdk import publish
from tests.support.runtime import BASE_SETTINGS, settings_for

HUB = "ledger.entry.upserted"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEventHubs]:
    data, hubs, options = (
        tmp_path_factory.mktemp("broker") / "data",
        {HUB: 2, "empty": 1},
        ["--sas", f"{KEY_NAME}={KEY}"],
    )
    with local_event_hubs(data, hubs, options=options) as server:
        yield server


def inspector(connection: str) -> EventHubsInspector:
    return EventHubsInspector(settings_for(BASE_SETTINGS["DATABASE_URL"], EventHubs=connection))


def test_a_hub_says_when_it_was_made(broker: LocalEventHubs) -> None:
    created = inspector(broker.connection_string).created_at(HUB)
    assert created.tzinfo == UTC
    assert timedelta(0) <= datetime.now(UTC) - created < timedelta(minutes=10)
    assert inspector(broker.connection_string).created_at(HUB) == created


def test_a_partition_says_how_far_it_reaches(broker: LocalEventHubs) -> None:
    began = datetime.now(UTC)
    publish(broker.connection_string, HUB, [b"one", b"two", b"three"], partition_id="1")
    empty, full = inspector(broker.connection_string).partitions(HUB)
    assert (empty.partition_id, full.partition_id) == ("0", "1")
    assert (empty.first_sequence_number, empty.last_sequence_number, empty.last_enqueued_at) == (
        None,
        None,
        None,
    )
    assert (full.first_sequence_number, full.last_sequence_number) == (0, 2)
    assert full.last_enqueued_at is not None
    assert timedelta(milliseconds=-1) <= full.last_enqueued_at - began < timedelta(minutes=1)


def test_a_hub_that_does_not_exist_is_unreachable(broker: LocalEventHubs) -> None:
    with pytest.raises(HubUnreachable) as caught:
        inspector(broker.connection_string).partitions("nowhere")
    assert "nowhere" in caught.value.detail


def test_a_wrong_key_is_unreachable_and_stays_secret(broker: LocalEventHubs) -> None:
    asked = inspector(broker.connection_string_with(KEY_NAME, "d3Jvbmcta2V5"))
    with pytest.raises(HubUnreachable) as caught:
        asked.partitions("empty")
    assert "d3Jvbmcta2V5" not in caught.value.detail


def test_a_broker_that_refuses_to_say_is_unreachable_until_it_does(broker: LocalEventHubs) -> None:
    asked = inspector(broker.connection_string)
    broker.refuse_management(True)
    try:
        with pytest.raises(HubUnreachable):
            asked.created_at("empty")
    finally:
        broker.refuse_management(False)
    assert [state.partition_id for state in asked.partitions("empty")] == ["0"]


@pytest.mark.parametrize(
    "connection",
    [
        "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=local;SharedAccessKey=k;UseDevelopmentEmulator=true",
        "Endpoint=sb://nonsense",
    ],
)
def test_a_broker_that_is_not_there_is_unreachable(connection: str) -> None:
    with pytest.raises(HubUnreachable):
        inspector(connection).created_at(HUB)


def test_without_a_connection_string_the_namespace_is_asked() -> None:
    """Nothing listens there, and a client that cannot connect asks nobody for a token."""
    changes = {
        "EventHubs": "",
        "EventHubs__fullyQualifiedNamespace": "127.0.0.1:1",
        "EventHubs__clientId": "some-id",
    }
    asked = EventHubsInspector(settings_for(BASE_SETTINGS["DATABASE_URL"], **changes))
    with pytest.raises(HubUnreachable):
        asked.partitions(HUB)

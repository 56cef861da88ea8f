"""What the broker is asked, through the official SDK against the local Event Hubs."""

import asyncio
import gc
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from azure.eventhub import EventData

from shared.adapters.event_hubs import EventHubsInspector, HubUnreachable
from shared.adapters.hub_events import HubEvent
from tests.support.eventhubs import KEY, KEY_NAME, LocalEventHubs, local_event_hubs
from tests.support.eventhubs_sdk import consumer, publish, receive_async
from tests.support.runtime import BASE_SETTINGS, settings_for

HUB = "ledger.entry.upserted"
SECONDS_ENOUGH = 10.0


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEventHubs]:
    data, hubs, options = (
        tmp_path_factory.mktemp("broker") / "data",
        {HUB: 2, "empty": 1, "again": 1, "shared": 1},
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


def test_all_hubs_are_described_at_once(broker: LocalEventHubs) -> None:
    asked = inspector(broker.connection_string)
    # The second time its partitions have been heard of.
    for _ in range(2):
        told = asked.describe([HUB, "empty", "nowhere"], SECONDS_ENOUGH)
        hub, empty = told[HUB], told["empty"]
        assert hub is not None
        assert empty is not None
        assert told["nowhere"] is None
        assert hub.created_at == asked.created_at(HUB)
        assert hub.partitions == asked.partitions(HUB)
        assert [each.partition_id for each in empty.partitions] == ["0"]
        assert empty.partitions[0].readable_from is None


def test_a_broker_that_is_not_there_is_unknown_soon() -> None:
    began = time.monotonic()
    asked = inspector(BASE_SETTINGS["EventHubs"])
    assert asked.describe([HUB, "empty"], SECONDS_ENOUGH) == {HUB: None, "empty": None}
    assert time.monotonic() - began < SECONDS_ENOUGH


# The SDK leaves the socket of a connection that is given up half-way to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_a_broker_that_says_nothing_is_unknown_after_the_time_given() -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        address = f"sb://127.0.0.1:{mute.getsockname()[1]}"
        asked = inspector(
            f"Endpoint={address};SharedAccessKeyName=local;SharedAccessKey=k;UseDevelopmentEmulator=true"
        )
        began = time.monotonic()
        assert asked.describe([HUB], 0.5) == {HUB: None}
        assert 0.5 <= time.monotonic() - began < SECONDS_ENOUGH
        del asked
        gc.collect()


def test_a_hub_that_was_made_with_fewer_partitions_is_described_too(broker: LocalEventHubs) -> None:
    asked = inspector(broker.connection_string)
    asked._heard_of["empty"] = ["0", "7"]
    told = asked.describe(["empty"], SECONDS_ENOUGH)["empty"]
    assert told is not None
    assert [each.partition_id for each in told.partitions] == ["0"]


def test_events_are_read_again_from_a_number_on_with_all_that_belongs_to_them(broker: LocalEventHubs) -> None:
    sent = EventData(b"two")
    sent.properties = {"x-correlation-id": "c-2", b"raw": b"\xff"}
    hub = "again"
    publish(broker.connection_string, hub, [b"zero", b"one", sent, b"three"], partition_key="k")
    asked = inspector(broker.connection_string)
    (partition,) = asked.partitions(hub)
    with asked.read(hub, partition.partition_id, 2, SECONDS_ENOUGH) as batches:
        events: list[HubEvent] = []
        while len(events) < 2:
            events += next(batches)
    assert [(each.sequence_number, each.body, each.partition_key) for each in events] == [
        (2, b"two", "k"),
        (3, b"three", "k"),
    ]
    assert events[0].properties == {"x-correlation-id": "c-2", "raw": "\\xff"}
    assert events[1].properties == {}
    assert events[1].enqueued_at == partition.last_enqueued_at
    assert int(events[0].offset) < int(events[1].offset)


def test_reading_again_disturbs_nobody_who_reads_with_an_epoch(broker: LocalEventHubs) -> None:
    """In the stream's own group the broker would refuse it."""
    publish(broker.connection_string, "shared", [b"one"])

    async def both() -> list[HubEvent]:
        async with consumer(broker.connection_string, "shared", "counterfoil") as client:
            stream = asyncio.create_task(receive_async(client, "0", 2, owner_level=1))
            read = await asyncio.to_thread(read_first, inspector(broker.connection_string))
            await asyncio.to_thread(publish, broker.connection_string, "shared", [b"two"])
            assert len(await stream) == 2
        return read

    assert [each.body for each in asyncio.run(both())] == [b"one"]


def read_first(asked: EventHubsInspector) -> list[HubEvent]:
    with asked.read("shared", "0", 0, SECONDS_ENOUGH) as batches:
        return next(batches)


def test_reading_beyond_the_end_or_from_nowhere_is_no_answer(broker: LocalEventHubs) -> None:
    asked = inspector(broker.connection_string)
    for hub, seconds in (("empty", 0.5), ("nowhere", SECONDS_ENOUGH)):
        with pytest.raises(HubUnreachable), asked.read(hub, "0", 0, seconds) as batches:
            next(batches)

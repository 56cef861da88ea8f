"""From the library's events to our batch."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import azure.functions as func
import pytest

from functions.edge.stream import batch_of, take
from tests.support.runtime import BASE_SETTINGS, KeptTelemetry, runtime_for

PLACE = {"EventHubName": "hub", "ConsumerGroup": "group", "PartitionId": "3"}
MOMENT = datetime(2026, 11, 21, 3, 4, 5, 123999, UTC).replace(tzinfo=None)


def event(number: int | None = 7, enqueued: datetime | None = MOMENT, **metadata: Any) -> func.EventHubEvent:
    class Delivered(func.EventHubEvent):
        """The library parses metadata only from the host's own form; here it is given as parsed."""

        @property
        def metadata(self) -> dict[str, Any]:
            return {"PartitionContext": PLACE, **metadata}

    return Delivered(
        body=b"\xff\x00", enqueued_time=enqueued, partition_key="k", sequence_number=number, offset="41"
    )


def test_a_batch_knows_its_place() -> None:
    batch = batch_of("ledger", [event()])
    assert (batch.stream, batch.hub, batch.consumer_group, batch.partition_id) == (
        "ledger",
        "hub",
        "group",
        "3",
    )


def test_a_partition_given_as_a_number_is_a_text() -> None:
    place = {**PLACE, "PartitionId": 3}
    assert batch_of("ledger", [event(PartitionContext=place)]).partition_id == "3"


def test_an_event_keeps_its_bytes_and_its_number() -> None:
    (taken,) = batch_of("ledger", [event(PropertiesArray=[{"a": 1}])]).events
    assert (taken.body, taken.sequence_number, taken.offset, taken.partition_key) == (
        b"\xff\x00",
        7,
        "41",
        "k",
    )
    assert taken.properties == {"a": 1}


@pytest.mark.parametrize(
    "enqueued",
    [
        MOMENT,
        MOMENT.replace(tzinfo=UTC),
        MOMENT.replace(tzinfo=timezone(timedelta(hours=9))) + timedelta(hours=9),
    ],
)
def test_times_are_utc_in_milliseconds_whatever_the_zone_mark(enqueued: datetime) -> None:
    (taken,) = batch_of("ledger", [event(enqueued=enqueued)]).events
    assert taken.enqueued_at == datetime(2026, 11, 21, 3, 4, 5, 123000, tzinfo=UTC)


@pytest.mark.parametrize("properties", [None, [None, None], [{}, None]])
def test_absent_properties_are_empty(properties: Any) -> None:
    batch = batch_of("ledger", [event(PropertiesArray=properties), event(8)])
    assert [each.properties for each in batch.events] == [{}, {}]


def test_a_sequence_number_of_nought_is_one() -> None:
    assert batch_of("ledger", [event(0)]).events[0].sequence_number == 0


@pytest.mark.parametrize("incomplete", [event(number=None), event(enqueued=None)])
def test_an_event_without_number_or_time_is_a_failure_of_the_platform(incomplete: func.EventHubEvent) -> None:
    with pytest.raises(ValueError, match="platform"):
        batch_of("ledger", [incomplete])


def test_metadata_that_does_not_fit_the_events_is_a_failure_of_the_platform() -> None:
    with pytest.raises(ValueError, match="zip"):
        batch_of("ledger", [event(PropertiesArray=[{}]), event(8)])
    with pytest.raises(KeyError):
        batch_of("ledger", [func.EventHubEvent(body=b"x")])


def test_a_batch_without_events_is_nothing_to_do() -> None:
    runtime = runtime_for(BASE_SETTINGS["DATABASE_URL"])
    take(runtime, "ledger", [])
    assert isinstance(runtime.telemetry, KeptTelemetry)
    assert runtime.telemetry.metrics == []
    runtime.database.dispose()

import json
from typing import Any

import pytest
from azure.eventhub import EventData

from infra.local.host.batch import PartitionContext, trigger_data, trigger_metadata
from infra.local.host.decode import event_batch, naive_utc_text

MOMENT = 1_795_230_245_120  # 2026-11-21T03:04:05.120Z


class ReceivedEvent(EventData):
    """An event with the annotations an Event Hub sets."""

    def __init__(self, body: bytes, number: int, key: str | None = None) -> None:
        super().__init__(body)
        annotations: dict[str | bytes, Any] = {
            b"x-opt-sequence-number": number,
            b"x-opt-enqueued-time": MOMENT,
        }
        annotations[b"x-opt-offset"] = f"{number}00".encode()
        if key:
            annotations[b"x-opt-partition-key"] = key.encode()
        self.raw_amqp_message.annotations = annotations


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (MOMENT, "2026-11-21T03:04:05.12"),
        (MOMENT + 3, "2026-11-21T03:04:05.123"),
        (MOMENT - 120, "2026-11-21T03:04:05"),
        (0, "1970-01-01T00:00:00"),
    ],
)
def test_times_have_no_zone_and_no_trailing_zeros(milliseconds: int, text: str) -> None:
    assert naive_utc_text(milliseconds) == text


def test_metadata_of_a_batch_is_what_the_platform_sends() -> None:
    keyed = ReceivedEvent(b"\xff\x00", 8, "k1")
    keyed.properties = {b"type": b"ledger", "count": 3, b"raw": b"\xff"}
    keyed.content_type = "application/json"
    batch = event_batch([ReceivedEvent(b"", 7), keyed])
    metadata = trigger_metadata(batch, PartitionContext("ns", "hub", "group", "3"), checkpointing=True)
    assert trigger_data(batch).collection_bytes.bytes == [b"", b"\xff\x00"]
    assert json.loads(metadata["PartitionContext"].json) == {
        "FullyQualifiedNamespace": "ns",
        "EventHubName": "hub",
        "ConsumerGroup": "group",
        "PartitionId": "3",
        "IsCheckpointingAfterInvocation": True,
    }
    assert metadata["PartitionKeyArray"].collection_string.string == ["k1"]
    assert metadata["OffsetArray"].collection_string.string == ["700", "800"]
    assert metadata["SequenceNumberArray"].collection_sint64.sint64 == [7, 8]
    assert json.loads(metadata["EnqueuedTimeUtcArray"].json) == ["2026-11-21T03:04:05.12"] * 2
    assert json.loads(metadata["PropertiesArray"].json) == [{}, {"type": "ledger", "count": 3, "raw": "/w=="}]
    system = {"EnqueuedTimeUtc": "2026-11-21T03:04:05.12"}
    assert json.loads(metadata["SystemPropertiesArray"].json) == [
        system | {"SequenceNumber": 7, "Offset": "700", "PartitionKey": None},
        system
        | {"SequenceNumber": 8, "Offset": "800", "PartitionKey": "k1", "content-type": "application/json"},
    ]


def test_a_batch_is_cut_and_joined_in_order() -> None:
    batch = event_batch([ReceivedEvent(b"%d" % number, number) for number in range(5)])
    head, tail = batch.part(0, 2), batch.part(2, 5)
    assert (head.bodies, tail.sequence_numbers) == ([b"0", b"1"], [2, 3, 4])
    head.extend(tail)
    assert head == batch
    assert len(batch) == 5

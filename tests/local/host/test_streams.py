"""Event hub triggers under the platform's rules: metadata, batches, order, retries and checkpoints."""

from collections.abc import Iterator
from typing import Any

import pytest
from azure.eventhub import EventData

from tests.local.host.conftest import HUBS, RecordingHost
from tests.support.amqp_client import publish_batch
from tests.support.eventhubs import LocalEventHubs, local_event_hubs
from tests.support.eventhubs_sdk import publish
from tests.support.functions_host import wait_until


def numbers(calls: list[dict[str, Any]], partition: str = "0") -> list[int]:
    return [number for call in calls if call["partition"] == partition for number in call["numbers"]]


def test_the_function_sees_bytes_and_metadata(
    shared_host: RecordingHost, shared_broker: LocalEventHubs
) -> None:
    keyed = EventData(b"\xff\xfe")
    keyed.properties = {"type": "ledger", "count": 3}
    keyed.content_type = "application/json"
    publish(shared_broker.connection_string, "metadata", [keyed, EventData(b"")], partition_key="k1")
    publish(shared_broker.connection_string, "metadata", [b"plain"])
    shared_host.wait_for_checkpoint("metadata", 2)
    calls = shared_host.calls("stream_metadata")
    bodies = [body for call in calls for body in call["bodies"]]
    assert bodies == ["fffe", "", b"plain".hex()]
    assert [key for call in calls for key in call["keys"]] == ["k1", "k1", None]
    first = calls[0]["metadata"]
    assert first["PartitionContext"] == {
        "FullyQualifiedNamespace": "127.0.0.1",
        "EventHubName": "metadata",
        "ConsumerGroup": "counterfoil",
        "PartitionId": "0",
        "IsCheckpointingAfterInvocation": True,
    }
    assert first["PropertiesArray"][0] == {"type": "ledger", "count": 3}
    assert first["SequenceNumberArray"][0] == 0
    assert first["OffsetArray"] == [str(offset) for offset in calls[0]["offsets"]]
    assert all(isinstance(offset, str) for offset in first["OffsetArray"])
    assert set(first["PartitionKeyArray"]) == {"k1"}
    system = first["SystemPropertiesArray"][0]
    assert system["content-type"] == "application/json"
    assert system["EnqueuedTimeUtc"] == first["EnqueuedTimeUtcArray"][0]
    assert not system["EnqueuedTimeUtc"].endswith(("Z", "+00:00"))
    assert "+" not in calls[0]["enqueued"][0]


def test_batches_keep_order_and_size_and_never_meet(
    shared_host: RecordingHost, shared_broker: LocalEventHubs
) -> None:
    shared_host.fault(pause="stream_plain")
    for partition in (0, 1):
        publish_batch(shared_broker.port, "plain", *[b'{"sleep": 0.002}'] * 90, partition_id=partition)
    wait_until(
        lambda: [held(shared_host.pump("plain", each)) for each in "01"] == [90, 90], "all events are held"
    )
    shared_host.fault(resume="stream_plain")
    for each in "01":
        shared_host.wait_for_checkpoint("plain", 89, each)
        calls = calls_of(shared_host, "stream_plain", each)
        ends = calls_of(shared_host, "stream_plain done", each)
        assert numbers(calls, each) == list(range(90))
        assert [len(call["numbers"]) for call in calls[1:-1]] == [20] * (len(calls) - 2)
        assert max(len(calls[0]["numbers"]), len(calls[-1]["numbers"])) <= 20
        assert all(end["at"] <= call["at"] for end, call in zip(ends, calls[1:], strict=False))
        assert all(call["retry"] == [0, 0] for call in calls)


def held(pump: dict[str, Any]) -> int:
    return int(pump.get("buffered", 0) + pump.get("in_flight", 0))


# Per case: hub and partition, function, how often the event fails, attempts seen, and whether its batch is lost.
MATRIX = [
    ("plain", "0", "stream_plain", 1, [[0, 0]], True),
    ("fixed", "0", "stream_fixed", 2, [[0, 3], [1, 3], [2, 3]], False),
    ("fixed", "1", "stream_fixed", 9, [[0, 3], [1, 3], [2, 3], [3, 3]], True),
    ("endless", "0", "stream_endless", 4, [[0, -1], [1, -1], [2, -1], [3, -1], [4, -1]], False),
]


@pytest.fixture(scope="module")
def retried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecordingHost]:
    """A host that has met every case of the matrix: a failing event, its neighbour and thirty later ones."""
    folder = tmp_path_factory.mktemp("retried")
    with local_event_hubs(folder / "broker", HUBS) as broker:
        for hub, partition, _, fails, _, _ in MATRIX:
            bodies = (b'{"fail": %d}' % fails, b"neighbour", *[b"later"] * 30)
            publish_batch(broker.port, hub, *bodies, partition_id=int(partition))
        host = RecordingHost(folder, broker)
        try:
            host.start()
            for hub, partition, *_ in MATRIX:
                host.wait_for_checkpoint(hub, 31, partition)
            yield host
        finally:
            host.close()


@pytest.mark.parametrize(("hub", "partition", "function", "fails", "attempts", "lost"), MATRIX)
def test_retries_and_the_checkpoint(
    retried: RecordingHost,
    hub: str,
    partition: str,
    function: str,
    fails: int,
    attempts: list[list[int]],
    lost: bool,
) -> None:
    tried = [call for call in calls_of(retried, function, partition) if 0 in call["numbers"]]
    assert [call["retry"] for call in tried] == attempts
    assert len({tuple(call["numbers"]) for call in tried}) == 1
    done = numbers(retried.calls(f"{function} done"), partition)
    assert (0 not in done) is lost
    missing = set(range(32)) - set(done)
    assert missing == (set(tried[0]["numbers"]) if lost else set())
    assert retried.pump(hub, partition)["failed_batches"] == int(lost)


def calls_of(host: RecordingHost, kind: str, partition: str) -> list[dict[str, Any]]:
    return [call for call in host.calls(kind) if call["partition"] == partition]


def test_an_endless_failure_holds_its_partition_only(broker: LocalEventHubs, host: RecordingHost) -> None:
    publish_batch(broker.port, "endless", b'{"fail": -1, "sleep": 0.05}')
    host.start()
    host.wait_for_call("stream_endless", 3)
    publish_batch(broker.port, "plain", b"other")
    host.wait_for_checkpoint("plain", 0)
    pump = host.pump("endless")
    assert (pump["state"], pump["checkpoint"], pump["in_flight"]) == ("retrying", None, 1)
    assert host.stop() == 0
    assert not (host.data / "checkpoints/127.0.0.1/endless").exists()


def test_a_paused_function_holds_events_and_a_lost_batch_is_skipped(
    shared_host: RecordingHost, shared_broker: LocalEventHubs
) -> None:
    shared_host.fault(pause="stream_fixed", lose_batch="stream_fixed")
    publish_batch(shared_broker.port, "fixed", b"lost")
    wait_until(lambda: shared_host.pump("fixed").get("in_flight") == 1, "the batch is held")
    assert shared_host.pump("fixed")["state"] == "paused"
    assert shared_host.calls("stream_fixed") == []
    shared_host.fault(resume="stream_fixed")
    shared_host.wait_for_checkpoint("fixed", 0)
    publish_batch(shared_broker.port, "fixed", b"seen")
    shared_host.wait_for_checkpoint("fixed", 1)
    assert numbers(shared_host.calls("stream_fixed")) == [1]

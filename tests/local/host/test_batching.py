"""The event hub options of host.json: how many events a call gets, when, where reading begins, when it is recorded."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.local.host.conftest import RecordingHost, write_checkpoint
from tests.local.host.test_streams import held, numbers
from tests.support.amqp_client import publish_batch
from tests.support.eventhubs import LocalEventHubs
from tests.support.functions_host import wait_until

CHECKPOINT = "checkpoints/127.0.0.1/plain/counterfoil/0.json"
WAIT_SECONDS = 2


def event_hubs(**options: Any) -> dict[str, Any]:
    return {"extensions": {"eventHubs": options}}


def test_a_batch_below_the_minimum_waits_for_more(
    broker: LocalEventHubs, make_host: Callable[..., RecordingHost]
) -> None:
    """Only the first of a partition without a checkpoint comes at once, as on the platform."""
    wait = f"00:00:{WAIT_SECONDS:02}"
    host = make_host(host_json=event_hubs(minEventBatchSize=10, maxEventBatchSize=20, maxWaitTime=wait))
    host.start()
    publish_batch(broker.port, "plain", b"first")
    host.wait_for_checkpoint("plain", 0)
    publish_batch(broker.port, "plain", *[b"enough"] * 10)
    host.wait_for_checkpoint("plain", 10)
    publish_batch(broker.port, "plain", *[b"too few"] * 2)
    host.wait_for_checkpoint("plain", 12)
    first, enough, few = host.calls("stream_plain")
    assert [call["numbers"] for call in (first, enough, few)] == [[0], list(range(1, 11)), [11, 12]]
    assert few["at"] - enough["at"] >= WAIT_SECONDS


def test_every_third_batch_is_recorded_and_a_stop_records_the_rest(
    broker: LocalEventHubs, make_host: Callable[..., RecordingHost]
) -> None:
    host = make_host(host_json=event_hubs(batchCheckpointFrequency=3, maxEventBatchSize=5))
    publish_batch(broker.port, "plain", *[b"x"] * 35)
    host.start()
    host.fault(pause="stream_plain")
    wait_until(lambda: held(host.pump("plain")) == 35, "all events are held")
    host.fault(resume="stream_plain")
    wait_until(lambda: host.pump("plain")["position"] == 34, "all events are done")
    calls = host.calls("stream_plain")
    due = [index % 3 == 2 for index in range(len(calls))]
    assert [call["checkpointing"] for call in calls] == due
    recorded = [call["numbers"][-1] for call, recording in zip(calls, due, strict=True) if recording][-1]
    assert host.pump("plain")["checkpoint"] == recorded < 34
    host.kill()
    host.start()
    wait_until(lambda: host.pump("plain").get("position") == 34, "the unrecorded events came again")
    assert numbers(host.calls("stream_plain")[len(calls) :]) == list(range(recorded + 1, 35))
    assert host.stop() == 0
    assert json.loads((host.data / CHECKPOINT).read_text())["sequence_number"] == 34


def test_initial_offsets_are_for_partitions_without_a_checkpoint(
    broker: LocalEventHubs, make_host: Callable[..., RecordingHost]
) -> None:
    for partition in (0, 1):
        publish_batch(broker.port, "plain", *[b"before"] * 3, partition_id=partition)
    time.sleep(0.05)
    moment = datetime.now(UTC)
    time.sleep(0.05)
    for partition in (0, 1):
        publish_batch(broker.port, "plain", *[b"after"] * 2, partition_id=partition)
    options = {"type": "fromEnqueuedTime", "enqueuedTimeUtc": moment.isoformat()}
    host = make_host(host_json=event_hubs(initialOffsetOptions=options))
    write_checkpoint(host, "plain", 0, "1")
    host.start()
    for each in "01":
        host.wait_for_checkpoint("plain", 4, each)
    assert numbers(host.calls("stream_plain"), "0") == [3, 4]
    assert numbers(host.calls("stream_plain"), "1") == [1, 2, 3, 4]


def test_a_held_function_does_not_draw_the_whole_hub(
    broker: LocalEventHubs, make_host: Callable[..., RecordingHost]
) -> None:
    """The window is two batches or the prefetch count; one forwarded batch may reach beyond it."""
    host = make_host(host_json=event_hubs(prefetchCount=20, maxEventBatchSize=10))
    host.start()
    host.fault(pause="stream_plain")
    publish_batch(broker.port, "plain", *[b"x"] * 120)
    wait_until(lambda: held(host.pump("plain")) >= 20, "the window is full")
    time.sleep(0.5)
    assert held(host.pump("plain")) < 40
    host.fault(resume="stream_plain")
    host.wait_for_checkpoint("plain", 119)
    assert numbers(host.calls("stream_plain")) == list(range(120))

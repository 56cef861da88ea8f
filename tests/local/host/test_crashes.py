"""Kills, restarts and broken connections: events come again, none is skipped."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

from tests.local.host.conftest import RecordingHost, has_ended, receiver_of, write_checkpoint
from tests.local.host.test_streams import numbers
from tests.support.amqp_client import publish_batch
from tests.support.eventhubs import LocalEventHubs
from tests.support.functions_host import wait_until


def test_a_killed_host_gets_the_unfinished_batch_again(broker: LocalEventHubs, host: RecordingHost) -> None:
    """And its receiver process ends with it."""
    host.start()
    receiver = receiver_of(host.pid)
    publish_batch(broker.port, "plain", *[b"first"] * 5)
    host.wait_for_checkpoint("plain", 4)
    host.fault(crash_after_invoke="stream_plain")
    publish_batch(broker.port, "plain", *[b"second"] * 5)
    assert host.wait_for_end() == -signal.SIGKILL
    wait_until(lambda: has_ended(receiver), "the end of the receiver process")
    seen_before = numbers(host.calls("stream_plain done"))
    assert seen_before[:5] == list(range(5))
    assert len(seen_before) > 5
    host.start()
    host.wait_for_checkpoint("plain", 9)
    assert host.stop() == 0
    assert numbers(host.calls("stream_plain done"))[len(seen_before) :] == list(range(5, 10))
    ownership = json.loads((host.data / "ownership/127.0.0.1/plain/counterfoil/0.json").read_text())
    assert ownership["generation"] == 2


def test_a_killed_receiver_is_replaced(
    broker: LocalEventHubs, make_host: Callable[..., RecordingHost]
) -> None:
    """Reading goes on where it was, and what "the end" meant at first is still meant where nothing came since."""
    for partition in (0, 1):
        publish_batch(broker.port, "plain", *[b"before"] * 3, partition_id=partition)
    host = make_host(host_json={"extensions": {"eventHubs": {"initialOffsetOptions": {"type": "fromEnd"}}}})
    host.start()
    wait_until(lambda: host.pump("plain", "0") and host.pump("plain", "1"), "the partitions are known")
    publish_batch(broker.port, "plain", *[b"a"] * 5, partition_id=0)
    host.wait_for_checkpoint("plain", 7, "0")
    os.kill(receiver_of(host.pid), signal.SIGKILL)
    for partition in (0, 1):
        publish_batch(broker.port, "plain", *[b"b"] * 5, partition_id=partition)
    host.wait_for_checkpoint("plain", 12, "0")
    host.wait_for_checkpoint("plain", 7, "1")
    assert numbers(host.calls("stream_plain"), "0") == list(range(3, 13))
    assert numbers(host.calls("stream_plain"), "1") == list(range(3, 8))


def test_a_broker_that_goes_and_comes_back(broker: LocalEventHubs, host: RecordingHost) -> None:
    host.start()
    publish_batch(broker.port, "plain", *[b"a"] * 5)
    host.wait_for_checkpoint("plain", 4)
    broker.kill()
    wait_until(
        lambda: host.pump("plain")["state"] == "reconnecting", "the loss is noticed", lambda: host.log_text
    )
    broker.start()
    publish_batch(broker.port, "plain", *[b"b"] * 5)
    host.wait_for_checkpoint("plain", 9)
    assert numbers(host.calls("stream_plain")) == list(range(10))
    assert host.pump("plain")["state"] == "receiving"


def test_a_host_started_before_its_broker_waits_for_it(broker: LocalEventHubs, host: RecordingHost) -> None:
    broker.stop()
    host.start()
    wait_until(lambda: host.pumps() and not host.pump("plain"), "the hub is reported as unreached")
    broker.start()
    publish_batch(broker.port, "plain", b"a")
    host.wait_for_checkpoint("plain", 0)


def test_a_hub_made_anew_is_read_from_its_beginning(
    broker: LocalEventHubs, make_host: Callable[..., RecordingHost]
) -> None:
    """Even by a host that begins at the end of a hub it does not know: this one it knew."""
    host = make_host(host_json={"extensions": {"eventHubs": {"initialOffsetOptions": {"type": "fromEnd"}}}})
    write_checkpoint(host, "plain", 4)
    publish_batch(broker.port, "plain", *[b"b"] * 2)
    host.start()
    host.wait_for_checkpoint("plain", 1)
    assert " ERROR host " in host.log_text
    assert numbers(host.calls("stream_plain")) == [0, 1]


def test_another_receiver_takes_the_partitions(
    broker: LocalEventHubs, make_host: Callable[..., RecordingHost], tmp_path: Path
) -> None:
    """A batch not called yet is dropped, a failing one is retried no more, and a running call moves no checkpoint."""
    host, other = make_host(), make_host()
    go = tmp_path / "go"
    publish_batch(broker.port, "plain", b'{"wait_for": "%b"}' % str(go).encode())
    publish_batch(broker.port, "endless", b'{"fail": -1, "sleep": 0.05}')
    host.start()
    host.fault(pause="stream_fixed")
    publish_batch(broker.port, "fixed", b"held")
    host.wait_for_call("stream_plain")
    host.wait_for_call("stream_endless", 2)
    wait_until(lambda: host.pump("fixed").get("in_flight"), "the batch is held")
    other.start()
    hubs = ("plain", "fixed", "endless")
    wait_until(lambda: all(f"{hub}/0" in host.log_text for hub in hubs), "all losses are noticed")
    other.wait_for_checkpoint("fixed", 0)
    other.wait_for_call("stream_plain")
    go.touch()
    host.fault(resume="stream_fixed")
    other.wait_for_checkpoint("plain", 0)
    wait_until(lambda: not any(host.pump(hub)["in_flight"] for hub in hubs), "all batches have ended")
    assert len(host.calls("stream_plain done")) == 1
    assert host.calls("stream_fixed") == []
    assert [host.pump(hub)["batches"] for hub in hubs] == [0, 0, 0]
    assert not (host.data / "checkpoints").exists()

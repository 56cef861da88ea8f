import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from azure.eventhub import EventData, EventHubConsumerClient, PartitionContext

from infra.local.eventhubs.routing import partition_of
from infra.local.postgres.claims import free_port
from infra.local.sample import SampleEvent, generate
from infra.local.sample.model import Stream
from infra.local.sample.publish import Published, PublishFailed, publish
from tests.support.processes import ROOT, ModuleProcess

DAY = date(2026, 11, 23)
PARTITIONS = 2
HUBS: dict[Stream, str] = {"ledger": "ledger.entry.upserted", "payment_order": "payment.order.upserted"}


def connection(port: int) -> str:
    key = "SharedAccessKeyName=local;SharedAccessKey=not-checked"
    return f"Endpoint=sb://127.0.0.1:{port};{key};UseDevelopmentEmulator=true"


def start_broker(data: Path, port: int = 0) -> ModuleProcess:
    hubs = [part for hub in HUBS.values() for part in ("--hub", f"{hub}:{PARTITIONS}")]
    return ModuleProcess("infra.local.eventhubs", ["--port", str(port), "--data", str(data), *hubs])


@pytest.fixture(scope="module")
def broker_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with start_broker(tmp_path_factory.mktemp("broker")) as broker:
        yield broker.ready["port"]


def held_by(port: int, hub: str) -> int:
    """How many events the hub holds, from its partitions' properties."""
    client = EventHubConsumerClient.from_connection_string(connection(port), "$Default", eventhub_name=hub)
    with client:
        states = [client.get_partition_properties(p) for p in client.get_partition_ids()]
    return sum(
        s["last_enqueued_sequence_number"] - s["beginning_sequence_number"] + 1
        for s in states
        if not s["is_empty"]
    )


def received(port: int, hub: str, wanted: int) -> dict[str, list[tuple[str, bytes]]]:
    """The keys and bodies of a hub by partition, in the order of the partition."""
    found: dict[str, list[tuple[str, bytes]]] = {}
    client = EventHubConsumerClient.from_connection_string(connection(port), "$Default", eventhub_name=hub)

    def take(context: PartitionContext, events: list[EventData]) -> None:
        rows = found.setdefault(context.partition_id, [])
        rows.extend(((event.partition_key or b"").decode(), event.body_as_str().encode()) for event in events)
        if sum(len(rows) for rows in found.values()) >= wanted:
            client.close()

    with client:
        client.receive_batch(take, starting_position="-1", max_batch_size=500, max_wait_time=2)
    return found


def test_what_is_acknowledged_is_in_the_hubs_and_counted_exactly(tmp_path: Path) -> None:
    sent = list(generate(1, 300, DAY))
    seen: list[int] = []
    with start_broker(tmp_path) as broker:
        port = broker.ready["port"]
        result = publish(generate(1, 300, DAY), connection(port), HUBS, seen.append)
        held = {stream: held_by(port, hub) for stream, hub in HUBS.items()}
    assert held == result.acknowledged == Counter(event.stream for event in sent)
    assert (sum(seen), result.resent) == (len(sent), 0)


def test_events_of_one_key_keep_their_order_in_the_partition_of_the_key(tmp_path: Path) -> None:
    events = [
        SampleEvent("ledger", f"ord-{place % 7}", f'{{"place":{place}}}'.encode(), {}, "test")
        for place in range(2_000)
    ]
    with start_broker(tmp_path) as broker:
        port = broker.ready["port"]
        publish(events, connection(port), HUBS)
        found = received(port, HUBS["ledger"], len(events))
    for partition, rows in found.items():
        for key in {key for key, _ in rows}:
            assert str(partition_of(key, PARTITIONS)) == partition
            assert [body for k, body in rows if k == key] == [
                e.body for e in events if e.partition_key == key
            ]


def test_a_broker_that_dies_and_comes_back_loses_nothing(tmp_path: Path) -> None:
    port, wanted = free_port(), 6_000
    broker = start_broker(tmp_path, port)
    command = ["-m", "tests.support.publish_sample", connection(port), str(wanted), *HUBS.values()]
    with subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as publisher:
        assert publisher.stdout is not None
        assert publisher.stdout.readline().strip() == '{"halfway": true}'
        os.kill(broker.pid, signal.SIGKILL)
        broker.wait()
        with start_broker(tmp_path, port):
            printed, _ = publisher.communicate("go on\n", timeout=60)
            held = sum(held_by(port, hub) for hub in HUBS.values())
    counts = json.loads(printed)
    assert counts["acknowledged"] == wanted
    assert wanted <= held <= wanted + counts["resent"]


def test_an_absent_broker_is_one_sentence_and_the_counts_are_kept() -> None:
    result = Published()
    with pytest.raises(PublishFailed, match=r"does not take events for (ledger|payment)") as caught:
        publish(generate(1, 5, DAY), connection(free_port()), HUBS, patience_seconds=0.1, result=result)
    assert "\n" not in str(caught.value)
    assert result.acknowledged.total() == 0


def test_a_wrong_connection_string_is_told_at_once() -> None:
    began = time.monotonic()
    with pytest.raises(PublishFailed):
        publish(generate(1, 5, DAY), "nonsense", HUBS, patience_seconds=3_600)
    assert time.monotonic() - began < 600


def test_an_event_too_large_for_the_broker_is_named(broker_port: int) -> None:
    event = SampleEvent("ledger", "k", b"x" * 3_000_000, {}, "test")
    with pytest.raises(PublishFailed, match="3000000 bytes is larger"):
        publish([event], connection(broker_port), HUBS)

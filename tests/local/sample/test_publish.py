import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from azure.eventhub import EventData

from infra.local.eventhubs.routing import partition_of
from infra.local.postgres.claims import free_port
from infra.local.sample import SampleEvent, generate
from infra.local.sample.model import Stream
from infra.local.sample.publish import Published, PublishFailed, publish
from tests.support.eventhubs import LocalEventHubs, local_event_hubs
from tests.support.eventhubs_sdk import bodies, consumer, receive_async
from tests.support.processes import ROOT

DAY = date(2026, 11, 23)
PARTITIONS = 2
HUBS: dict[Stream, str] = {"ledger": "ledger.entry.upserted", "payment_order": "payment.order.upserted"}


def connection(port: int) -> str:
    key = "SharedAccessKeyName=local;SharedAccessKey=not-checked"
    return f"Endpoint=sb://127.0.0.1:{port};{key};UseDevelopmentEmulator=true"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[LocalEventHubs]:
    """A broker of the test's own with both hubs."""
    with local_event_hubs(tmp_path / "data", dict.fromkeys(HUBS.values(), PARTITIONS)) as own:
        yield own


def counts_of(broker: LocalEventHubs, hub: str) -> list[int]:
    """How many events each partition of the hub holds."""
    return [each["last_sequence"] + 1 for each in broker.state()["hubs"][hub]["partitions"]]


async def received(broker: LocalEventHubs, hub: str) -> list[list[EventData]]:
    """Everything in the hub, by partition, in the order of the partition."""
    async with consumer(broker.connection_string, hub, "counterfoil") as client:
        reads = [receive_async(client, str(n), count) for n, count in enumerate(counts_of(broker, hub))]
        return await asyncio.gather(*reads)


def test_what_is_acknowledged_is_in_the_hubs_and_counted_exactly(broker: LocalEventHubs) -> None:
    sent = list(generate(1, 300, DAY))
    seen: list[int] = []
    result = publish(generate(1, 300, DAY), connection(broker.port), HUBS, seen.append)
    held = {stream: sum(counts_of(broker, hub)) for stream, hub in HUBS.items()}
    assert held == result.acknowledged == Counter(event.stream for event in sent)
    assert (sum(seen), result.resent) == (len(sent), 0)


def test_events_of_one_key_keep_their_order_in_the_partition_of_the_key(broker: LocalEventHubs) -> None:
    keys = [f"ord-{number}" for number in range(7)]
    events = [
        SampleEvent("ledger", keys[place % 7], f'{{"place":{place}}}'.encode(), {}, "test")
        for place in range(2_000)
    ]
    publish(events, connection(broker.port), HUBS)
    found = asyncio.run(received(broker, HUBS["ledger"]))
    assert sum(len(rows) for rows in found) == len(events)
    for key in keys:
        rows = found[partition_of(key, PARTITIONS)]
        mine = [row for row in rows if row.partition_key == key.encode()]
        assert bodies(mine) == [event.body for event in events if event.partition_key == key]


def test_a_broker_that_dies_and_comes_back_loses_nothing(broker: LocalEventHubs) -> None:
    wanted = 6_000
    command = ["-m", "tests.support.publish_sample", connection(broker.port), str(wanted), *HUBS.values()]
    with subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as publisher:
        assert publisher.stdout is not None
        assert publisher.stdout.readline().strip() == '{"halfway": true}'
        broker.kill()
        broker.start()
        printed, _ = publisher.communicate("go on\n", timeout=60)
    counts = json.loads(printed)
    held = sum(sum(counts_of(broker, hub)) for hub in HUBS.values())
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


def test_an_event_too_large_for_the_broker_is_named(broker: LocalEventHubs) -> None:
    event = SampleEvent("ledger", "k", b"x" * 3_000_000, {}, "test")
    with pytest.raises(PublishFailed, match="3000000 bytes is larger"):
        publish([event], connection(broker.port), HUBS)

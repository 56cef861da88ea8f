"""What survives: restarts, SIGKILL, a full disk; what goes: data beyond retention."""

import asyncio
import time
from pathlib import Path

import pytest
from azure.eventhub import EventData
from azure.eventhub.exceptions import EventDataSendError

from tests.support.amqp_client import amqp_client, publish_batch, publish_raw
from tests.support.eventhubs import LocalEventHubs, local_event_hubs
from tests.support.eventhubs_sdk import bodies, consumer, publish, receive, receive_async

COUNT = 20_000
READ = "ledger/ConsumerGroups/counterfoil/Partitions/0"


def _partition(server: LocalEventHubs) -> dict[str, int]:
    return dict(server.state()["hubs"]["ledger"]["partitions"][0])


def test_twenty_thousand_events_survive_a_kill(tmp_path: Path) -> None:
    with local_event_hubs(tmp_path / "data", {"ledger": 1}) as server:
        texts = [b"%d" % number for number in range(COUNT)]
        for start in range(0, COUNT, 1000):
            publish_batch(server.port, "ledger", *texts[start : start + 1000])
        created = server.state()["hubs"]["ledger"]["created_ms"]
        server.kill()
        (path,) = (tmp_path / "data" / "ledger" / "0").glob("*.log")
        with path.open("ab") as log:
            log.write(path.read_bytes()[-1000:-7])
        server.restart()
        assert "993 bytes" in server.log_text
        assert server.state()["hubs"]["ledger"]["created_ms"] == created
        publish_raw(server.port, "ledger", b"after")
        events = receive(server.connection_string, "ledger", "0", COUNT + 1)
    assert bodies(events) == [*texts, b"after"]
    assert [event.sequence_number for event in events] == list(range(COUNT + 1))
    times = [event.enqueued_time for event in events if event.enqueued_time is not None]
    assert times == sorted(times)
    assert len(times) == COUNT + 1


def test_a_full_disk_refuses_and_the_server_goes_on(tmp_path: Path) -> None:
    with local_event_hubs(tmp_path / "data", {"ledger": 1}) as server:
        publish_raw(server.port, "ledger", b"before")
        server.limit_file_size(2000)
        with pytest.raises(EventDataSendError) as refused:
            publish(server.connection_string, "ledger", [b"x" * 5000])
        assert str(refused.value.error) == "resource-limit-exceeded"
        server.limit_file_size(None)
        publish_raw(server.port, "ledger", b"after")
        assert _partition(server)["last_sequence"] == 1


def test_old_data_is_removed_while_it_runs(tmp_path: Path) -> None:
    options = ["--retention-mb", "0.05", "--retention-hours", "0.0005"]
    with local_event_hubs(tmp_path / "data", {"ledger": 1}, options=options) as server:
        folder = tmp_path / "data" / "ledger" / "0"
        publish_raw(server.port, "ledger", *[b"%01000d" % number for number in range(200)])
        by_size = _partition(server)
        assert 120 < by_size["begin_sequence"] < 200
        assert sum(path.stat().st_size for path in folder.iterdir()) < 60_000
        with amqp_client(server.port) as client:
            reader = client.attach_receiver(READ, "amqp.annotation.x-opt-sequence-number > '5'")
            client.flow(reader, credit=1)
            assert b"%01000d" % by_size["begin_sequence"] in client.receive(1)[0]
        deadline = time.monotonic() + 20
        while not (by_age := _partition(server))["is_empty"] and time.monotonic() < deadline:
            time.sleep(0.1)
        assert (by_age["begin_sequence"], by_age["last_sequence"]) == (200, 199)
        assert sum(path.stat().st_size for path in folder.iterdir()) < 100


async def _outlive(server: LocalEventHubs) -> list[EventData]:
    async with consumer(server.connection_string, "ledger", "counterfoil", retry_total=5) as client:
        reading = asyncio.create_task(receive_async(client, "0", 2))
        while _partition(server)["receivers"] == 0:
            await asyncio.sleep(0.05)
        server.kill()
        server.restart()
        publish_raw(server.port, "ledger", b"2")
        return await reading


def test_a_consumer_goes_on_after_a_restart(tmp_path: Path) -> None:
    """The SDK connects again by itself and asks for what it has not seen."""
    with local_event_hubs(tmp_path / "data", {"ledger": 1}, options=["--fsync"]) as server:
        publish_raw(server.port, "ledger", b"1")
        assert bodies(asyncio.run(_outlive(server))) == [b"1", b"2"]

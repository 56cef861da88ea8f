"""The official SDK against the server: publish, receive, properties, epochs, tokens, refusals."""

import asyncio
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubProducerClient
from azure.eventhub.exceptions import (
    AuthenticationError,
    ConnectError,
    EventDataSendError,
    EventHubError,
)

from infra.local.eventhubs.routing import partition_of
from tests.support.amqp_client import amqp_client, publish_raw
from tests.support.eventhubs import KEY, KEY_NAME, LocalEventHubs, local_event_hubs
from tests.support.eventhubs_sdk import bodies, consumer, producer, publish, receive, receive_async

PROPERTIES: dict[str, Any] = {
    "kind": "test",
    "number": 7,
    "ratio": 0.5,
    "flag": True,
    "id": uuid.UUID(int=5),
    "raw": b"\x00\xff",
}


def _event(body: bytes) -> EventData:
    event = EventData(body)
    event.properties.update(PROPERTIES.items())
    event.content_type, event.correlation_id, event.message_id = "application/json", "corr", "mess"
    return event


def test_a_round_trip_keeps_everything(server: LocalEventHubs) -> None:
    started = datetime.now(UTC) - timedelta(seconds=1)
    sent = [_event(b"\x00\xff not text"), _event(b"")]
    publish(server.connection_string, "trip", sent, partition_key="order-17")
    home = str(partition_of("order-17", 3))
    first, second = receive(server.connection_string, "trip", home, 2)
    assert bodies([first, second]) == [b"\x00\xff not text", b""]
    assert (first.sequence_number, second.sequence_number) == (0, 1)
    assert (first.offset, str(int(second.offset or ""))) == ("0", second.offset)
    assert first.partition_key == b"order-17"
    assert first.enqueued_time is not None
    assert started < first.enqueued_time < datetime.now(UTC) + timedelta(seconds=1)
    received = {
        key.encode(): value.encode() if value == "test" else value for key, value in PROPERTIES.items()
    }
    assert first.properties == received
    assert (first.content_type, first.correlation_id, first.message_id) == (
        "application/json",
        "corr",
        "mess",
    )


async def _publish_batches(server: LocalEventHubs) -> None:
    client = EventHubProducerClient.from_connection_string(server.connection_string, eventhub_name="batches")
    async with client:
        for number in range(12):
            batch = await client.create_batch(partition_key=f"order-{number % 6}")
            for position in range(3):
                batch.add(EventData(b"%d/%d" % (number, position)))
            await client.send_batch(batch)
        for number in range(8):
            await client.send_event(EventData(b"turn/%d" % number))


async def _receive_batches(server: LocalEventHubs) -> list[list[EventData]]:
    async with consumer(server.connection_string, "batches", "counterfoil") as client:
        counts = [part["last_sequence"] + 1 for part in server.state()["hubs"]["batches"]["partitions"]]
        reads = [receive_async(client, str(number), count) for number, count in enumerate(counts)]
        return await asyncio.gather(*reads)


def test_keys_keep_their_order_and_events_without_key_take_turns(server: LocalEventHubs) -> None:
    asyncio.run(_publish_batches(server))
    partitions = asyncio.run(_receive_batches(server))
    for number, events in enumerate(partitions):
        assert [event.sequence_number for event in events] == list(range(len(events)))
        offsets = [int(event.offset or "") for event in events]
        assert offsets == sorted(set(offsets))
        keyed = [event for event in events if event.partition_key]
        assert {partition_of((event.partition_key or b"").decode(), 4) for event in keyed} <= {number}
        assert len(events) - len(keyed) == 2
    for order in range(6):
        mine = [b"%d/%d" % (n, position) for n in (order, order + 6) for position in range(3)]
        events = partitions[partition_of(f"order-{order}", 4)]
        assert [body for body in bodies(events) if body in mine] == mine


def test_properties_of_hub_and_partitions(server: LocalEventHubs) -> None:
    publish_raw(server.port, "properties", b"a", b"b", partition_id=1)
    with producer(server.connection_string, "properties") as client:
        hub = client.get_eventhub_properties()
        never, used = (client.get_partition_properties(number) for number in ("0", "1"))
    state = server.state()["hubs"]["properties"]
    created = datetime.fromtimestamp(state["created_ms"] / 1000, UTC)
    assert hub == {"eventhub_name": "properties", "created_at": created, "partition_ids": ["0", "1"]}
    assert (never["is_empty"], never["last_enqueued_sequence_number"]) == (True, -1)
    assert used["last_enqueued_offset"] == str(state["partitions"][1]["last_offset"])
    numbers = (used["beginning_sequence_number"], used["last_enqueued_sequence_number"])
    assert (used["is_empty"], numbers) == (False, (0, 1))
    assert abs(datetime.now(UTC) - used["last_enqueued_time_utc"]) < timedelta(minutes=1)


def test_refused_management_reads(server: LocalEventHubs) -> None:
    server.refuse_management(True)
    try:
        with (
            producer(server.connection_string, "properties") as client,
            pytest.raises(EventHubError, match="503"),
        ):
            client.get_eventhub_properties()
    finally:
        server.refuse_management(False)


async def _take_over(server: LocalEventHubs) -> tuple[list[EventData], Exception]:
    """A receiver with epoch 0, then one with epoch 1: what the second gets, and what the first is told."""
    lost: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
    ready = asyncio.Event()

    async def on_batch(_context: Any, _events: list[EventData]) -> None:
        ready.set()

    async def on_error(_context: Any, error: Exception) -> None:
        if not lost.done():
            lost.set_result(error)

    async with (
        consumer(server.connection_string, "processor", "counterfoil") as old,
        consumer(server.connection_string, "processor", "counterfoil") as new,
    ):
        options: dict[str, Any] = {"partition_id": "0", "owner_level": 0, "starting_position": "-1"}
        first = asyncio.create_task(old.receive_batch(on_batch, on_error=on_error, **options))
        await asyncio.wait_for(ready.wait(), 20)
        events = await receive_async(new, "0", 3, owner_level=1)
        error = await asyncio.wait_for(lost, 20)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
    return events, error


def test_a_higher_epoch_takes_the_partition_over(server: LocalEventHubs) -> None:
    publish_raw(server.port, "processor", b"1", b"2", b"3")
    events, error = asyncio.run(_take_over(server))
    assert bodies(events) == [b"1", b"2", b"3"]
    assert isinstance(error, EventHubError)
    assert "amqp:link:stolen" in str(error)


async def _tracked(server: LocalEventHubs) -> dict[str, Any] | None:
    seen: list[dict[str, Any] | None] = []
    done = asyncio.Event()

    async def on_batch(context: Any, _events: list[EventData]) -> None:
        seen.append(context.last_enqueued_event_properties)
        done.set()

    async with consumer(server.connection_string, "metrics", "counterfoil") as client:
        options: dict[str, Any] = {"partition_id": "0", "starting_position": "-1", "prefetch": 1}
        options["track_last_enqueued_event_properties"] = True
        receiving = asyncio.create_task(client.receive_batch(on_batch, max_batch_size=1, **options))
        await asyncio.wait_for(done.wait(), 20)
        receiving.cancel()
        await asyncio.gather(receiving, return_exceptions=True)
    return seen[0]


def test_receivers_may_track_the_end_of_the_partition(server: LocalEventHubs) -> None:
    publish_raw(server.port, "metrics", b"1", b"2", b"3")
    tracked = asyncio.run(_tracked(server))
    assert tracked is not None
    assert tracked["sequence_number"] == 2


def _errors(*calls: Callable[[], object]) -> list[BaseException | None]:
    """What each call raises. They run side by side: the SDK mostly sleeps while it connects."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [running.exception() for running in [pool.submit(call) for call in calls]]


def _properties(connection_string: str, hub: str) -> object:
    with producer(connection_string, hub) as client:
        return client.get_eventhub_properties()


def test_refusals_are_understood_by_the_sdk(server: LocalEventHubs) -> None:
    address = server.connection_string
    server.refuse_writes(True)
    try:
        group, hub, write = _errors(
            lambda: receive(address, "plain", "0", 1, group="stranger"),
            lambda: _properties(address, "nowhere"),
            lambda: publish(address, "plain", [b"x"]),
        )
    finally:
        server.refuse_writes(False)
    assert isinstance(group, EventHubError)
    assert isinstance(hub, ConnectError)
    assert isinstance(write, EventDataSendError)
    conditions = [str(error.error) for error in (group, hub, write)]
    assert conditions == ["not-found", "not-found", "resource-limit-exceeded"]


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEventHubs]:
    """A server that checks tokens."""
    folder = tmp_path_factory.mktemp("locked") / "data"
    with local_event_hubs(folder, {"ledger": 1}, options=["--sas", f"{KEY_NAME}={KEY}"]) as running:
        yield running


def test_only_the_right_key_opens_the_hub(locked: LocalEventHubs) -> None:
    right, wrong, stranger = _errors(
        lambda: publish(locked.connection_string, "ledger", [b"x"]),
        lambda: publish(locked.connection_string_with(KEY_NAME, "wrong"), "ledger", [b"x"]),
        lambda: publish(locked.connection_string_with("stranger", KEY), "ledger", [b"x"]),
    )
    assert right is None
    assert isinstance(wrong, AuthenticationError)
    assert isinstance(stranger, AuthenticationError)
    assert locked.state()["hubs"]["ledger"]["partitions"][0]["last_sequence"] == 0


def test_without_a_token_nothing_opens(locked: LocalEventHubs) -> None:
    with amqp_client(locked.port) as client:
        client.attach_sender("ledger")
        assert client.detached().condition == "amqp:unauthorized-access"
        client.attach_receiver("ledger/ConsumerGroups/counterfoil/Partitions/0")
        assert client.detached().condition == "amqp:unauthorized-access"

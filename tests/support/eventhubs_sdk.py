"""The official SDK in a few calls: publish, receive, properties."""

import asyncio
from collections.abc import Sequence
from typing import Any

from azure.eventhub import EventData, EventHubProducerClient
from azure.eventhub.aio import EventHubConsumerClient

SECONDS_TO_RECEIVE = 30.0


def producer(connection_string: str, hub: str, **options: Any) -> EventHubProducerClient:
    """A producer that does not retry, so that a refusal shows at once."""
    options.setdefault("retry_total", 0)
    return EventHubProducerClient.from_connection_string(connection_string, eventhub_name=hub, **options)


def publish(
    connection_string: str,
    hub: str,
    bodies: Sequence[bytes | EventData],
    partition_id: str | None = None,
    partition_key: str | None = None,
) -> None:
    """Sends the events in order, in as few batches as they need."""
    with producer(connection_string, hub) as client:
        send_all(client, bodies, partition_id, partition_key)


def send_all(
    client: EventHubProducerClient,
    bodies: Sequence[bytes | EventData],
    partition_id: str | None = None,
    partition_key: str | None = None,
) -> None:
    """The same with a client at hand, whose link stays open."""
    batch = client.create_batch(partition_id=partition_id, partition_key=partition_key)
    for body in bodies:
        event = body if isinstance(body, EventData) else EventData(body)
        try:
            batch.add(event)
        except ValueError:
            client.send_batch(batch)
            batch = client.create_batch(partition_id=partition_id, partition_key=partition_key)
            batch.add(event)
    client.send_batch(batch)


def consumer(connection_string: str, hub: str, group: str, **options: Any) -> EventHubConsumerClient:
    """A consumer that does not retry."""
    options.setdefault("retry_total", 0)
    return EventHubConsumerClient.from_connection_string(
        connection_string, consumer_group=group, eventhub_name=hub, **options
    )


async def receive_async(
    client: EventHubConsumerClient, partition_id: str, count: int, start: Any = "-1", **options: Any
) -> list[EventData]:
    """At least that many events, in order. Raises TimeoutError, or the error of the link."""
    events: list[EventData] = []
    failures: list[Exception] = []
    done = asyncio.Event()

    async def on_batch(_context: Any, batch: list[EventData]) -> None:
        events.extend(batch)
        if len(events) >= count:
            done.set()

    async def on_error(_context: Any, error: Exception) -> None:
        failures.append(error)
        done.set()

    options = {"prefetch": 3000, "max_batch_size": 3000, "max_wait_time": 0.5, **options}
    receiving = asyncio.create_task(
        client.receive_batch(
            on_batch, partition_id=partition_id, starting_position=start, on_error=on_error, **options
        )
    )
    try:
        await asyncio.wait_for(done.wait(), SECONDS_TO_RECEIVE)
    finally:
        receiving.cancel()
        await asyncio.gather(receiving, return_exceptions=True)
    if failures:
        raise failures[0]
    return events


def receive(
    connection_string: str,
    hub: str,
    partition_id: str,
    count: int,
    start: Any = "-1",
    group: str = "counterfoil",
    **options: Any,
) -> list[EventData]:
    """Opens a consumer, takes at least that many events of one partition and closes it."""

    async def run() -> list[EventData]:
        async with consumer(connection_string, hub, group) as client:
            return await receive_async(client, partition_id, count, start, **options)

    return asyncio.run(run())


def bodies(events: Sequence[EventData]) -> list[bytes]:
    """The bodies of received events, which must be binary."""
    return [b"".join(event.body) for event in events]  # type: ignore[arg-type]

"""Reading events of a partition again, through the official SDK and a consumer group of their own.

The SDK reads in an event loop and calls back; here the caller asks for the next batch, and the loop runs only while
it waits.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from azure.eventhub import EventData
    from azure.eventhub.aio import EventHubConsumerClient

BATCH_EVENTS_MAX = 1000
# Batches that wait for the caller; the SDK's own buffer lies behind them.
BATCHES_AHEAD_MAX = 2


@dataclass(frozen=True, slots=True)
class HubEvent:
    """One event as the hub holds it. `enqueued_at` is aware UTC, in milliseconds."""

    body: bytes
    sequence_number: int
    enqueued_at: datetime
    offset: str
    partition_key: str | None
    properties: Mapping[str, Any] = field(default_factory=dict)


class Reading:
    """A receiver without an epoch on one partition, from a sequence number on."""

    def __init__(
        self, client: "EventHubConsumerClient", partition_id: str, first: int, seconds_max: float
    ) -> None:
        self._client, self._seconds_max = client, seconds_max
        self._loop = asyncio.new_event_loop()
        self._told: asyncio.Queue[list[HubEvent] | Exception] = asyncio.Queue(BATCHES_AHEAD_MAX)
        self._receiving = self._loop.create_task(self._receive(partition_id, first))

    def next_batch(self) -> list[HubEvent]:
        """The next events. Raises TimeoutError when none comes, or what the SDK says is wrong."""
        told = self._loop.run_until_complete(asyncio.wait_for(self._told.get(), self._seconds_max))
        if isinstance(told, Exception):
            raise told
        return told

    def close(self) -> None:
        """Give the partition back."""
        self._receiving.cancel()
        with suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._receiving)
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def _receive(self, partition_id: str, first: int) -> None:
        async def on_batch(_context: Any, events: "list[EventData]") -> None:
            if events:
                await self._told.put([_event(each) for each in events])

        async def on_error(_context: Any, error: Exception) -> None:
            await self._told.put(error)

        try:
            async with self._client:
                await self._client.receive_batch(
                    on_batch,
                    partition_id=partition_id,
                    starting_position=first,
                    starting_position_inclusive=True,
                    on_error=on_error,
                    max_batch_size=BATCH_EVENTS_MAX,
                    prefetch=BATCH_EVENTS_MAX * BATCHES_AHEAD_MAX,
                )
        except Exception as error:  # noqa: BLE001 - handed to whoever waits for the next batch
            await self._told.put(error)


def _event(data: "EventData") -> HubEvent:
    """The same facts the platform's trigger delivers."""
    if data.sequence_number is None or data.enqueued_time is None:
        raise ValueError("the hub delivered an event without sequence number or enqueued time")
    moment = data.enqueued_time.astimezone(UTC)
    key = data.partition_key
    return HubEvent(
        body=_body(data),
        sequence_number=int(data.sequence_number),
        enqueued_at=moment.replace(microsecond=moment.microsecond // 1000 * 1000),
        offset=str(data.offset or ""),
        partition_key=_text(key) if key is not None else None,
        properties={str(_text(name)): _text(value) for name, value in (data.properties or {}).items()},
    )


def _body(data: "EventData") -> bytes:
    body: Any = data.body
    if isinstance(body, (bytes, str)):
        return body if isinstance(body, bytes) else body.encode()
    return b"".join(part if isinstance(part, bytes) else str(part).encode() for part in body)


def _text(value: Any) -> Any:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value

"""The receiver process: reads partitions with the official SDK and forwards their events to the host.

On the platform the host that receives is another process than the worker that runs functions. The same
holds here, so that decoding AMQP and running functions use two cores instead of one interpreter lock.
The process ends when the host's end of the pipe closes.
"""

import asyncio
import logging
import os
import signal
import sys
import traceback
from typing import Any

from azure.core.exceptions import AzureError
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient, PartitionContext
from azure.eventhub.exceptions import EventHubError, OwnershipLostError

from infra.local.host.decode import event_batch
from infra.local.host.frames import (
    STREAM_LIMIT,
    Configure,
    Consumed,
    Events,
    Open,
    Partitions,
    Receiving,
    Stream,
    Trouble,
    encode,
    read_message,
)

# The platform's processor takes partitions with this epoch; the newest receiver of a group wins.
OWNER_LEVEL = 0
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 10.0
CLOSE_SECONDS = 5.0


class Pauses:
    """Back-off between attempts: doubles from a quarter of a second to ten."""

    def __init__(self) -> None:
        self._next = FIRST_PAUSE_SECONDS

    async def pause(self) -> None:
        current, self._next = self._next, min(self._next * 2, LONGEST_PAUSE_SECONDS)
        await asyncio.sleep(current)

    def reset(self) -> None:
        self._next = FIRST_PAUSE_SECONDS


class PartitionReceiver:
    """One partition: receives, forwards within the window, and reconnects after the last forwarded event."""

    def __init__(self, host: "HostPipe", number: int, stream: Stream, request: Open) -> None:
        self._host, self._number, self._stream = host, number, stream
        self._partition = request.partition
        self._position = request.position
        self._last_sequence_number: int | None = None
        self._unconsumed = 0
        self._room = asyncio.Event()
        self._room.set()
        self._pauses = Pauses()
        self._closing: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Receive until ownership is lost; any other failure is reported and tried again."""
        while True:
            await self._host.send(Receiving(self._number, self._partition))
            failure = await self._receive_until_failure()
            lost = isinstance(failure, OwnershipLostError) or "link:stolen" in str(failure)
            await self._host.send(
                Trouble(self._number, self._partition, one_line(failure), ownership_lost=lost)
            )
            if lost:
                return
            await self._pauses.pause()

    def consumed(self, count: int) -> None:
        self._unconsumed -= count
        if self._unconsumed < self._stream.window:
            self._room.set()

    async def _receive_until_failure(self) -> BaseException:
        failure: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

        async def on_error(_context: PartitionContext | None, error: Exception) -> None:
            if not failure.done():
                failure.set_result(error)

        client = self._stream.connection.open_consumer(self._stream.hub, self._stream.group)
        receiving = asyncio.create_task(
            client.receive_batch(
                on_event_batch=self._forward,
                on_error=on_error,
                partition_id=self._partition,
                starting_position=self._position,
                owner_level=OWNER_LEVEL,
                prefetch=self._stream.prefetch,
                max_batch_size=self._stream.prefetch,
            )
        )
        try:
            await asyncio.wait((receiving, failure), return_when=asyncio.FIRST_COMPLETED)
            return (
                failure.result() if failure.done() else receiving.exception() or EOFError("receiving ended")
            )
        finally:
            # In the background: closing a broken connection takes the SDK a second, which the next try need not wait.
            closing = asyncio.create_task(close_quietly(client, receiving))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def _forward(self, _context: PartitionContext, events: list[EventData]) -> None:
        batch = event_batch(events)
        await self._room.wait()
        # After a reconnect the SDK may deliver again what it had already buffered, and the client before may still
        # wait here: only the first to find room forwards an event.
        if self._last_sequence_number is not None and batch.sequence_numbers[0] <= self._last_sequence_number:
            new = sum(number > self._last_sequence_number for number in batch.sequence_numbers)
            batch = batch.part(len(batch) - new, len(batch))
        if not batch:
            return
        self._unconsumed += len(batch)
        if self._unconsumed >= self._stream.window:
            self._room.clear()
        self._position, self._last_sequence_number = batch.offsets[-1], batch.sequence_numbers[-1]
        self._pauses.reset()
        await self._host.send(Events(self._number, self._partition, batch))


class HostPipe:
    """The way to the host: frames on what was this process's standard output."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    async def send(self, message: object) -> None:
        self._writer.write(encode(message))
        await self._writer.drain()


class Receiver:
    """All streams of one host."""

    def __init__(self, host: HostPipe) -> None:
        self._host = host
        self._streams: tuple[Stream, ...] = ()
        self._receivers: dict[tuple[int, str], PartitionReceiver] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def handle(self, message: object) -> None:
        """Act on a message of the host; an Open replaces a receiver of that partition that has ended."""
        if isinstance(message, Configure):
            self._streams = message.streams
            for number, stream in enumerate(message.streams):
                self._start(self._find_partitions(number, stream))
        elif isinstance(message, Open):
            receiver = PartitionReceiver(self._host, message.stream, self._streams[message.stream], message)
            self._receivers[message.stream, message.partition] = receiver
            self._start(receiver.run())
        elif isinstance(message, Consumed):
            self._receivers[message.stream, message.partition].consumed(message.count)

    def _start(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A defect in one task must not leave a partition unread without a word: the host starts this process anew."""
        self._tasks.discard(task)
        if not task.cancelled() and (defect := task.exception()) is not None:
            traceback.print_exception(defect)
            os._exit(1)

    async def _find_partitions(self, number: int, stream: Stream) -> None:
        pauses = Pauses()
        while True:
            client = stream.connection.open_consumer(stream.hub, stream.group)
            try:
                partitions = await client.get_partition_ids()
                last: dict[str, int | None] = dict.fromkeys(partitions)
                if stream.needs_ends:
                    properties = await asyncio.gather(*map(client.get_partition_properties, partitions))
                    last = {each["id"]: each["last_enqueued_sequence_number"] for each in properties}
            except (EventHubError, AzureError, OSError, KeyError) as error:
                await self._host.send(Trouble(number, None, one_line(error)))
                await pauses.pause()
            else:
                await self._host.send(Partitions(number, last))
                return
            finally:
                await close_quietly(client)


async def close_quietly(
    client: EventHubConsumerClient, receiving: "asyncio.Task[None] | None" = None
) -> None:
    """Close a client whose connection may be broken; what that raises tells nothing new."""
    closing: list[asyncio.Future[None]] = [asyncio.ensure_future(client.close())]
    await asyncio.wait(closing, timeout=CLOSE_SECONDS)
    if receiving is not None:
        # The SDK's loop would notice the closed client only at its next turn, up to half a minute later.
        closing.append(receiving)
    for task in closing:
        task.cancel()
    await asyncio.gather(*closing, return_exceptions=True)


def one_line(error: BaseException) -> str:
    """The first line of an error, which is the part that says what is wrong."""
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__


async def serve() -> None:
    """Take the host's messages from standard input until it ends."""
    frames_out = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=STREAM_LIMIT)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    transport, protocol = await loop.connect_write_pipe(
        lambda: asyncio.streams.FlowControlMixin(loop), os.fdopen(frames_out, "wb")
    )
    receiver = Receiver(HostPipe(asyncio.StreamWriter(transport, protocol, None, loop)))
    while (message := await read_message(reader)) is not None:
        receiver.handle(message)


def main() -> None:
    # Ctrl-C reaches the whole group; this process ends when the host closes the pipe, not before.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    logging.getLogger("azure").setLevel(logging.CRITICAL)
    asyncio.run(_serve_then_exit())


async def _serve_then_exit() -> None:
    await serve()
    # Closing links politely would wait for a broker that may be gone; nothing here needs saving.
    os._exit(0)


if __name__ == "__main__":
    main()

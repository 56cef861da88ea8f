"""One partition's pump: batches in order, one at a time, retried inside the dispatch, then checkpointed."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from infra.local.host.attempts import Attempts
from infra.local.host.batch import EventBatch, PartitionContext, trigger_data, trigger_metadata
from infra.local.host.checkpoints import Checkpoint, CheckpointStore
from infra.local.host.faults import Faults
from infra.local.host.functions import EventHubFunction
from infra.local.host.hostjson import EventHubsOptions
from infra.local.host.invoker import Invoker
from infra.local.host.logs import HOST_LOGGER
from infra.local.host.worker import Result

log = logging.getLogger(HOST_LOGGER)

# With a checkpoint every N batches the platform writes the outstanding one after ten quiet minutes.
IDLE_CHECKPOINT_SECONDS = 600.0
BEGINNING = "-1"

Position = str | int | datetime


def _no_events() -> EventBatch:
    return EventBatch([], [], [], [], [], [], [])


class PartitionPump:
    """Buffers what the receiver forwards and hands it to the function under the platform's rules.

    The checkpoint is written once the dispatch has ended, whether or not the function succeeded. It is not
    written when the host is stopping or the partition was taken by another receiver: then the events come again.
    """

    def __init__(
        self,
        function: EventHubFunction,
        context: PartitionContext,
        initial: Position,
        options: EventHubsOptions,
        store: CheckpointStore,
        invoker: Invoker,
        faults: Faults,
        on_consumed: Callable[[int], None],
    ) -> None:
        self._function, self.context, self._options = function, context, options
        # Kept, because an initial "end" would be a later place each time it is asked for.
        self._initial = initial
        self._store, self._invoker, self._faults = store, invoker, faults
        self._on_consumed = on_consumed
        self._stopping = asyncio.Event()
        self._interrupt = asyncio.Event()
        self._changed = asyncio.Event()
        self._attempts = Attempts(function.name, function.retry, self._interrupt)
        self._buffer = _no_events()
        self._in_flight = 0
        self._generation = 0
        self._first_invocation = True
        self._batches = self._failed_batches = self._batches_since_checkpoint = 0
        self._last_error = ""
        self.state = "opening"
        self.checkpoint = store.read(context)
        self._done = self._received = self.checkpoint
        self._task = asyncio.create_task(self._run(), name=f"pump {context.hub}/{context.partition}")

    def resume_position(self) -> Position:
        """Where receiving goes on: after the last event received or checkpointed, else at the initial offset."""
        return self._received.offset if self._received else self._initial

    def restart_at_beginning(self) -> None:
        """Forget the checkpoint of a hub that no longer reaches so far."""
        self.checkpoint = self._done = self._received = None
        self._initial = BEGINNING

    def accept(self, batch: EventBatch) -> None:
        self._buffer.extend(batch)
        self._received = Checkpoint(batch.offsets[-1], batch.sequence_numbers[-1])
        self._changed.set()

    def lose_ownership(self) -> None:
        """Another receiver has the partition: drop what waits, retry no more, and let no call move the checkpoint."""
        self._generation += 1
        self._interrupt.set()
        self._first_invocation = True
        self._buffer = _no_events()
        self.checkpoint = self._done = self._received = self._store.read(self.context)
        self._batches_since_checkpoint = 0

    async def stop(self) -> None:
        """Take no further batch, let a running invocation end, and close with the outstanding checkpoint."""
        done, outstanding = self._done, self._batches_since_checkpoint
        self._stopping.set()
        self._interrupt.set()
        if not self._attempts.calling:
            self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if outstanding and done is not None:
            self._store.write(self.context, done)

    def status(self) -> dict[str, Any]:
        """The pump in figures for operators and tests."""
        paused = self._faults.is_paused(self._function.name)
        retrying = self._in_flight and self._attempts.retries
        return {
            "function": self._function.name,
            "hub": self.context.hub,
            "group": self.context.group,
            "partition": self.context.partition,
            "state": "paused" if paused else "retrying" if retrying else self.state,
            "received": self._received.sequence_number if self._received else None,
            "position": self._done.sequence_number if self._done else None,
            "checkpoint": self.checkpoint.sequence_number if self.checkpoint else None,
            "buffered": len(self._buffer),
            "in_flight": self._in_flight,
            "attempts": self._attempts.retries + 1 if self._in_flight else 0,
            "batches": self._batches,
            "failed_batches": self._failed_batches,
            "last_error": self._last_error,
        }

    async def _run(self) -> None:
        while not self._stopping.is_set():
            batch = await self._next_batch()
            if self._stopping.is_set():
                return
            self._interrupt.clear()
            generation, self._in_flight = self._generation, len(batch)
            await self._faults.wait_while_paused(self._function.name)
            if generation == self._generation:
                await self._dispatch(batch, generation)
            self._in_flight = 0

    async def _next_batch(self) -> EventBatch:
        """Up to the maximum batch size; with a minimum, wait for it as long as the options allow."""
        now = asyncio.get_running_loop().time
        deadline: float | None = None
        while True:
            if len(self._buffer) >= self._options.min_batch_size:
                return self._take()
            if self._buffer:
                deadline = deadline or now() + self._patience_seconds()
                patience: float | None = deadline - now()
            else:
                patience = IDLE_CHECKPOINT_SECONDS if self._batches_since_checkpoint else None
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), patience)
            except TimeoutError:
                if self._buffer:
                    return self._take()
                await self._write_checkpoint()

    def _patience_seconds(self) -> float:
        """How long a batch below the minimum waits for more.

        The first one of a partition does not wait longer than since the last checkpoint, and not at all when
        there is none: it may have waited elsewhere already.
        """
        if not self._first_invocation:
            return self._options.max_wait_seconds
        written_at = self._store.written_at(self.context)
        if written_at is None:
            return 0.0
        return max(0.0, self._options.max_wait_seconds - (datetime.now(UTC) - written_at).total_seconds())

    def _take(self) -> EventBatch:
        size = min(len(self._buffer), self._options.max_batch_size)
        batch, self._buffer = self._buffer.part(0, size), self._buffer.part(size, len(self._buffer))
        return batch

    async def _dispatch(self, batch: EventBatch, generation: int) -> None:
        """Call the function; `generation` is the ownership under which the batch was taken."""
        self._first_invocation = False
        if self._faults.take_lost_batch(self._function.name):
            log.warning("Skipping %s without calling it, as the fault switch asks.", self._described(batch))
        else:
            result = await self._invoke(batch)
            if result is None or self._stopping.is_set():
                return
            self._note(batch, result)
        if generation != self._generation:
            log.warning(
                "%s: another receiver has the partition; no checkpoint is written.", self._described(batch)
            )
            return
        self._done = Checkpoint(batch.offsets[-1], batch.sequence_numbers[-1])
        self._batches += 1
        self._batches_since_checkpoint += 1
        self._on_consumed(len(batch))
        if self._batches_since_checkpoint >= self._options.checkpoint_every_batches:
            await self._write_checkpoint()

    async def _invoke(self, batch: EventBatch) -> Result | None:
        due = self._batches_since_checkpoint + 1 >= self._options.checkpoint_every_batches
        inputs = {self._function.parameter: trigger_data(batch)}
        metadata = trigger_metadata(batch, self.context, checkpointing=due)
        name = self._function.name
        return await self._attempts.run(
            lambda retry: self._invoker.invoke(name, "eventHub", inputs, metadata, retry)
        )

    def _note(self, batch: EventBatch, result: Result) -> None:
        self._last_error = result.error
        if not result.succeeded:
            self._failed_batches += 1
            log.error("%s failed for good; the checkpoint moves past it.", self._described(batch))

    async def _write_checkpoint(self) -> None:
        if self._done is None:
            return
        self._batches_since_checkpoint = 0
        checkpoint = self._done
        await asyncio.to_thread(self._store.write, self.context, checkpoint)
        self.checkpoint = checkpoint

    def _described(self, batch: EventBatch) -> str:
        first, last = batch.sequence_numbers[0], batch.sequence_numbers[-1]
        return f"{self._function.name}: {self.context.hub}/{self.context.partition} events {first} to {last}"

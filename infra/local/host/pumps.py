"""All event hub triggers of the app: one receiver process, one pump per partition."""

import asyncio
import logging
import os
import uuid
from typing import Any

from infra.local.host.batch import PartitionContext
from infra.local.host.checkpoints import CheckpointStore
from infra.local.host.faults import Faults
from infra.local.host.frames import Configure, Consumed, Events, Open, Partitions, Receiving, Stream, Trouble
from infra.local.host.functions import EventHubFunction
from infra.local.host.hostjson import EventHubsOptions
from infra.local.host.invoker import Invoker
from infra.local.host.link import ReceiverProcess
from infra.local.host.logs import HOST_LOGGER
from infra.local.host.partition import BEGINNING, PartitionPump, Position

log = logging.getLogger(HOST_LOGGER)

RESTART_PAUSE_SECONDS = 1.0
# A partition taken by another receiver is asked for again only after the other one had its time.
RECLAIM_PAUSE_SECONDS = 30.0


class Pumps:
    """Starts the receiver, routes its messages to the pumps and starts it again when it dies."""

    def __init__(
        self,
        functions: tuple[EventHubFunction, ...],
        options: EventHubsOptions,
        store: CheckpointStore,
        invoker: Invoker,
        faults: Faults,
    ) -> None:
        self._functions, self._options, self._store = functions, options, store
        self._invoker, self._faults = invoker, faults
        self._owner = f"{os.getpid()}-{uuid.uuid4()}"
        self._pumps: dict[tuple[int, str], PartitionPump] = {}
        self._troubles: dict[tuple[int, str | None], str] = {}
        self._reclaims: dict[tuple[int, str], asyncio.TimerHandle] = {}
        self._link: ReceiverProcess | None = None
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._functions:
            self._task = asyncio.create_task(self._receive(), name="receiver")

    async def stop(self) -> None:
        """Stop receiving at once; running batches end first, without moving a checkpoint."""
        self._stopping = True
        if self._link is not None:
            await self._link.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await asyncio.gather(*(pump.stop() for pump in self._pumps.values()))

    def status(self) -> list[dict[str, Any]]:
        """One entry per partition, and one per hub that could not be reached yet."""
        pumps = [self._pumps[key].status() for key in sorted(self._pumps)]
        unreached = [
            {"function": self._functions[stream].name, "hub": self._functions[stream].hub, "state": reason}
            for (stream, partition), reason in self._troubles.items()
            if partition is None
        ]
        return pumps + unreached

    async def _receive(self) -> None:
        while not self._stopping:
            self._link = await ReceiverProcess.start()
            self._link.send(Configure(tuple(self._stream(function) for function in self._functions)))
            while (message := await self._link.next_message()) is not None:
                self._handle(message)
            if not self._stopping:
                log.error("The receiver process ended; starting it again.")
                await asyncio.sleep(RESTART_PAUSE_SECONDS)

    def _stream(self, function: EventHubFunction) -> Stream:
        options = self._options
        window = max(2 * options.max_batch_size, options.prefetch_count, options.min_batch_size)
        known = self._store.knows(function.connection.namespace, function.hub, function.group)
        return Stream(
            function.connection, function.hub, function.group, options.prefetch_count, window,
            needs_ends=known or options.initial_offset.kind == "fromEnd",
        )  # fmt: skip

    def _handle(self, message: object) -> None:
        if isinstance(message, Events):
            self._recovered(message.stream, message.partition)
            self._pumps[message.stream, message.partition].accept(message.batch)
        elif isinstance(message, Partitions):
            self._troubles.pop((message.stream, None), None)
            for partition, last in message.last_sequence_numbers.items():
                self._open(message.stream, partition, last)
        elif isinstance(message, Receiving):
            self._pumps[message.stream, message.partition].state = "receiving"
        elif isinstance(message, Trouble):
            self._trouble(message)

    def _open(self, stream: int, partition: str, end: int | None) -> None:
        function = self._functions[stream]
        context = PartitionContext(function.connection.namespace, function.hub, function.group, partition)
        pump = self._pumps.get((stream, partition))
        if pump is None:
            pump = PartitionPump(
                function, context, self._initial_position(end),
                self._options, self._store, self._invoker, self._faults,
                lambda count: self._send(Consumed(stream, partition, count)),
            )  # fmt: skip
            self._pumps[stream, partition] = pump
        checkpoint = pump.checkpoint
        if checkpoint is not None and end is not None and checkpoint.sequence_number > end:
            log.error(
                "The checkpoint of %s/%s for group %s (event %d) lies beyond the last event of the partition (%d): "
                "the hub was made anew. Reading it from its beginning.",
                function.hub, partition, function.group, checkpoint.sequence_number, end,
            )  # fmt: skip
            pump.restart_at_beginning()
        self._claim(stream, pump)

    def _claim(self, stream: int, pump: PartitionPump) -> None:
        partition = pump.context.partition
        if (waiting := self._reclaims.pop((stream, partition), None)) is not None:
            # Two receivers of ours would take the partition from each other.
            waiting.cancel()
        self._store.claim(pump.context, self._owner)
        self._send(Open(stream, partition, pump.resume_position()))

    def _initial_position(self, end: int | None) -> Position:
        initial = self._options.initial_offset
        if initial.enqueued_at is not None:
            return initial.enqueued_at
        if initial.kind != "fromEnd":
            return BEGINNING
        # The end as a number: "latest" would be a later place after every reconnect.
        assert end is not None
        return end

    def _send(self, message: object) -> None:
        if self._link is not None and not self._stopping:
            self._link.send(message)

    def _recovered(self, stream: int, partition: str) -> None:
        if self._troubles.pop((stream, partition), None):
            log.info("Receiving again from %s/%s.", self._functions[stream].hub, partition)

    def _trouble(self, trouble: Trouble) -> None:
        function, key = self._functions[trouble.stream], (trouble.stream, trouble.partition)
        if self._troubles.get(key) != trouble.reason:
            self._troubles[key] = trouble.reason
            place = function.hub if trouble.partition is None else f"{function.hub}/{trouble.partition}"
            if trouble.ownership_lost:
                text = "Another receiver of the group took %s; asking for it again in %.0f s. %s"
                log.warning(text, place, RECLAIM_PAUSE_SECONDS, trouble.reason)
            else:
                log.warning("Cannot receive from %s; trying again. %s", place, trouble.reason)
        if trouble.partition is None:
            return
        pump = self._pumps[trouble.stream, trouble.partition]
        pump.state = "lost" if trouble.ownership_lost else "reconnecting"
        if trouble.ownership_lost:
            pump.lose_ownership()
            reclaim = asyncio.get_running_loop().call_later(
                RECLAIM_PAUSE_SECONDS, self._claim, trouble.stream, pump
            )
            self._reclaims[trouble.stream, trouble.partition] = reclaim

"""One connection through the proxy: its two ends, and what passes between them under the proxy's plan."""

import asyncio
import socket
import struct
from dataclasses import dataclass
from enum import StrEnum
from random import Random

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Side(StrEnum):
    """Who wrote the bytes."""

    CLIENT = "client"
    SERVER = "server"


@dataclass
class Drop:
    """Wait for a question with these bytes, swallow all that follows until an answer with those, then cut."""

    question: bytes
    answer: bytes


@dataclass
class Plan:
    """What shall go wrong; read at every chunk, changed only on the proxy's own thread."""

    refusing: bool = False
    holding: bool = False
    bytes_from_client_max: int | None = None
    bytes_from_server_max: int | None = None
    rng: Random | None = None
    probability_per_chunk: float = 0.0
    drop: Drop | None = None
    answers_dropped: int = 0
    cuts: int = 0

    def bytes_max(self, side: Side) -> int | None:
        return self.bytes_from_client_max if side is Side.CLIENT else self.bytes_from_server_max


class End(asyncio.Protocol):
    """The proxy's socket towards one side."""

    def __init__(self, link: "Link", side: Side) -> None:
        self.link = link
        self.side = side
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.link.opened(self)

    def data_received(self, data: bytes) -> None:
        self.link.passed(self.side, data)

    def eof_received(self) -> bool:
        self.link.ended(self.side)
        return True

    def connection_lost(self, error: Exception | None) -> None:
        self.link.lost(self.side, reset=error is not None)

    def pause_writing(self) -> None:
        self.link.hold(self.link.other(self.side))

    def resume_writing(self) -> None:
        self.link.go_on(self.link.other(self.side))

    def close(self, *, reset: bool) -> None:
        """A reset loses what was not delivered yet; a plain close delivers it first."""
        if self.transport is None or self.transport.is_closing():
            return
        if reset:
            raw: socket.socket = self.transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self.transport.abort()
        else:
            self.transport.close()


class Link:
    """Both ends of a connection. Every method runs on the proxy's thread."""

    def __init__(self, plan: Plan, target: tuple[str, int], links: set["Link"]) -> None:
        self._plan = plan
        self._target = target
        self._links = links
        self._ends = {side: End(self, side) for side in Side}
        self._counts = dict.fromkeys(Side, 0)
        self._dropping: bytes | None = None
        self._tails = dict.fromkeys(Side, b"")
        self._ended: set[Side] = set()
        self._connecting: asyncio.Task[None] | None = None

    @property
    def client(self) -> End:
        return self._ends[Side.CLIENT]

    @property
    def server(self) -> End:
        return self._ends[Side.SERVER]

    def other(self, side: Side) -> End:
        return self._ends[Side.SERVER if side is Side.CLIENT else Side.CLIENT]

    def opened(self, end: End) -> None:
        """The client came: reach the server before reading. The server answered: let the bytes flow."""
        if end.side is Side.CLIENT:
            if self._plan.refusing:
                end.close(reset=True)
                return
            self._links.add(self)
            self.hold(end)
            self._connecting = asyncio.get_running_loop().create_task(self._reach_server())
        else:
            if self._plan.holding:
                self.hold(end)
            self.go_on(self.client)

    async def _reach_server(self) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: self.server, *self._target)
        except OSError:
            self.cut()
        else:
            if self.client.transport is None or self.client.transport.is_closing():
                self.server.close(reset=True)

    def passed(self, side: Side, data: bytes) -> None:
        """Forward a chunk, or as much of it as the plan lets through."""
        if side is Side.SERVER and self._dropping is not None:
            if self._holds(side, self._dropping, data):
                self._plan.answers_dropped += 1
                self.cut()
            return
        length = self._length_to_pass(side, len(data))
        self._write(side, data[:length])
        if length < len(data):
            self.cut(deliver_to=self.other(side))
        elif side is Side.CLIENT and (drop := self._plan.drop) and self._holds(side, drop.question, data):
            self._plan.drop, self._dropping = None, drop.answer

    def _length_to_pass(self, side: Side, length: int) -> int:
        """All of it, or fewer bytes when the connection is to be cut inside this chunk."""
        limit = self._plan.bytes_max(side)
        passed = self._counts[side]
        if limit is not None and passed + length > limit:
            return max(0, limit - passed)
        rng = self._plan.rng
        if rng is not None and rng.random() < self._plan.probability_per_chunk:
            return rng.randrange(length)
        return length

    def _write(self, side: Side, data: bytes) -> None:
        self._counts[side] += len(data)
        transport = self.other(side).transport
        if data and transport is not None and not transport.is_closing():
            transport.write(data)

    def _holds(self, side: Side, wanted: bytes, data: bytes) -> bool:
        """Whether the bytes stand in the stream, also when two chunks share them; no bytes stand anywhere."""
        seen = self._tails[side] + data
        found = wanted in seen
        self._tails[side] = b"" if found else seen[-(len(wanted) - 1) :] if len(wanted) > 1 else b""
        return found

    def ended(self, side: Side) -> None:
        """Pass the end of one direction on; the other may still have something to say."""
        self._ended.add(side)
        if len(self._ended) == len(Side):
            for end in self._ends.values():
                end.close(reset=False)
            return
        transport = self.other(side).transport
        if transport is not None and not transport.is_closing():
            transport.write_eof()

    def lost(self, side: Side, *, reset: bool) -> None:
        self.other(side).close(reset=reset)
        self._links.discard(self)

    def cut(self, deliver_to: End | None = None) -> None:
        """End both sides now; only `deliver_to` still gets what was written to it."""
        self._plan.cuts += 1
        for end in self._ends.values():
            end.close(reset=end is not deliver_to)
        self._links.discard(self)

    def hold(self, end: End) -> None:
        """Read no more from this end; what it sends waits in the kernel."""
        if end.transport is not None and not end.transport.is_closing():
            end.transport.pause_reading()

    def go_on(self, end: End) -> None:
        held = end.side is Side.SERVER and self._plan.holding
        if end.transport is not None and not end.transport.is_closing() and not held:
            end.transport.resume_reading()

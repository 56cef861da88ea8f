"""Sessions (section 2.5): windows, and the links inside."""

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from infra.local.eventhubs import performatives as perf
from infra.local.eventhubs.errors import AmqpError, Condition
from infra.local.eventhubs.frames import frame
from infra.local.eventhubs.incoming import MESSAGE_SIZE_MAX, Answer, IncomingLink
from infra.local.eventhubs.outgoing import OutgoingLink, ReplyLink
from infra.local.eventhubs.terminus import open_link

if TYPE_CHECKING:
    from infra.local.eventhubs.connection import Connection

HANDLE_MAX = 255

Link = IncomingLink | OutgoingLink


class Session:
    """One session of a connection. Transfers that the client's window does not admit yet wait here."""

    def __init__(self, connection: "Connection", channel: int, begin: Any) -> None:
        fields = perf.fields(begin, 8)
        self.connection = connection
        self._channel = channel
        self._links: dict[int, Link] = {}
        self._next_incoming_id = int(fields[1] or 0)
        self._window = int(fields[2] or 0)
        self._next_outgoing_id = 0
        self._next_delivery_id = 0
        self._held: deque[bytes] = deque()
        handle_max = HANDLE_MAX if fields[4] is None else min(HANDLE_MAX, fields[4])
        self._write(perf.begin_body(channel, self._next_outgoing_id, handle_max))

    @property
    def can_deliver(self) -> bool:
        """Whether a further delivery may start."""
        return self._window > 0 and self.connection.is_writable

    def attach(self, value: Any) -> None:
        """Opens a link. A refused one is attached and detached at once (section 2.6.3)."""
        attach = perf.Attach.parse(value)
        if attach.handle in self._links:
            raise AmqpError(Condition.NOT_ALLOWED, f"The handle {attach.handle} is in use.")
        error, link = None, None
        try:
            link = open_link(self, self.connection.broker, self.connection.claims, attach)
        except AmqpError as refusal:
            error = refusal
        self._write(perf.attach_body(attach, MESSAGE_SIZE_MAX))
        if link is None:
            self._write(perf.detach_body(attach.handle, error))
        else:
            self._links[attach.handle] = link
            link.opened()

    def flow(self, value: Any) -> None:
        """Section 2.5.6: the window the client has left, and perhaps credit for a link."""
        flow = perf.Flow.parse(value)
        seen = flow.next_incoming_id or 0
        in_flight = (self._next_outgoing_id - seen) & perf.UINT_MASK
        self._window = flow.incoming_window - in_flight
        self._release_held()
        link = self._links.get(flow.handle) if flow.handle is not None else None
        if isinstance(link, OutgoingLink):
            link.flow(flow)
        self.pump()

    def transfer(self, value: Any, payload: bytes) -> None:
        """A frame for a link that was detached meanwhile is dropped: its sender did not know yet."""
        self._next_incoming_id = (self._next_incoming_id + 1) & perf.UINT_MASK
        transfer = perf.Transfer.parse(value)
        link = self._links.get(transfer.handle)
        if isinstance(link, IncomingLink):
            link.receive(transfer, payload)

    def detach_by_client(self, value: Any) -> None:
        link = self._links.get(perf.fields(value, 3)[0])
        if link is not None:
            self.detach(link, None)

    def detach(self, link: Link, error: AmqpError | None) -> None:
        """Closes a link from this side, or answers the client's detach."""
        del self._links[link.handle]
        link.closed()
        self._write(perf.detach_body(link.handle, error))

    def end(self) -> None:
        """Forgets all links; used when the session or its connection ends."""
        for link in self._links.values():
            link.closed()
        self._links.clear()

    def pump(self) -> None:
        for link in tuple(self._links.values()):
            if isinstance(link, OutgoingLink):
                link.pump()

    def reply(self, node: str, request_id: object, answer: Answer) -> None:
        """Hands an answer to the link on which the client receives from that node."""
        for link in self._links.values():
            if isinstance(link, ReplyLink) and link.node == node:
                link.reply(request_id, answer)
                return

    def settle(self, delivery_id: int, error: AmqpError | None) -> None:
        outcome = perf.ACCEPTED if error is None else perf.rejected(error)
        self._write(perf.disposition_body(delivery_id, outcome))

    def send_flow(self, handle: int, delivery_count: int, credit: int, drain: bool = False) -> None:
        ids = (self._next_incoming_id, self._next_outgoing_id)
        self._write(perf.flow_body(*ids, handle, delivery_count, credit, drain))

    def deliver(self, handle: int, messages: Sequence[bytes]) -> int:
        """Sends messages, one delivery each, while the window lasts; how many were taken."""
        room = self.connection.frame_size_max - perf.TRANSFER_OVERHEAD
        out: list[bytes] = []
        taken = 0
        for message in messages:
            if self._window <= 0:
                break
            delivery_id = self._next_delivery_id
            self._next_delivery_id = (delivery_id + 1) & perf.UINT_MASK
            taken += 1
            if len(message) > room:
                self._deliver_in_parts(handle, delivery_id, message, room, out)
                continue
            out.append(perf.transfer_header(self._channel, handle, delivery_id, len(message), False))
            out.append(message)
            self._count_frame()
        self.connection.write(b"".join(out))
        return taken

    def _deliver_in_parts(
        self, handle: int, delivery_id: int, message: bytes, room: int, out: list[bytes]
    ) -> None:
        for start in range(0, len(message), room):
            part = message[start : start + room]
            more = start + room < len(message)
            whole = perf.transfer_header(self._channel, handle, delivery_id, len(part), more) + part
            if self._window > 0:
                out.append(whole)
                self._count_frame()
            else:
                self._held.append(whole)

    def _release_held(self) -> None:
        while self._held and self._window > 0:
            self.connection.write(self._held.popleft())
            self._count_frame()

    def _count_frame(self) -> None:
        self._window -= 1
        self._next_outgoing_id = (self._next_outgoing_id + 1) & perf.UINT_MASK

    def _write(self, body: bytes) -> None:
        self.connection.write(frame(self._channel, body))

"""Links on which the client sends: published events, and requests to `$cbs` and `$management`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from infra.local.eventhubs.broker import Broker
from infra.local.eventhubs.decoding import decode
from infra.local.eventhubs.errors import AmqpError, Condition, DecodeError
from infra.local.eventhubs.hubs import Hub, Partition
from infra.local.eventhubs.messages import APPLICATION_PROPERTIES, PROPERTIES, VALUE, read_transfer, sections
from infra.local.eventhubs.performatives import UINT_MASK, Transfer

if TYPE_CHECKING:
    from infra.local.eventhubs.session import Session

MESSAGE_SIZE_MAX = 1024 * 1024
CREDIT = 1000
CREDIT_RENEWAL = 500

Answer = tuple[int, str, bytes | None]


class IncomingLink:
    """Puts deliveries together from their frames, settles them and renews credit (section 2.6)."""

    def __init__(self, session: "Session", handle: int) -> None:
        self.session = session
        self.handle = handle
        self._parts: list[bytes] = []
        self._size = 0
        self._first: Transfer | None = None
        self._delivery_count = 0
        self._used = 0

    def opened(self) -> None:
        self._grant()

    def closed(self) -> None:
        """Nothing to give back."""

    def receive(self, transfer: Transfer, payload: bytes) -> None:
        """One frame of a delivery (section 2.6.14)."""
        if transfer.aborted:
            self._take()
            return
        self._first = self._first or transfer
        self._parts.append(payload)
        self._size += len(payload)
        if self._size > MESSAGE_SIZE_MAX:
            self.session.detach(self, _too_large())
        elif not transfer.more:
            self._complete(self._first, transfer)

    def accept(self, message: bytes, message_format: int) -> None:
        """Takes a whole message. Raises AmqpError or DecodeError to reject it."""
        raise AmqpError(Condition.NOT_ALLOWED, "Nothing can be sent to this node.")

    def _complete(self, first: Transfer, last: Transfer) -> None:
        error = None
        try:
            self.accept(self._take(), first.message_format)
        except AmqpError as refusal:
            error = refusal
        except DecodeError as damage:
            error = AmqpError(Condition.DECODE_ERROR, str(damage))
        if not (first.settled or last.settled):
            self.session.settle(first.delivery_id or 0, error)
        self._delivery_count = (self._delivery_count + 1) & UINT_MASK
        self._used += 1
        if self._used >= CREDIT_RENEWAL:
            self._grant()

    def _take(self) -> bytes:
        message = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts, self._size, self._first = [], 0, None
        return message

    def _grant(self) -> None:
        self._used = 0
        self.session.send_flow(self.handle, self._delivery_count, CREDIT)


class PublishLink(IncomingLink):
    """A producer's link: to one partition, or to the hub, which routes."""

    def __init__(
        self, session: "Session", handle: int, broker: Broker, hub: Hub, partition: Partition | None
    ) -> None:
        super().__init__(session, handle)
        self._broker = broker
        self._hub = hub
        self._partition = partition

    def accept(self, message: bytes, message_format: int) -> None:
        """Keeps the events, then delivers them. Raises AmqpError if they cannot be written."""
        self._broker.check_writes()
        events = read_transfer(message, message_format)
        partition = self._partition or self._hub.route(events)
        try:
            partition.log.append(events)
        except OSError as error:
            raise AmqpError(
                Condition.RESOURCE_LIMIT,
                f"The local Event Hubs cannot write its log: {error.strerror}. Free some space and send again.",
            ) from error
        partition.readers.pump()


class RequestLink(IncomingLink):
    """Requests to a node; the answer goes out on the session's receiving link of the same node."""

    def __init__(
        self, session: "Session", handle: int, node: str, respond: Callable[[dict[str, Any], Any], Answer]
    ) -> None:
        super().__init__(session, handle)
        self._node = node
        self._respond = respond

    def accept(self, message: bytes, message_format: int) -> None:
        """Answers one request. Raises DecodeError for one that cannot be read."""
        found = {code: decode(message, start)[0] for code, start, _ in sections(message)}
        properties = found.get(PROPERTIES)
        request_id = properties[0] if isinstance(properties, list) and properties else None
        application = found.get(APPLICATION_PROPERTIES)
        answer = self._respond(application if isinstance(application, dict) else {}, found.get(VALUE))
        self.session.reply(self._node, request_id, answer)


def _too_large() -> AmqpError:
    return AmqpError(
        Condition.MESSAGE_TOO_LARGE,
        f"The received message exceeds the limit ({MESSAGE_SIZE_MAX} bytes) currently allowed on the link.",
    )

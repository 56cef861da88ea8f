"""Links on which the client receives: events of a partition, and answers to requests."""

import time
from collections import deque
from typing import TYPE_CHECKING

from infra.local.eventhubs import encoding as enc
from infra.local.eventhubs.broker import Broker
from infra.local.eventhubs.errors import AmqpError
from infra.local.eventhubs.hubs import Hub, Partition
from infra.local.eventhubs.performatives import UINT_MASK, Flow
from infra.local.eventhubs.receivers import ReaderIdentity

if TYPE_CHECKING:
    from infra.local.eventhubs.incoming import Answer
    from infra.local.eventhubs.session import Session

READ_COUNT_MAX = 512
READ_BYTES_MAX = 512 * 1024
METRICS_CAPABILITY = "com.microsoft:enable-receiver-runtime-metric"


class OutgoingLink:
    """Counts credit (section 2.6.7): what the receiver granted, less what was sent since."""

    def __init__(self, session: "Session", handle: int) -> None:
        self.session = session
        self.handle = handle
        self.credit = 0
        self.delivery_count = 0

    def opened(self) -> None:
        """Nothing is sent before the first flow."""

    def closed(self) -> None:
        """Nothing to give back."""

    def pump(self) -> None:
        """Sends what there is and credit allows."""

    def flow(self, flow: Flow) -> None:
        """New credit; with `drain`, what cannot be used at once is given up (section 2.6.7)."""
        granted = (flow.delivery_count or 0) + (flow.link_credit or 0)
        self.credit = max(0, granted - self.delivery_count)
        self.pump()
        if flow.drain:
            self.count_sent(self.credit)
            self.session.send_flow(self.handle, self.delivery_count, 0, drain=True)

    def count_sent(self, count: int) -> None:
        self.credit -= count
        self.delivery_count = (self.delivery_count + count) & UINT_MASK


class ConsumeLink(OutgoingLink):
    """A consumer's link: one partition, from a start position on."""

    def __init__(
        self,
        session: "Session",
        handle: int,
        broker: Broker,
        hub: Hub,
        partition: Partition,
        identity: ReaderIdentity,
        start: int,
        with_metrics: bool,
    ) -> None:
        super().__init__(session, handle)
        self.identity = identity
        self._broker = broker
        self._hub = hub
        self._partition = partition
        self._next = start
        self._with_metrics = with_metrics

    def opened(self) -> None:
        self._partition.readers.add(self)

    def closed(self) -> None:
        self._partition.readers.remove(self)

    def disconnect(self, error: AmqpError) -> None:
        self.session.detach(self, error)

    def pump(self) -> None:
        log = self._partition.log
        while self.credit > 0 and self.session.can_deliver and self._broker.delivers(self._hub):
            self._next = max(self._next, log.begin_sequence)
            events = log.read(self._next, min(self.credit, READ_COUNT_MAX), READ_BYTES_MAX)
            if not events:
                return
            if self._with_metrics:
                events = [self._metrics() + event for event in events]
            sent = self.session.deliver(self.handle, events)
            self._next += sent
            self.count_sent(sent)

    def _metrics(self) -> bytes:
        """Delivery annotations (section 3.2.2) with the state of the partition."""
        log = self._partition.log.properties()
        return enc.described(
            0x71,
            enc.mapping(
                *(enc.symbol("last_enqueued_sequence_number"), enc.int64(log.last_sequence)),
                *(enc.symbol("last_enqueued_offset"), enc.string(str(log.last_offset))),
                *(enc.symbol("last_enqueued_time_utc"), enc.timestamp(log.last_enqueued_ms)),
                *(enc.symbol("runtime_info_retrieval_time_utc"), enc.timestamp(int(time.time() * 1000))),
            ),
        )


class ReplyLink(OutgoingLink):
    """Answers from `$cbs` or `$management`; they wait for credit."""

    def __init__(self, session: "Session", handle: int, node: str) -> None:
        super().__init__(session, handle)
        self.node = node
        self._waiting: deque[bytes] = deque()

    def reply(self, request_id: object, answer: "Answer") -> None:
        """Queues the answer to a request; both spellings of the status are in use."""
        status, text, body = answer
        properties = enc.listed(*[enc.NULL] * 5, enc.message_id(request_id))
        outcome = enc.mapping(
            *(enc.string("status-code"), enc.int32(status)),
            *(enc.string("statusCode"), enc.int32(status)),
            *(enc.string("status-description"), enc.string(text)),
            *(enc.string("statusDescription"), enc.string(text)),
        )
        sections = ((0x73, properties), (0x74, outcome), (0x77, body or enc.NULL))
        self._waiting.append(b"".join(enc.described(code, value) for code, value in sections))
        self.pump()

    def pump(self) -> None:
        while self._waiting and self.credit > 0 and self.session.can_deliver:
            self.count_sent(self.session.deliver(self.handle, [self._waiting.popleft()]))

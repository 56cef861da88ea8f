"""A small blocking AMQP client: says exactly what a test wants on the wire, right or wrong."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Self

import pytest

from infra.local.eventhubs import encoding as enc
from infra.local.eventhubs import performatives as perf
from infra.local.eventhubs.decoding import decode
from infra.local.eventhubs.errors import AmqpError, Condition
from infra.local.eventhubs.frames import (
    AMQP_HEADER,
    SASL_FRAME,
    SASL_HEADER,
    FrameReader,
    ProtocolHeader,
    frame,
)
from infra.local.eventhubs.messages import BATCH_FORMAT

CHANNEL = 0
SECONDS_TO_ANSWER = 30
WINDOW = 65_536
BYTES_PER_FRAME = 60_000
SELECTOR = "apache.org:selector-filter:string"


class Received(NamedTuple):
    """A performative from the server: its code, fields and payload. Code 0 is an empty frame."""

    code: int
    fields: list[Any]
    payload: bytes


class Error(NamedTuple):
    condition: str
    description: str


class AmqpClient:
    """One connection with one session. Handles are given in order from 0.

    `field_counts` tells how many fields each performative from the server had.
    """

    def __init__(self, port: int, frame_size_max: int = 65_536, window: int = WINDOW) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), SECONDS_TO_ANSWER)
        self._reader = FrameReader()
        self._frame_size_max = frame_size_max
        self._window = window
        self._next_handle = 0
        self._next_delivery = 0
        self._stream = self._read()
        self.field_counts: dict[int, set[int]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def open(self, idle_ms: int | None = None) -> Self:
        """SASL, open and begin, as every client starts."""
        self.raw(SASL_HEADER)
        self.raw(frame(0, enc.described(perf.SASL_INIT, enc.listed(enc.symbol("ANONYMOUS"))), SASL_FRAME))
        self.expect(perf.SASL_OUTCOME)
        self._reader.expects_header = True
        self.raw(AMQP_HEADER)
        idle = enc.NULL if idle_ms is None else enc.uint(idle_ms)
        size = enc.uint(self._frame_size_max)
        self.send(perf.OPEN, enc.string("test"), enc.NULL, size, enc.ushort(100), idle)
        self.expect(perf.OPEN)
        self.send(perf.BEGIN, enc.NULL, enc.uint(0), enc.uint(self._window), enc.uint(WINDOW))
        self.expect(perf.BEGIN)
        return self

    def raw(self, data: bytes) -> None:
        self._socket.sendall(data)

    def send(self, code: int, *values: bytes, payload: bytes = b"") -> None:
        self.raw(frame(CHANNEL, enc.described(code, enc.listed(*values)) + payload))

    def next(self) -> Received:
        """The next frame. Raises ConnectionError when the server has closed."""
        received = next(self._stream, None)
        if received is None:
            raise ConnectionError("the server closed the connection")
        return received

    def expect(self, code: int) -> Received:
        """The next frame with that performative; others before it are dropped.

        Raises AssertionError when the server ends the link or the connection instead.
        """
        while (received := self.next()).code != code:
            assert received.code not in (perf.DETACH, perf.CLOSE), received.fields
        return received

    def attach_sender(self, address: str) -> int:
        """Opens a link to send on and returns its handle, whatever the server answers."""
        target = enc.described(perf.TARGET, enc.listed(enc.string(address)))
        source = enc.described(perf.SOURCE, enc.listed(enc.string("test")))
        return self._attach(enc.FALSE, source, target, enc.NULL)

    def attach_receiver(self, address: str, selector: str | None = None, epoch: int | None = None) -> int:
        """Opens a link to receive on and returns its handle, whatever the server answers."""
        filters = enc.NULL
        if selector is not None:
            value = b"\x00" + enc.symbol(SELECTOR) + enc.string(selector)
            filters = enc.mapping(enc.symbol(SELECTOR), value)
        source = enc.described(perf.SOURCE, enc.listed(enc.string(address), *[enc.NULL] * 6, filters))
        target = enc.described(perf.TARGET, enc.listed(enc.string("test")))
        properties = enc.NULL
        if epoch is not None:
            properties = enc.mapping(enc.symbol("com.microsoft:epoch"), enc.int64(epoch))
        return self._attach(enc.TRUE, source, target, properties)

    def flow(self, handle: int, credit: int, count: int = 0, seen: int = 0, drain: bool = False) -> None:
        """Grants credit on a link; `seen` is the number of transfers taken so far on the session."""
        session = (enc.uint(seen), enc.uint(self._window), enc.uint(0), enc.uint(WINDOW))
        link = (enc.uint(handle), enc.uint(count), enc.uint(credit), enc.NULL, enc.boolean(drain))
        self.send(perf.FLOW, *session, *link)

    def transfer(self, handle: int, message: bytes, parts: int = 1, message_format: int = 0) -> int:
        """Sends a message in that many frames and returns its delivery id."""
        delivery, self._next_delivery = self._next_delivery, self._next_delivery + 1
        size = -(-len(message) // parts)
        for start in range(0, len(message), size):
            first = (enc.uint(delivery), enc.binary(b"tag"), enc.uint(message_format), enc.FALSE)
            named = first if start == 0 else (enc.NULL,) * 4
            more = enc.boolean(start + size < len(message))
            self.send(perf.TRANSFER, enc.uint(handle), *named, more, payload=message[start : start + size])
        return delivery

    def outcome(self) -> Error | None:
        """What the next disposition says: None for accepted."""
        state = self.expect(perf.DISPOSITION).fields[4]
        if state.descriptor == 0x24:
            return None
        return Error(*state.value[0].value[:2])

    def detached(self) -> Error:
        """The error of the next detach."""
        return Error(*self.expect(perf.DETACH).fields[2].value[:2])

    def receive(self, count: int) -> list[bytes]:
        """That many whole messages from any link."""
        messages: list[bytes] = []
        parts: list[bytes] = []
        while len(messages) < count:
            received = self.expect(perf.TRANSFER)
            parts.append(received.payload)
            if not received.fields[5]:
                messages.append(b"".join(parts))
                parts = []
        return messages

    def _attach(self, role: bytes, source: bytes, target: bytes, properties: bytes) -> int:
        handle, self._next_handle = self._next_handle, self._next_handle + 1
        head = (enc.string(f"link-{handle}"), enc.uint(handle), role, enc.ubyte(2), enc.ubyte(0))
        rest = (enc.NULL, enc.NULL, enc.uint(0), enc.NULL, enc.NULL, enc.NULL, properties)
        self.send(perf.ATTACH, *head, source, target, *rest)
        return handle

    def _read(self) -> Iterator[Received]:
        while data := self._socket.recv(65_536):
            for item in self._reader.feed(data):
                if isinstance(item, ProtocolHeader):
                    self._reader.expects_header = False
                elif item.body:
                    performative, position = decode(item.body)
                    counts = self.field_counts.setdefault(performative.descriptor, set())
                    counts.add(len(performative.value))
                    yield Received(performative.descriptor, performative.value, item.body[position:])
                else:
                    yield Received(0, [], b"")


@contextmanager
def amqp_client(port: int, frame_size_max: int = 65_536, window: int = WINDOW) -> Iterator[AmqpClient]:
    """An open connection with a session."""
    with AmqpClient(port, frame_size_max, window) as client:
        yield client.open()


@contextmanager
def refusal(condition: Condition) -> Iterator[None]:
    """What is done inside must be refused with that condition."""
    with pytest.raises(AmqpError) as refused:
        yield
    assert refused.value.condition == condition


def message(body: bytes, annotations: bytes | None = None) -> bytes:
    """An encoded message with one data section, and message annotations if given."""
    head = b"" if annotations is None else enc.described(0x72, annotations)
    return head + enc.described(0x75, enc.binary(body))


def publish_batch(port: int, hub: str, *bodies: bytes, partition_id: int = 0) -> None:
    """Publishes the events as one batch, all or none, as the SDK does; without the second the SDK takes to connect."""
    batch = b"".join(enc.described(0x75, enc.binary(message(body))) for body in bodies)
    with amqp_client(port) as client:
        handle = client.attach_sender(f"{hub}/Partitions/{partition_id}")
        client.expect(perf.FLOW)
        client.transfer(handle, batch, parts=-(-len(batch) // BYTES_PER_FRAME), message_format=BATCH_FORMAT)
        error = client.outcome()
        assert error is None, error


def publish_raw(port: int, hub: str, *bodies: bytes, partition_id: int = 0) -> None:
    """Publishes one event per body and waits for each to be accepted; far quicker to connect than the SDK."""
    with amqp_client(port) as client:
        handle = client.attach_sender(f"{hub}/Partitions/{partition_id}")
        client.expect(perf.FLOW)
        for body in bodies:
            client.transfer(handle, message(body))
            error = client.outcome()
            assert error is None, error

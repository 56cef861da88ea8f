"""One client connection: protocol headers, SASL, open, sessions, close (sections 2.2, 2.4, 5.3)."""

import asyncio
import logging
from typing import Any

from infra.local.eventhubs import performatives as perf
from infra.local.eventhubs.broker import Broker
from infra.local.eventhubs.cbs import Claims
from infra.local.eventhubs.decoding import Described, decode
from infra.local.eventhubs.errors import AmqpError, Condition, DecodeError
from infra.local.eventhubs.frames import (
    AMQP_HEADER,
    EMPTY_FRAME,
    FRAME_SIZE_MAX,
    SASL_FRAME,
    SASL_HEADER,
    Frame,
    FrameReader,
    ProtocolHeader,
    frame,
)
from infra.local.eventhubs.session import Session

CHANNEL_MAX = 4999
FRAME_SIZE_MIN = 512
WRITE_BUFFER_MAX = 4 * 1024 * 1024
MECHANISMS = ["ANONYMOUS", "PLAIN", "EXTERNAL", "MSSBCBS"]
CONTAINER = "local-event-hubs"

logger = logging.getLogger(__name__)


class Connection(asyncio.Protocol):
    """Reads frames, hands them to their session, and writes what sessions send."""

    def __init__(self, broker: Broker, connections: set["Connection"]) -> None:
        self.broker = broker
        self.claims = Claims(broker.keys)
        self.frame_size_max = FRAME_SIZE_MAX
        self.is_writable = True
        self._connections = connections
        self._reader = FrameReader()
        self._sessions: dict[int, Session] = {}
        self._heartbeat: asyncio.TimerHandle | None = None
        self._ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.set_write_buffer_limits(WRITE_BUFFER_MAX)
        self._transport = transport
        self._connections.add(self)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._connections.discard(self)
        if self._heartbeat is not None:
            self._heartbeat.cancel()
        for session in self._sessions.values():
            session.end()
        self._sessions.clear()

    def pause_writing(self) -> None:
        self.is_writable = False

    def resume_writing(self) -> None:
        self.is_writable = True
        for session in tuple(self._sessions.values()):
            session.pump()

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    def abort(self) -> None:
        """Drops the connection without a word, as a broken network does."""
        self._transport.abort()

    def close(self, error: AmqpError | None = None) -> None:
        """Section 2.7.9."""
        self._ended = True
        self.write(frame(0, perf.close_body(error)))
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        try:
            for item in self._reader.feed(data):
                if self._ended:
                    return
                if isinstance(item, ProtocolHeader):
                    self._on_header(item)
                else:
                    self._on_frame(item)
        except AmqpError as error:
            self.close(error)
        except DecodeError as error:
            self.close(AmqpError(Condition.DECODE_ERROR, str(error)))
        except Exception:  # whatever one client sends, the others are served
            logger.warning("a connection was closed after an unexpected error", exc_info=True)
            self.close(AmqpError(Condition.INTERNAL_ERROR, "The server could not handle a frame."))

    def _on_header(self, header: ProtocolHeader) -> None:
        """Section 2.2: agree, or name the protocol we want and close."""
        if header.value not in (AMQP_HEADER, SASL_HEADER):
            self._ended = True
            self.write(SASL_HEADER)
            self._transport.close()
            return
        self._reader.expects_header = False
        self.write(header.value)
        if header.value == SASL_HEADER:
            self.write(frame(0, perf.sasl_mechanisms(MECHANISMS), SASL_FRAME))

    def _on_frame(self, received: Frame) -> None:
        if not received.body:
            return
        described, position = decode(received.body)
        if not isinstance(described, Described):
            raise DecodeError("a frame body is not a performative")
        if received.kind == SASL_FRAME:
            self._on_sasl(described.descriptor)
        elif described.descriptor == perf.TRANSFER:
            self._session(received.channel).transfer(described.value, received.body[position:])
        else:
            self._on_performative(received.channel, described.descriptor, described.value)

    def _on_sasl(self, descriptor: object) -> None:
        """Section 5.3.2: everyone may connect; rights come from tokens put to `$cbs`."""
        if descriptor == perf.SASL_INIT:
            self.write(frame(0, perf.sasl_outcome_ok(), SASL_FRAME))
            self._reader.expects_header = True

    def _on_performative(self, channel: int, descriptor: object, value: Any) -> None:
        match descriptor:
            case perf.OPEN:
                self._open(value)
            case perf.BEGIN:
                self._sessions[channel] = Session(self, channel, value)
            case perf.ATTACH:
                self._session(channel).attach(value)
            case perf.FLOW:
                self._session(channel).flow(value)
            case perf.DETACH:
                self._session(channel).detach_by_client(value)
            case perf.END:
                self._end(channel)
            case perf.CLOSE:
                self.close()
            case perf.DISPOSITION:
                pass  # everything is sent settled; there is nothing to record
            case _:
                raise AmqpError(Condition.NOT_ALLOWED, f"The performative {descriptor} is not known.")

    def _session(self, channel: int) -> Session:
        session = self._sessions.get(channel)
        if session is None:
            raise AmqpError(Condition.NOT_ALLOWED, f"There is no session on channel {channel}.")
        return session

    def _open(self, value: Any) -> None:
        """Section 2.7.1: the smaller frame size holds; heartbeats at half the client's time-out."""
        fields = perf.fields(value, 10)
        if fields[2] is not None:
            self.frame_size_max = max(FRAME_SIZE_MIN, min(fields[2], FRAME_SIZE_MAX))
        channel_max = CHANNEL_MAX if fields[3] is None else min(fields[3], CHANNEL_MAX)
        self.write(frame(0, perf.open_body(CONTAINER, FRAME_SIZE_MAX, channel_max)))
        if fields[4]:
            self._beat(max(fields[4] / 2000, 0.1))

    def _beat(self, interval_seconds: float) -> None:
        """Section 2.4.5."""
        self.write(EMPTY_FRAME)
        loop = asyncio.get_running_loop()
        self._heartbeat = loop.call_later(interval_seconds, self._beat, interval_seconds)

    def _end(self, channel: int) -> None:
        session = self._sessions.pop(channel, None)
        if session is not None:
            session.end()
            self.write(frame(channel, perf.end_body()))

"""The frame bodies of the transport (section 2.7) and of SASL (section 5.3.3), by position.

Trailing nulls are always sent: the SDK reads fields by index.
"""

import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

from infra.local.eventhubs import encoding as enc
from infra.local.eventhubs.decoding import Described
from infra.local.eventhubs.errors import AmqpError, Condition, DecodeError

OPEN, BEGIN, ATTACH, FLOW, TRANSFER = 0x10, 0x11, 0x12, 0x13, 0x14
DISPOSITION, DETACH, END, CLOSE = 0x15, 0x16, 0x17, 0x18
SASL_MECHANISMS, SASL_INIT, SASL_OUTCOME = 0x40, 0x41, 0x44
SOURCE, TARGET = 0x28, 0x29

WINDOW = 0x7FFFFFFF
UINT_MASK = 0xFFFFFFFF

ACCEPTED = enc.described(0x24, enc.listed())


def fields(value: Any, count: int) -> list[Any]:
    """The fields of a performative or terminus; those left out at the end are null (section 1.4)."""
    if not isinstance(value, list):
        raise DecodeError("a performative is not a list")
    return value + [None] * (count - len(value))


class Attach(NamedTuple):
    """What the server needs of an attach (section 2.7.3) and its terminus (sections 3.5.3, 3.5.4)."""

    name: str
    handle: int
    client_receives: bool
    source: str
    target: str
    filters: Mapping[str, Any]
    desired_capabilities: list[str]
    properties: Mapping[str, Any]

    @property
    def address(self) -> str:
        """The node at our end: the source of what the client receives, the target of what it sends."""
        return self.source if self.client_receives else self.target

    @classmethod
    def parse(cls, value: Any) -> "Attach":
        """Raises DecodeError or AmqpError (invalid-field) for an attach that cannot be answered."""
        all_fields = fields(value, 14)
        if not isinstance(all_fields[0], str) or not isinstance(all_fields[1], int):
            raise AmqpError(Condition.INVALID_FIELD, "An attach needs a name and a handle.")
        source, target = _terminus(all_fields[5]), _terminus(all_fields[6])
        wanted = all_fields[12] or []
        return cls(
            name=all_fields[0],
            handle=all_fields[1],
            client_receives=bool(all_fields[2]),
            source=source[0] or "",
            target=target[0] or "",
            filters=source[7] or {},
            desired_capabilities=wanted if isinstance(wanted, list) else [wanted],
            properties=all_fields[13] or {},
        )


class Flow(NamedTuple):
    """Section 2.7.4."""

    next_incoming_id: int | None
    incoming_window: int
    handle: int | None
    delivery_count: int | None
    link_credit: int | None
    drain: bool

    @classmethod
    def parse(cls, value: Any) -> "Flow":
        """Raises DecodeError if the body is no list."""
        f = fields(value, 11)
        return cls(f[0], f[1] or 0, f[4], f[5], f[6], bool(f[8]))


class Transfer(NamedTuple):
    """Section 2.7.5. The id, the format and the settled flag stand in the first frame of a delivery."""

    handle: int
    delivery_id: int | None
    message_format: int
    settled: bool
    more: bool
    aborted: bool

    @classmethod
    def parse(cls, value: Any) -> "Transfer":
        """Raises DecodeError if the body is no list."""
        f = fields(value, 11)
        return cls(f[0], f[1], f[3] or 0, bool(f[4]), bool(f[5]), bool(f[9]))


def sasl_mechanisms(names: list[str]) -> bytes:
    """Section 5.3.3.1."""
    return enc.described(SASL_MECHANISMS, enc.listed(enc.symbol_array(names)))


def sasl_outcome_ok() -> bytes:
    """Section 5.3.3.5, code 0."""
    return enc.described(SASL_OUTCOME, enc.listed(enc.ubyte(0), enc.NULL))


def open_body(container: str, frame_size_max: int, channel_max: int) -> bytes:
    """Section 2.7.1."""
    values = (enc.string(container), enc.NULL, enc.uint(frame_size_max), enc.ushort(channel_max))
    return enc.described(OPEN, enc.listed(*values, *[enc.NULL] * 6))


def begin_body(remote_channel: int, next_outgoing_id: int, handle_max: int) -> bytes:
    """Section 2.7.2."""
    windows = (enc.uint(next_outgoing_id), enc.uint(WINDOW), enc.uint(WINDOW))
    values = (enc.ushort(remote_channel), *windows, enc.uint(handle_max))
    return enc.described(BEGIN, enc.listed(*values, *[enc.NULL] * 3))


def attach_body(attach: Attach, message_size_max: int) -> bytes:
    """Section 2.7.3: the answer to a client's attach, with the roles turned round.

    What the client receives is sent settled (sender-settle-mode 1); what it sends is unsettled (0).
    """
    initial_count = enc.uint(0) if attach.client_receives else enc.NULL
    return enc.described(
        ATTACH,
        enc.listed(
            enc.string(attach.name),
            enc.uint(attach.handle),
            enc.boolean(not attach.client_receives),
            enc.ubyte(1 if attach.client_receives else 0),
            enc.ubyte(0),
            enc.described(SOURCE, enc.listed(enc.string(attach.source))),
            enc.described(TARGET, enc.listed(enc.string(attach.target))),
            enc.NULL,
            enc.NULL,
            initial_count,
            enc.ulong(message_size_max),
            *[enc.NULL] * 3,
        ),
    )


def flow_body(incoming_id: int, outgoing_id: int, handle: int, count: int, credit: int, drain: bool) -> bytes:
    """Section 2.7.4, for one link."""
    session = (enc.uint(incoming_id), enc.uint(WINDOW), enc.uint(outgoing_id), enc.uint(WINDOW))
    link = (enc.uint(handle), enc.uint(count), enc.uint(credit), enc.NULL, enc.boolean(drain))
    return enc.described(FLOW, enc.listed(*session, *link, enc.NULL, enc.NULL))


def disposition_body(delivery_id: int, outcome: bytes) -> bytes:
    """Section 2.7.6: this one delivery is settled with this outcome."""
    ids = (enc.uint(delivery_id), enc.uint(delivery_id))
    return enc.described(DISPOSITION, enc.listed(enc.TRUE, *ids, enc.TRUE, outcome, enc.NULL))


def rejected(error: AmqpError) -> bytes:
    """Section 3.4.3."""
    return enc.described(0x25, enc.listed(enc.error(error.condition, error.description)))


def detach_body(handle: int, error: AmqpError | None) -> bytes:
    """Section 2.7.7: closes the link for good."""
    return enc.described(DETACH, enc.listed(enc.uint(handle), enc.TRUE, _error(error)))


def end_body() -> bytes:
    """Section 2.7.8."""
    return enc.described(END, enc.listed(enc.NULL))


def close_body(error: AmqpError | None) -> bytes:
    """Section 2.7.9."""
    return enc.described(CLOSE, enc.listed(_error(error)))


# Every transfer has one shape: size, data offset, type, channel; descriptor, list size and count; handle;
# delivery id; tag (the id again); format 0 and settled; more; then no mode, no state, not resumed, not
# aborted, no batchable. One pack call, because this is done for every event that is delivered.
_TRANSFER = struct.Struct(">IBBH6sBIBI2sI2ss5s")
_TRANSFER_LIST = b"\x00\x53\x14\xc0\x19\x0b"
_UINT, _TAG = 0x70, b"\xa0\x04"
_FORMAT_AND_SETTLED, _REST = b"\x43\x41", b"\x40\x40\x42\x42\x40"
TRANSFER_OVERHEAD = _TRANSFER.size


def transfer_header(channel: int, handle: int, delivery_id: int, size: int, more: bool) -> bytes:
    """Section 2.7.5: frame header and performative of a settled transfer with a payload of that size."""
    return _TRANSFER.pack(
        *(TRANSFER_OVERHEAD + size, 2, 0, channel, _TRANSFER_LIST),
        *(_UINT, handle, _UINT, delivery_id, _TAG, delivery_id),
        *(_FORMAT_AND_SETTLED, enc.TRUE if more else enc.FALSE, _REST),
    )


def _error(error: AmqpError | None) -> bytes:
    return enc.NULL if error is None else enc.error(error.condition, error.description)


def _terminus(value: Any) -> list[Any]:
    return fields(value.value if isinstance(value, Described) else [], 11)

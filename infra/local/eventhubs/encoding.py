"""Values to AMQP 1.0 bytes: the primitive types of section 1.6, shortest form first.

Every function returns a complete encoding: constructor byte, then data.
"""

import struct
import uuid
from collections.abc import Iterable

U16 = struct.Struct(">H")
U32 = struct.Struct(">I")
U64 = struct.Struct(">Q")
I32 = struct.Struct(">i")
I64 = struct.Struct(">q")

NULL = b"\x40"
TRUE = b"\x41"
FALSE = b"\x42"

_WIDTH_8_MAX = 0xFF


def boolean(value: bool) -> bytes:
    """Section 1.6.2, the zero-width forms."""
    return TRUE if value else FALSE


def ubyte(value: int) -> bytes:
    """Section 1.6.3."""
    return bytes((0x50, value))


def ushort(value: int) -> bytes:
    """Section 1.6.4."""
    return b"\x60" + U16.pack(value)


def uint(value: int) -> bytes:
    """Section 1.6.5: zero, one byte or four."""
    if value == 0:
        return b"\x43"
    return bytes((0x52, value)) if value <= _WIDTH_8_MAX else b"\x70" + U32.pack(value)


def ulong(value: int) -> bytes:
    """Section 1.6.6: zero, one byte or eight."""
    if value == 0:
        return b"\x44"
    return bytes((0x53, value)) if value <= _WIDTH_8_MAX else b"\x80" + U64.pack(value)


def int32(value: int) -> bytes:
    """Section 1.6.9 (`int`)."""
    return b"\x71" + I32.pack(value)


def int64(value: int) -> bytes:
    """Section 1.6.10 (`long`)."""
    return b"\x81" + I64.pack(value)


def timestamp(milliseconds: int) -> bytes:
    """Section 1.6.17: milliseconds since the Unix epoch, UTC."""
    return b"\x83" + I64.pack(milliseconds)


def uuid_value(value: uuid.UUID) -> bytes:
    """Section 1.6.18."""
    return b"\x98" + value.bytes


def binary(value: bytes) -> bytes:
    """Section 1.6.19."""
    return _variable(0xA0, value)


def string(value: str) -> bytes:
    """Section 1.6.20, UTF-8."""
    return _variable(0xA1, value.encode())


def symbol(value: str) -> bytes:
    """Section 1.6.21, ASCII."""
    return _variable(0xA3, value.encode("ascii"))


def listed(*items: bytes) -> bytes:
    """Section 1.6.22: a list of encoded items."""
    return _compound(0xC0, len(items), b"".join(items))


def mapping(*keys_and_values: bytes) -> bytes:
    """Section 1.6.23: encoded keys and values in turn."""
    return _compound(0xC1, len(keys_and_values), b"".join(keys_and_values))


def string_array(values: Iterable[str]) -> bytes:
    """Section 1.6.24: an array of strings (wide elements, so that one constructor fits all)."""
    return _array(0xB1, [value.encode() for value in values])


def symbol_array(values: Iterable[str]) -> bytes:
    """Section 1.6.24: an array of symbols."""
    return _array(0xB3, [value.encode("ascii") for value in values])


def described(descriptor: int, value: bytes) -> bytes:
    """Section 1.1.2: a described type with a small ulong descriptor."""
    return bytes((0x00, 0x53, descriptor)) + value


def message_id(value: object) -> bytes:
    """Section 3.2.11 to 3.2.14: an id is null, ulong, uuid, binary or string."""
    if isinstance(value, uuid.UUID):
        return uuid_value(value)
    if isinstance(value, int):
        return ulong(value)
    if isinstance(value, bytes):
        return binary(value)
    return string(value) if isinstance(value, str) else NULL


def error(condition: str, description: str) -> bytes:
    """Section 2.8.14: condition, description, no info."""
    return described(0x1D, listed(symbol(condition), string(description), NULL))


def _variable(narrow: int, value: bytes) -> bytes:
    """Section 1.3: variable width; the wide constructor is 0x10 above the narrow one."""
    if len(value) <= _WIDTH_8_MAX:
        return bytes((narrow, len(value))) + value
    return bytes((narrow + 0x10,)) + U32.pack(len(value)) + value


def _compound(narrow: int, count: int, body: bytes) -> bytes:
    """Section 1.4: the size counts the count field, which is as wide as the size field."""
    if len(body) < _WIDTH_8_MAX and count <= _WIDTH_8_MAX:
        return bytes((narrow, len(body) + 1, count)) + body
    return bytes((narrow + 0x10,)) + U32.pack(len(body) + 4) + U32.pack(count) + body


def _array(element: int, values: list[bytes]) -> bytes:
    body = b"".join(U32.pack(len(value)) + value for value in values)
    return b"\xf0" + U32.pack(len(body) + 5) + U32.pack(len(values)) + bytes((element,)) + body

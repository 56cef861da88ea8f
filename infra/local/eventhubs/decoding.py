"""AMQP 1.0 bytes to values (sections 1.1 to 1.6), with every length checked.

Strings and symbols become `str`, binary `bytes`, timestamps milliseconds, lists and arrays `list`,
maps `dict`, described types `Described`. Decimals stay opaque bytes: nothing here computes with them.
"""

import struct
import uuid
from collections.abc import Callable
from typing import Any, NamedTuple

from infra.local.eventhubs.encoding import U32
from infra.local.eventhubs.errors import DecodeError

DEPTH_MAX = 64
ARRAY_COUNT_MAX = 65_536

Decoded = tuple[Any, int]


class Described(NamedTuple):
    """Section 1.1.2: a value with the descriptor that gives it its meaning."""

    descriptor: Any
    value: Any


def decode(data: bytes, position: int = 0) -> Decoded:
    """The value at the position, and the position after it.

    Raises DecodeError for anything that is not a complete, well-formed encoding.
    """
    try:
        return _value(data, position, 0)
    except DecodeError:
        raise
    except (IndexError, struct.error, ValueError, TypeError) as error:
        raise DecodeError(f"the AMQP value at byte {position} is cut off or malformed") from error


def skip(data: bytes, position: int) -> int:
    """The position after the value, without decoding it.

    Raises DecodeError if the value is cut off.
    """
    try:
        while data[position] == 0:
            position = _skip_plain(data, position + 1)
        return _skip_plain(data, position)
    except (IndexError, struct.error) as error:
        raise DecodeError("a message ends inside a value") from error


def _skip_plain(data: bytes, position: int) -> int:
    """Section 1.2: the upper half of a constructor tells how wide its data is."""
    width = data[position] >> 4
    if width == 0x4:
        end = position + 1
    elif 0x5 <= width <= 0x9:
        end = position + 1 + (1, 2, 4, 8, 16)[width - 5]
    elif width in (0xA, 0xC, 0xE):
        end = position + 2 + data[position + 1]
    elif width in (0xB, 0xD, 0xF):
        end = position + 5 + int(U32.unpack_from(data, position + 1)[0])
    else:
        raise DecodeError(f"0x{data[position]:02x} is no AMQP 1.0 constructor")
    if end > len(data):
        raise DecodeError("a message ends inside a value")
    return end


def _value(data: bytes, position: int, depth: int) -> Decoded:
    if depth > DEPTH_MAX:
        raise DecodeError(f"values are nested more than {DEPTH_MAX} deep")
    constructor = data[position]
    if constructor == 0:
        descriptor, position = _value(data, position + 1, depth + 1)
        value, position = _value(data, position, depth + 1)
        return Described(descriptor, value), position
    return _body(data, position + 1, constructor, depth)


def _body(data: bytes, position: int, constructor: int, depth: int) -> Decoded:
    """The data that follows a constructor; array elements share one constructor, hence apart."""
    fixed = _FIXED.get(constructor)
    if fixed is not None:
        return fixed.unpack_from(data, position)[0], position + fixed.size
    if constructor in _CONSTANT:
        return _CONSTANT[constructor], position
    convert = _VARIABLE.get(constructor)
    if convert is not None:
        start, end = _extent(data, position, constructor)
        return convert(data[start:end]), end
    sized = _OPAQUE.get(constructor)
    if sized is not None:
        raw = _slice(data, position, position + sized[0])
        return sized[1](raw), position + sized[0]
    return _compound(data, position, constructor, depth)


def _extent(data: bytes, position: int, constructor: int) -> tuple[int, int]:
    """Start and end of variable-width data (section 1.3): a size of one byte or four."""
    if constructor < 0xB0:
        start, size = position + 1, data[position]
    else:
        start, size = position + 4, int(U32.unpack_from(data, position)[0])
    if start + size > len(data):
        raise DecodeError("a variable-width value is longer than its frame")
    return start, start + size


def _compound(data: bytes, position: int, constructor: int, depth: int) -> Decoded:
    """Lists and maps (section 1.4) and arrays (section 1.5): size, count, items."""
    if constructor == 0x45:
        return [], position
    if constructor not in _COMPOUND:
        raise DecodeError(f"0x{constructor:02x} is no AMQP 1.0 constructor")
    if constructor in (0xC0, 0xC1, 0xE0):
        count, start, end = data[position + 1], position + 2, position + 1 + data[position]
    else:
        size, count = (int(U32.unpack_from(data, position + at)[0]) for at in (0, 4))
        start, end = position + 8, position + 4 + size
    if end > len(data):
        raise DecodeError("a list, map or array is longer than its frame")
    if constructor in (0xE0, 0xF0):
        return _array(data, start, count, depth), end
    return _items(data, start, count, constructor, depth), end


def _items(data: bytes, position: int, count: int, constructor: int, depth: int) -> Any:
    items: list[Any] = []
    for _ in range(count):
        item, position = _value(data, position, depth + 1)
        items.append(item)
    if constructor in (0xC0, 0xD0):
        return items
    if count % 2:
        raise DecodeError("a map has a key without a value")
    return dict(zip(items[::2], items[1::2], strict=True))


def _array(data: bytes, position: int, count: int, depth: int) -> list[Any]:
    if count > ARRAY_COUNT_MAX:
        raise DecodeError(f"an array has more than {ARRAY_COUNT_MAX} elements")
    if count == 0:
        return []
    constructor = data[position]
    if constructor == 0:
        raise DecodeError("arrays of described values are not supported")
    position += 1
    items: list[Any] = []
    for _ in range(count):
        item, position = _body(data, position, constructor, depth + 1)
        items.append(item)
    return items


def _slice(data: bytes, start: int, end: int) -> bytes:
    if end > len(data):
        raise DecodeError("a fixed-width value is cut off")
    return data[start:end]


def _text(raw: bytes) -> str:
    return raw.decode()


def _uuid(raw: bytes) -> uuid.UUID:
    return uuid.UUID(bytes=raw)


def _character(raw: bytes) -> str:
    return raw.decode("utf-32-be")


_FIXED = {
    code: struct.Struct(form)
    for code, form in {
        0x50: "B", 0x51: "b", 0x52: "B", 0x53: "B", 0x54: "b", 0x55: "b", 0x56: "?",
        0x60: ">H", 0x61: ">h", 0x70: ">I", 0x71: ">i", 0x72: ">f",
        0x80: ">Q", 0x81: ">q", 0x82: ">d", 0x83: ">q",
    }.items()
}  # fmt: skip
_CONSTANT: dict[int, Any] = {0x40: None, 0x41: True, 0x42: False, 0x43: 0, 0x44: 0}
_VARIABLE: dict[int, Callable[[bytes], Any]] = {
    0xA0: bytes, 0xB0: bytes, 0xA1: _text, 0xB1: _text, 0xA3: _text, 0xB3: _text,
}  # fmt: skip
_OPAQUE: dict[int, tuple[int, Callable[[bytes], Any]]] = {
    0x73: (4, _character), 0x74: (4, bytes), 0x84: (8, bytes), 0x94: (16, bytes), 0x98: (16, _uuid),
}  # fmt: skip
_COMPOUND = frozenset((0xC0, 0xC1, 0xD0, 0xD1, 0xE0, 0xF0))

"""The AMQP types: what is encoded is decoded again, by us and by the SDK, and rubbish is refused."""

import uuid
from typing import Any

import pytest
from azure.eventhub._pyamqp._decode import _DECODE_BY_CONSTRUCTOR as SDK_DECODERS
from azure.eventhub._pyamqp._encode import encode_unknown
from hypothesis import given
from hypothesis import strategies as st

from infra.local.eventhubs import encoding as enc
from infra.local.eventhubs.decoding import DEPTH_MAX, Described, decode, skip
from infra.local.eventhubs.errors import DecodeError

UINT = st.integers(0, 2**32 - 1)
INT = st.integers(-(2**31), 2**31 - 1)
LONG = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(max_size=300)
ASCII = st.text(st.characters(max_codepoint=127), max_size=300)

SCALARS = st.one_of(
    st.sampled_from([(enc.NULL, None), (enc.TRUE, True), (enc.FALSE, False)]),
    st.integers(0, 255).map(lambda n: (enc.ubyte(n), n)),
    st.integers(0, 65_535).map(lambda n: (enc.ushort(n), n)),
    UINT.map(lambda n: (enc.uint(n), n)),
    st.integers(0, 2**64 - 1).map(lambda n: (enc.ulong(n), n)),
    INT.map(lambda n: (enc.int32(n), n)),
    LONG.map(lambda n: (enc.int64(n), n)),
    LONG.map(lambda n: (enc.timestamp(n), n)),
    st.uuids().map(lambda u: (enc.uuid_value(u), u)),
    st.binary(max_size=300).map(lambda b: (enc.binary(b), b)),
    TEXT.map(lambda s: (enc.string(s), s)),
    ASCII.map(lambda s: (enc.symbol(s), s)),
)


def _list(items: list[tuple[bytes, Any]]) -> tuple[bytes, Any]:
    return enc.listed(*[raw for raw, _ in items]), [value for _, value in items]


def _map(items: list[tuple[str, tuple[bytes, Any]]]) -> tuple[bytes, Any]:
    flat = [part for key, (raw, _) in items for part in (enc.string(key), raw)]
    return enc.mapping(*flat), {key: value for key, (_, value) in items}


ENCODED = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=6).map(_list),
        st.lists(st.tuples(TEXT, inner), max_size=6).map(_map),
        inner.map(lambda pair: (enc.described(0x77, pair[0]), Described(0x77, pair[1]))),
    ),
    max_leaves=12,
)


@given(ENCODED, st.binary(max_size=5))
def test_what_is_encoded_is_decoded_again(encoded: tuple[bytes, Any], rest: bytes) -> None:
    raw, value = encoded
    assert decode(raw + rest) == (value, len(raw))
    assert skip(raw + rest, 0) == len(raw)


@given(ENCODED.filter(lambda pair: len(pair[0]) > 1), st.data())
def test_a_value_cut_off_anywhere_is_refused(encoded: tuple[bytes, Any], data: st.DataObject) -> None:
    raw = encoded[0][: data.draw(st.integers(0, len(encoded[0]) - 1))]
    with pytest.raises(DecodeError):
        decode(raw)
    with pytest.raises(DecodeError):
        skip(raw, 0)


@given(st.binary(max_size=200))
def test_random_bytes_are_decoded_or_refused(raw: bytes) -> None:
    try:
        _, end = decode(raw)
    except DecodeError:
        return
    assert 0 < end <= len(raw)


@given(st.lists(st.text(max_size=300), min_size=1, max_size=300))
def test_arrays_of_strings(values: list[str]) -> None:
    raw = enc.string_array(values)
    assert decode(raw) == (values, len(raw))
    rest, seen = SDK_DECODERS[raw[0]](memoryview(raw)[1:])
    assert (bytes(rest), seen) == (b"", [value.encode() for value in values])


@given(SCALARS)
def test_the_sdk_reads_what_we_write(encoded: tuple[bytes, Any]) -> None:
    raw, value = encoded
    rest, seen = SDK_DECODERS[raw[0]](memoryview(raw)[1:])
    assert (bytes(rest), seen) == (b"", value.encode() if isinstance(value, str) else value)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | INT
        | TEXT
        | st.binary(max_size=300)
        | st.uuids()
        | st.floats(allow_nan=False),
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
        max_leaves=10,
    )
)
def test_we_read_what_the_sdk_writes(value: object) -> None:
    raw = bytearray()
    encode_unknown(raw, value)
    assert decode(bytes(raw)) == (value, len(raw))


def test_ids_keep_their_type() -> None:
    ids: list[object] = [None, 7, b"\x01", "seven", uuid.UUID(int=7)]
    assert [decode(enc.message_id(value))[0] for value in ids] == ids


@pytest.mark.parametrize(
    "raw",
    [
        b"\x99",
        b"\xa1\x02\xff\xfe",
        b"\xc1\x02\x01\x40",
        b"\xc1\x03\x02\x45\x40",
        b"\xf0\x00\x00\x00\x05\xff\xff\xff\xff\x40",
        b"\x00\x53\x70" * (DEPTH_MAX + 1) + b"\x40",
        b"\xc0\x05\x01" * 5 + b"\x40",
    ],
    ids=["constructor", "text", "odd map", "list as key", "array bomb", "depth", "sizes"],
)
def test_malformed_values_are_refused(raw: bytes) -> None:
    with pytest.raises(DecodeError):
        decode(raw)

"""Bodies: what is one JSON object in UTF-8, in or out of an envelope, and what is refused under which code."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.sync.errors import EventRejected
from shared.sync.events.decode import NESTING_MAX, decode_body
from shared.sync.events.values import BODY_BYTES_MAX, Number
from tests.support.steady import STEADY


def code_of(body: bytes) -> str:
    with pytest.raises(EventRejected) as refused:
        decode_body(body)
    return refused.value.code


def nested(depth: int, kind: str = "[") -> bytes:
    """An object whose deepest member lies that many levels below the top."""
    opening, closing = ("[", "]") if kind == "[" else ('{"a":', "}")
    inner = "" if kind == "[" else "1"
    return f'{{"a":{opening * (depth - 1)}{inner}{closing * (depth - 1)}}}'.encode()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "CONTRACT_JSON_INVALID"),
        (b" \r\n", "CONTRACT_JSON_INVALID"),
        (b"\x00", "CONTRACT_JSON_INVALID"),
        (b'{"a":', "CONTRACT_JSON_INVALID"),
        (b'{"a":1', "CONTRACT_JSON_INVALID"),
        (b'{"a":1}}', "CONTRACT_JSON_INVALID"),
        (b'{"a":1} {"b":2}', "CONTRACT_JSON_INVALID"),
        (b'{"a":1,}', "CONTRACT_JSON_INVALID"),
        (b"{'a':1}", "CONTRACT_JSON_INVALID"),
        (b"{a:1}", "CONTRACT_JSON_INVALID"),
        (b'{"a":01}', "CONTRACT_JSON_INVALID"),
        (b'{"a":1.}', "CONTRACT_JSON_INVALID"),
        (b'{"a":.5}', "CONTRACT_JSON_INVALID"),
        (b'{"a":+1}', "CONTRACT_JSON_INVALID"),
        (b'{"a":NaN}', "CONTRACT_JSON_INVALID"),
        (b'{"a":Infinity}', "CONTRACT_JSON_INVALID"),
        (b'{"a":-Infinity}', "CONTRACT_JSON_INVALID"),
        (b'{"a":"b\nc"}', "CONTRACT_JSON_INVALID"),
        (b'{"a":"b\x00c"}', "CONTRACT_JSON_INVALID"),
        (b'{"a":"\\x41"}', "CONTRACT_JSON_INVALID"),
        (b'{"a":"b}', "CONTRACT_JSON_INVALID"),
        (b'{"a":1}\x0b', "CONTRACT_JSON_INVALID"),
        (b'\xef\xbb\xbf{"a":1}', "CONTRACT_JSON_INVALID"),
        (b'\xff{"a":1}', "CONTRACT_ENCODING_INVALID"),
        (b'{"a":"\xc3"}', "CONTRACT_ENCODING_INVALID"),
        (b'{"a":"\xed\xa0\x80"}', "CONTRACT_ENCODING_INVALID"),
        (b'{"a":"\xc0\x80"}', "CONTRACT_ENCODING_INVALID"),
        ('{"a":1}'.encode("utf-16"), "CONTRACT_ENCODING_INVALID"),
        ('{"a":"é"}'.encode("latin-1"), "CONTRACT_ENCODING_INVALID"),
        (b'{"a":"\\ud800"}', "CONTRACT_ENCODING_INVALID"),
        (b'{"\\udfff":1}', "CONTRACT_ENCODING_INVALID"),
        (b'{"a":["\\ud83d"]}', "CONTRACT_ENCODING_INVALID"),
        (b'{"a":{"\\ud83d":1}}', "CONTRACT_ENCODING_INVALID"),
        (b"[]", "CONTRACT_NOT_AN_OBJECT"),
        (b'[{"a":1}]', "CONTRACT_NOT_AN_OBJECT"),
        (b"null", "CONTRACT_NOT_AN_OBJECT"),
        (b'"a"', "CONTRACT_NOT_AN_OBJECT"),
        (b"1", "CONTRACT_NOT_AN_OBJECT"),
        (b"true", "CONTRACT_NOT_AN_OBJECT"),
        (b'{"a":1,"a":1}', "CONTRACT_DUPLICATE_KEY"),
        (b'{"a":1,"\\u0061":2}', "CONTRACT_DUPLICATE_KEY"),
        (b'{"a":"","a":""}', "CONTRACT_DUPLICATE_KEY"),
        (b'{"a":{"b":1,"b":2}}', "CONTRACT_DUPLICATE_KEY"),
        (b'{"a":[{"b":1,"b":2}]}', "CONTRACT_DUPLICATE_KEY"),
    ],
)
def test_a_body_that_is_no_event_is_refused(body: bytes, code: str) -> None:
    assert code_of(body) == code


@pytest.mark.parametrize(
    ("body", "data"),
    [
        (b"{}", {}),
        (b' \t\r\n{"a":1} \t\r\n', {"a": 1}),
        ('{"a":"한국"}'.encode(), {"a": "한국"}),
        (b'{"a":"\\ud83d\\ude00"}', {"a": "😀"}),
        (b'{"a":"\\u0000\\"\\\\"}', {"a": '\x00"\\'}),
        (b'{"a":true,"b":false,"c":null}', {"a": True, "b": False, "c": None}),
        (b'{"a":[1,"x",{"b":[]}]}', {"a": [1, "x", {"b": []}]}),
        (b'{"":"","b":{}}', {"": "", "b": {}}),
        (b'{"a":"x\x7fy"}', {"a": "x\x7fy"}),
        (b'{"a":18446744073709551616}', {"a": 2**64}),
    ],
)
def test_an_object_is_read(body: bytes, data: dict[str, Any]) -> None:
    assert decode_body(body) == data


@pytest.mark.parametrize(
    "literal", ["1.0", "0.1", "1e5", "1E-400", "1e400", "-0.0", "123456789.123456789123456789"]
)
def test_a_number_with_fraction_or_exponent_is_kept_as_written(literal: str) -> None:
    for body in (f'{{"a":{literal}}}', f'{{"a":{literal},"b":[]}}'):
        value = decode_body(body.encode())["a"]
        assert type(value) is Number
        assert value == literal


@pytest.mark.parametrize("body", [b'{"a":-0}', b'{"a": -0}', b'{"b":[],"a":\n-0}'])
def test_a_literal_minus_zero_keeps_its_sign(body: bytes) -> None:
    value = decode_body(body)["a"]
    assert type(value) is Number
    assert value == "-0"


def test_zero_is_an_integer() -> None:
    assert decode_body(b'{"a":0,"b":"-0"}') == {"a": 0, "b": "-0"}


def test_an_integer_of_many_digits_is_read() -> None:
    for digits in (400, 401, 5_000, 200_000):
        value = decode_body(b'{"a":' + b"9" * digits + b"}")["a"]
        assert type(value) in (int, Number)


def test_the_largest_body() -> None:
    padding = BODY_BYTES_MAX - len(b'{"a":""}')
    largest = b'{"a":"' + b"x" * padding + b'"}'
    assert len(largest) == BODY_BYTES_MAX == 256 * 1024
    assert len(decode_body(largest)["a"]) == padding
    assert code_of(b" " + largest) == "CONTRACT_BODY_TOO_LARGE"


def test_a_text_of_a_megabyte_is_refused() -> None:
    assert code_of(b'{"a":"' + b"x" * 2**20 + b'"}') == "CONTRACT_BODY_TOO_LARGE"


@pytest.mark.parametrize("kind", ["[", "{"])
def test_the_deepest_body(kind: str) -> None:
    assert decode_body(nested(NESTING_MAX, kind))
    for depth in (NESTING_MAX + 1, 100, 1_000, 10_000, 40_000):
        assert code_of(nested(depth, kind)) == "CONTRACT_NESTING_TOO_DEEP"


def test_a_text_beside_too_deep_arrays_does_not_hide_them() -> None:
    deep = nested(40)[1:-1]
    assert code_of(b'{"b":"x",' + deep + b"}") == "CONTRACT_NESTING_TOO_DEEP"


ENVELOPE = {"specversion": "1.0", "id": "e-1", "source": "/ledger", "type": "LedgerEntryUpserted"}


def test_structured_cloud_events_give_their_data() -> None:
    assert decode_body(json.dumps({**ENVELOPE, "data": {"a": 1}}).encode()) == {"a": 1}


@pytest.mark.parametrize("data", [None, [], "{}", 1, [{"a": 1}]])
def test_the_data_of_an_envelope_is_an_object(data: object) -> None:
    assert code_of(json.dumps({**ENVELOPE, "data": data}).encode()) == "CONTRACT_NOT_AN_OBJECT"


@pytest.mark.parametrize("body", [{**ENVELOPE}, {"data": {"a": 1}}])
def test_half_an_envelope_is_none(body: dict[str, Any]) -> None:
    assert decode_body(json.dumps(body).encode()) == body


def test_an_envelope_inside_an_envelope_is_data() -> None:
    inner = {**ENVELOPE, "data": {"a": 1}}
    assert decode_body(json.dumps({**ENVELOPE, "data": inner}).encode()) == inner


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), JSON, max_size=6)


@given(OBJECTS, st.booleans())
@STEADY
def test_what_a_json_library_writes_is_read_back(data: dict[str, Any], ascii_only: bool) -> None:
    body = json.dumps(data, ensure_ascii=ascii_only).encode()
    expected = data["data"] if {"specversion", "data"} <= data.keys() else data
    if isinstance(expected, dict):
        assert decode_body(body) == expected


@given(
    st.binary(max_size=60) | st.text('{}[]",:\\u0123456789eE.-+ \nabtrufalsn', max_size=40).map(str.encode)
)
@STEADY
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """Any other exception would hold the whole batch, again and again."""
    with contextlib.suppress(EventRejected):
        assert isinstance(decode_body(body), dict)

"""Reading has a fast way and a careful way; whichever an event takes, the verdict is the same.

A member outside the contract that nests, or that is written with an escape, sends a body the careful way. So an event
with and without such a member must come to the same columns, digest and revision, or to the same code and field.
"""

import json
import time
from datetime import datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.sync.events.contract import Stream
from shared.sync.profiles.load_profile import CANONICAL, contracts_of
from shared.sync.read_batch import reader_of
from tests.support.steady import STEADY
from tests.support.sync_events import DEFAULTS, Sent, read, verdict_on

CONTRACTS = contracts_of(CANONICAL)
DETOURS = (b'"zz":{"n":[]},', b'"z\\u007a":"",', b'"zz":[],')

TEXTS = st.sampled_from(
    ["t-1", " t-1 ", "", " ", "\t", "한국", "a b", "x" * 200, "x" * 201, "ﬁ", "ß", "null", "0", "-0", "0.0"]
)
TIMES = st.sampled_from(
    [
        "2026-11-23T11:00:00Z",
        "2026-11-23T11:00:00.120000Z",
        "2026-11-23T20:00:00+09:00",
        "2026-11-23T11:00:00",
        "2026-11-23",
        " 2026-11-23T11:00:00Z",
        "1999-12-31T23:59:59Z",
        "2026-11-24T12:00:01Z",
        "2026-11-24T12:00:01.000001Z",
        "2026-11-23T11:00:60Z",
        "9999-12-31T23:59:59Z",
    ]
)
# JSON as written, because spelling is what tells the ways apart.
FRACTIONS = ["", ".", ".0", ".000000", ".0000000", ".1", ".100000", ".1000000", ".123456", ".1234560"]
FRACTIONS += [".123456000", ".1234560000", ".12345600000", ".1234567", ".0000001", ".00000010", ".000000000"]
ODD_TIMES = st.builds(
    "{}-{:02}-{:02}T{:02}:{:02}:{:02}{}{}".format,
    st.sampled_from([0, 1999, 2000, 2001, 2024, 2026]),
    st.integers(0, 13),
    st.integers(0, 32),
    st.sampled_from([0, 9, 23, 24]),
    st.sampled_from([0, 59, 60]),
    st.sampled_from([0, 59, 60, 61]),
    st.sampled_from(FRACTIONS),
    st.sampled_from(["Z", "", "z", "+00:00", " Z", "Z "]),
)
LONG_NUMBERS = [
    "9" * 20,
    "9" * 21,
    "9" * 500,
    str(2**63 - 1),
    str(2**63),
    str(2**64),
    "0.123456789",
    str(10**19),
]
LONG_NUMBERS += [
    str(10**20),
    str(10**27),
    str(-(10**20)),
    "0.10000000000",
    "10.000000000",
    "0.123456780000000000",
]
NUMBERS = st.sampled_from(
    [
        "0",
        "-0",
        "7",
        "10.50",
        "-1.5",
        "-0.0",
        "1e2",
        "1E-9",
        "0.1",
        "1e400",
        "1.0",
        "00",
        "1.",
        "NaN",
        *LONG_NUMBERS,
    ]
) | st.from_regex(
    r"-?(0|[1-9][0-9]{0,22}|10{17,24})(\.[0-9]{0,10}0{0,9})?([eE][+-]?[0-9]{1,2})?", fullmatch=True
)
LITERALS = st.sampled_from(["null", "true", "false", "[]", "{}", "[1]", '{"a":1}', '["a"]', '""'])
ESCAPED = st.sampled_from([r'"\u0074-1"', r'"a\nb"', r'"\ud800"', r'"a\"b"', '"a\x01b"', '"a\x7fb"', r'"\/"'])


def quoted(texts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return texts.map(lambda text: json.dumps(text, ensure_ascii=False))


ODD = (
    quoted(TEXTS)
    | quoted(TIMES)
    | NUMBERS
    | quoted(NUMBERS)
    | LITERALS
    | ESCAPED
    | quoted(st.text(max_size=8))
)
SOUND: dict[str, st.SearchStrategy[str]] = {
    "amount": quoted(st.sampled_from(["10", "0.5", "1250.00"])) | st.sampled_from(["10", "0.50", "0"]),
    "amount_signed": st.sampled_from(['"-10.5"', "-10.5", "3"]),
    "currency": st.sampled_from(['"KRW"', '"usd"']),
    "version": st.sampled_from(["0", "1", '"2"']),
    "event_time": quoted(st.just("2026-11-23T11:00:00Z")),
    "created_at": quoted(st.just("2026-11-23T10:00:00.5Z")),
    "updated_at": quoted(st.sampled_from(["2026-11-23T11:00:00.000000Z", "2026-11-23T12:00:00+01:00"])),
}


@st.composite
def members(draw: st.DrawFn, stream: Stream) -> list[tuple[str, str]]:
    """A body's members as written: mostly sound, with up to two odd ones, in any order, some keys twice."""
    contract = next(c for c in CONTRACTS if c.stream == stream)
    names = sorted(contract.known_names())
    chosen = [f.name for f in contract.fields if f.required] + draw(
        st.lists(st.sampled_from(names), max_size=6)
    )
    found = {name: draw(SOUND.get(name, st.just('"x-1"'))) for name in chosen}
    for name in draw(st.lists(st.sampled_from([*names, "memo", "data", "specversion", ""]), max_size=2)):
        found[name] = draw(ODD)
    whole = list(found.items())
    for name in draw(
        st.lists(st.sampled_from(sorted(found)), max_size=1) if draw(st.booleans()) else st.just([])
    ):
        whole.append((name, found[name]))
    return draw(st.permutations(whole))


def body_of(parts: list[tuple[str, str]], detour: bytes = b"") -> bytes:
    inside = ",".join(f'"{name}":{literal}' for name, literal in parts).encode("utf-8", "surrogatepass")
    return b"{" + (detour + inside if inside else detour[:-1]) + b"}"


@pytest.mark.parametrize("stream", ["ledger", "payment_order"])
@given(data=st.data())
@settings(STEADY, max_examples=250)
def test_the_way_an_event_takes_does_not_change_what_it_says(stream: Stream, data: st.DataObject) -> None:
    parts = data.draw(members(stream))
    usual = verdict_on(body_of(parts), stream)
    for detour in DETOURS:
        assert verdict_on(body_of(parts, detour), stream) == usual


@given(members("ledger") | members("payment_order"))
@example(
    [("tx_id", '"t"'), ("wallet_id", '"w"'), ("entry_type", "0"), ("amount", "1"), ("event_time", '"x"')]
)
@settings(STEADY, max_examples=200)
def test_noticing_does_not_depend_on_the_way(parts: list[tuple[str, str]]) -> None:
    stream: Stream = "ledger" if any(name == "tx_id" for name, _ in parts) else "payment_order"
    usual, detoured = (read(Sent(stream, 1, body_of(parts, detour))) for detour in (b"", DETOURS[0]))
    assert usual.alias_hits == detoured.alias_hits
    assert usual.versions_missing == detoured.versions_missing
    if usual.records and not any(name == "specversion" for name, _ in parts):
        assert usual.unknown_fields + 1 == detoured.unknown_fields


FIELDS = sorted({n for c in CONTRACTS for n in c.known_names()})
SAMPLE: dict[str, Any] = {
    "tx_id": '"t-1"',
    "wallet_id": '"w-1"',
    "entry_type": '"PAYMENT"',
    "amount": "10.50",
    "event_time": '"2026-11-23T11:00:00Z"',
}
ORDER: dict[str, Any] = {
    "order_id": '"o-1"',
    "amount": "10.50",
    "status": '"CREATED"',
    "created_at": '"2026-11-23T11:00:00Z"',
}
# What each known value kind is given once, for every field of a ledger event.
NASTY = [
    *(
        "0",
        "-0",
        "1.5",
        "-0.0",
        "true",
        "false",
        "null",
        "[]",
        "{}",
        '""',
        '" "',
        '"0"',
        "7",
        "1e2",
        '"a\\u0062"',
    ),
    *(
        '"x"',
        '"-0"',
        "9" * 30,
        str(10**20),
        f'"{10**20}"',
        f'"{10**27}.50"',
        "0.1000000000",
        '"0.123456780000000"',
    ),
    *('"2026-11-23T11:00:00.1234560000Z"', '"2026-11-23T11:00:00.123456000Z"', '"2026-02-30T11:00:00Z"'),
    *('"2026-11-23T11:00:00Z"', '"KRW"', '["x"]', '{"x":"y"}', '"a\x7fb"', '"é"'),
]


@pytest.mark.parametrize("name", FIELDS)
def test_every_nasty_value_in_every_field(name: str) -> None:
    for literal in NASTY:
        parts = list({**SAMPLE, name: literal}.items())
        usual = verdict_on(body_of(parts))
        for detour in DETOURS:
            assert verdict_on(body_of(parts, detour)) == usual, literal


@given(name=st.sampled_from(FIELDS), literal=ODD)
@settings(STEADY, max_examples=600)
def test_one_odd_value_in_an_otherwise_usual_event(name: str, literal: str) -> None:
    parts = list({**SAMPLE, name: literal}.items())
    assert verdict_on(body_of(parts, DETOURS[0])) == verdict_on(body_of(parts))


@pytest.mark.parametrize("year", [2000, 2023, 2024])
def test_every_day_of_a_year_and_no_other(year: int) -> None:
    """Whether a day exists is for the calendar to say, on either way."""
    for month in range(14):
        for day in range(33):
            text = f"{year}-{month:02}-{day:02}T11:00:00Z"
            try:
                exists = bool(datetime.fromisoformat(text))
            except ValueError:
                exists = False
            body = list({**SAMPLE, "event_time": f'"{text}"'}.items())
            for detour in (b"", DETOURS[0]):
                assert (verdict_on(body_of(body, detour)).code is None) == exists, text


HOSTILE = [
    "0" * 200_000,
    "1." + "0" * 200_000 + "1",
    "9" * 200_000,
    "a " * 100_000,
    " " * 200_000 + "a",
    "-" * 200_000,
]
HOSTILE += [
    "2026-11-23T11:00:00." + "0" * 200_000 + "Z",
    "2026-11-23T11:00:00." + "10" * 100_000,
    "a" + "\u00a0" * 90_000,
]


@pytest.mark.parametrize("name", sorted({f.name for c in CONTRACTS for f in c.all_fields()}))
def test_a_hostile_text_takes_no_longer_than_its_length(name: str) -> None:
    """A reading that backtracks would need minutes for some of these, and hold the partition."""
    started = time.process_time()
    for text in HOSTILE:
        for literal in (f'"{text}"', text):
            verdict_on(body_of(list({**SAMPLE, name: literal}.items())), "ledger")
            verdict_on(body_of(list({**ORDER, name: literal}.items())), "payment_order")
    assert time.process_time() - started < 5


def test_the_fast_way_is_taken_by_what_producers_usually_send_and_by_nothing_else() -> None:
    """If nothing took the fast way, the comparisons above would compare the careful way with itself."""
    reader, latest = reader_of("ledger", DEFAULTS), "2026-11-24T12:00:01"
    members = list(SAMPLE.items())
    assert reader.usual is not None
    bodies = [body_of(members), *(body_of(members, detour) for detour in DETOURS)]
    assert set(reader.usual.read(bodies, latest).odd) == set(range(1, len(bodies)))
    for place, body in enumerate(bodies):
        assert bool(reader.usual.read([body], latest).odd) == (place > 0)

"""Access records and seals as bytes and texts: golden vectors, and what a seal must say to be one."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.audit.access.manifest import FORMAT, RecordsManifest
from shared.audit.access.model import AccessRecord, id_hash, kept_text, lines_digest, query_text, record_line
from shared.audit.access.seals import ids_text, ranges_of, read_seal, seal_state, union_text
from shared.audit.model import Action
from shared.audit.segments.model import FORMAT as SEGMENT_FORMAT
from shared.audit.segments.model import Boundary

MOMENT = datetime(2026, 11, 25, 9, 30, 0, 123_456, tzinfo=UTC)
RECORD = AccessRecord(
    record_id=7,
    recorded_at=MOMENT,
    occurred_at=MOMENT,
    actor="oid:7f1c",
    principal_type="PERSON",
    role="viewer",
    site_id=None,
    permission="site:lookup:read",
    resource="http_tx",
    status=404,
    code="TX_NOT_FOUND",
    result_count=0,
    duration_us=1_234,
    request_id="req-1",
    client_address="192.0.2.7",
    user_agent="Konsole/ü",
    query='{"id":""}',
    looked_up=(b"\x01" * 32,),
    key_version="v1",
)
LINE = (
    '{"record_id":7,"recorded_at":"2026-11-25T09:30:00.123456Z","occurred_at":"2026-11-25T09:30:00.123456Z",'
    '"actor":"oid:7f1c","principal_type":"PERSON","role":"viewer","site_id":null,"permission":"site:lookup:read",'
    '"resource":"http_tx","status":404,"code":"TX_NOT_FOUND","result_count":0,"duration_us":1234,'
    '"request_id":"req-1","client_address":"192.0.2.7","user_agent":"Konsole/ü","query":"{\\"id\\":\\"\\"}",'
    '"looked_up":["' + "01" * 32 + '"],"key_version":"v1"}\n'
)


def test_a_line_is_these_bytes() -> None:
    assert record_line(RECORD) == LINE.encode()
    assert lines_digest([]).hex().startswith("e3b0c44298fc1c14")
    assert lines_digest([LINE.encode()] * 2) != lines_digest([LINE.encode()])


def test_an_ids_hash_is_hmac_sha256() -> None:
    # RFC 4231, test case 2.
    made = id_hash(b"Jefe", "what do ya want for nothing?").hex()
    assert made == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


@pytest.mark.parametrize(
    ("ids", "text"),
    [([], "{}"), ([1], "{[1,2)}"), ([1, 2, 3, 6, 9, 10], "{[1,4),[6,7),[9,11)}")],
)
def test_ids_are_a_multirange(ids: list[int], text: str) -> None:
    assert ids_text(ids) == text
    assert [number for each in ranges_of(text) for number in each] == ids


def said(**changes: Any) -> dict[str, Any]:
    state = seal_state([RECORD, replace(RECORD, record_id=9)], MOMENT)
    return {**json.loads(json.dumps(state, default=lambda each: each.isoformat())), **changes}


def test_a_seal_is_read_as_it_was_made() -> None:
    seal = read_seal(3, Action.ACCESS_SEAL, json.dumps(said()))
    assert seal is not None
    assert (seal.position, seal.ids, seal.count, seal.open_from) == (3, "{[7,8),[9,10)}", 2, MOMENT)
    assert seal.ranges == [range(7, 8), range(9, 10)]
    assert union_text([seal, replace(seal, ids="{[20,30)}")]) == "{[7,8),[9,10),[20,30)}"
    assert union_text([]) == "{}"


@pytest.mark.parametrize(
    "changes",
    [
        {"ids": "{[7,8)}"},
        {"ids": "{7}"},
        {"ids": "{[7,8),[9,10)} OR true"},
        {"count": 3},
        {"count": "two"},
        {"digest": "ab"},
        {"open_from": "yesterday"},
    ],
)
def test_what_does_not_say_what_a_seal_says_is_none(changes: dict[str, Any]) -> None:
    assert read_seal(3, Action.ACCESS_SEAL, json.dumps(said(**changes))) is None


def test_another_entry_is_no_seal() -> None:
    assert read_seal(3, Action.GAP_ACCEPT, json.dumps(said())) is None
    assert read_seal(3, Action.ACCESS_SEAL, None) is None
    assert read_seal(3, Action.ACCESS_SEAL, "[]") is None


def test_what_a_caller_says_is_kept_storable() -> None:
    assert kept_text("a\0b\ud800") == "ab?"
    assert len(kept_text("x" * 10_000)) == 500
    assert query_text({"b": "2", "a": "ü"}) == '{"a":"\\u00fc","b":"2"}'


MANIFEST = RecordsManifest(FORMAT, "2026-11", 1, 2, "a" * 64, 2, 4, 100, "b" * 64, None, "key/1", "Ed25519")
BOUNDARY = Boundary(
    SEGMENT_FORMAT, "control", 3, "CHANGED", "a" * 64, 6, "b" * 64, "c" * 64, 0, "key/1", "Ed25519"
)


def test_manifests_and_boundaries_are_read_exactly_as_written() -> None:
    assert RecordsManifest.decode(MANIFEST.encode()) == MANIFEST
    assert Boundary.decode(BOUNDARY.encode()) == BOUNDARY
    for told in (MANIFEST.encode() + b" ", b"", b"[]", b"\xff", b'{"format":1}'):
        assert RecordsManifest.decode(told) is None
        assert Boundary.decode(told) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"break_position": 0},
        {"head_position": 1},
        {"anchors_until": -1},
        {"digest": "zz"},
        {"good_hash": "ab"},
        {"format": "other"},
        {"break_position": True},
    ],
)
def test_a_boundary_that_cannot_be_is_none(changes: dict[str, Any]) -> None:
    assert Boundary.decode(replace(BOUNDARY, **changes).encode()) is None


@pytest.mark.parametrize(
    "changes", [{"records": -1}, {"seals": "2"}, {"chain_archive": "x"}, {"format": "other"}]
)
def test_a_manifest_that_cannot_be_is_none(changes: dict[str, Any]) -> None:
    assert RecordsManifest.decode(replace(MANIFEST, **changes).encode()) is None


@pytest.mark.parametrize(("position", "covered"), [(2, False), (3, True), (6, True), (7, False)])
def test_a_boundary_covers_its_break(position: int, covered: bool) -> None:
    assert BOUNDARY.covers(position) is covered

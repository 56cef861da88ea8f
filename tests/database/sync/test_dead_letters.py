"""Quarantine: what is kept of an event that can never be applied, and what cannot be kept twice."""

import json
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from shared.database import constraint_name
from shared.runtime import Runtime
from shared.sync.errors import DeadLetterConflict
from tests.support.runtime import NOON, KeptTelemetry, StandingClock
from tests.support.stories import row_versions
from tests.support.sync_events import HUBS, Sent, entry, ingest, order, outcomes
from tests.support.sync_state import totals

Owner = psycopg.Connection[Any]


def only_letter(owner: Owner) -> dict[str, Any]:
    with owner.cursor(row_factory=dict_row) as cursor:
        (row,) = cursor.execute("SELECT * FROM dead_letters").fetchall()
    return row


def bad(number: int, body: bytes = b"{}", **sent: Any) -> Sent:
    return Sent("ledger", number, body, **sent)


def test_everything_about_the_event_is_kept(runtime: Runtime, owner: Owner) -> None:
    properties = {"x-correlation-id": "c-1", "tries": 3, "nested": {"a": [1, None, True]}}
    ingest(runtime, bad(7, b"\x00\xff{", properties=properties, partition_id="3"))
    letter = only_letter(owner)
    assert letter.pop("dead_letter_id") > 0
    assert len(letter.pop("body_sha256")) == 32
    assert letter.pop("error_detail")
    assert letter == {
        "stream": "ledger",
        "hub": HUBS["ledger"],
        "generation": 1,
        "partition_id": "3",
        "sequence_number": 7,
        "event_offset": "448",
        "partition_key": "key",
        "enqueued_at": NOON + timedelta(seconds=7),
        "properties": properties,
        "body": b"\x00\xff{",
        "error_code": "CONTRACT_ENCODING_INVALID",
        "error_field": None,
        "profile": "canonical-v1",
        "correlation_id": "c-1",
        "attempts": 0,
        "status": "NEW",
        "closed_by": None,
        "closed_reason": None,
        "created_at": NOON,
        "closed_at": None,
    }


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a\x00b", "a\\x00b"),
        ("\ud800", "\\ud800"),
        (b"\xff", "b'\\xff'"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (NOON, str(NOON)),
        ((1, "x"), [1, "x"]),
        (2**80, 2**80),
        ({"k\x00": {"\udfff": "\x00"}}, {"k\\x00": {"\\udfff": "\\x00"}}),
    ],
    ids=repr,
)
def test_properties_that_json_cannot_hold_are_shown(
    runtime: Runtime, owner: Owner, given: Any, kept: Any
) -> None:
    """A property that made the insert fail would hold the whole partition."""
    ingest(runtime, bad(1, properties={"p": given}))
    assert only_letter(owner)["properties"] == {"p": kept}


@pytest.mark.parametrize("field", ["a\x00b", "\ud800"])
def test_a_key_that_text_cannot_hold_is_shown(runtime: Runtime, owner: Owner, field: str) -> None:
    body = f"{{{json.dumps(field)}:1,{json.dumps(field)}:2}}".encode()
    ingest(runtime, bad(1, body))
    assert only_letter(owner)["error_code"] == "CONTRACT_DUPLICATE_KEY"


def test_a_correlation_id_that_text_cannot_hold_does_not_hold_the_batch(
    runtime: Runtime, owner: Owner
) -> None:
    unfit = {"x-correlation-id": "\ud800"}
    sound = Sent("ledger", 1, entry(1).body, properties=unfit)
    assert outcomes(ingest(runtime, sound, bad(2, properties=unfit))) == {"applied": 1, "dead_lettered": 1}


def test_the_same_bytes_at_the_same_place_are_kept_once(runtime: Runtime, owner: Owner) -> None:
    ingest(runtime, bad(1))
    first = only_letter(owner)
    clock = runtime.clock
    assert isinstance(clock, StandingClock)
    clock.move(hours=1)
    before = row_versions(owner)
    assert outcomes(ingest(runtime, bad(1))) == {"redelivered": 1}
    assert only_letter(owner) == first
    assert row_versions(owner) == before


def test_known_and_new_bad_events_of_one_call(runtime: Runtime, owner: Owner) -> None:
    """What is known stays as it is, beside what is new."""
    ingest(runtime, bad(1), bad(3, b"[]"))
    before = set(row_versions(owner)["dead_letters"])
    assert outcomes(ingest(runtime, bad(1), bad(2), bad(3, b"[]"))) == {"redelivered": 2, "dead_lettered": 1}
    after = set(row_versions(owner)["dead_letters"])
    assert before < after
    assert len(after) == 3


def test_other_bytes_at_the_same_place_raise_and_nothing_of_the_call_is_stored(
    runtime: Runtime, owner: Owner
) -> None:
    ingest(runtime, bad(1))
    before = totals(owner)
    with pytest.raises(DeadLetterConflict):
        ingest(runtime, entry(2, "t-2"), bad(1, b"[]"), bad(3), order(1))
    assert only_letter(owner)["body"] == b"{}"
    assert totals(owner) == before
    for table in ("ledger_entries", "payment_orders", "pairs", "applied_records"):
        assert owner.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_places_differ_by_hub_generation_partition_and_number(runtime: Runtime, owner: Owner) -> None:
    for sent in (bad(1), bad(2), bad(1, b"[]", partition_id="1"), Sent("payment_order", 1, b"[]")):
        ingest(runtime, sent)
    places = owner.execute("SELECT hub, partition_id, sequence_number FROM dead_letters").fetchall()
    assert len(set(places)) == len(places) == 4


@pytest.mark.parametrize("site", ["XX-NOWHERE", "x", "kr-seoul", " KR-SEOUL-2"])
def test_an_unknown_site_is_refused(runtime: Runtime, owner: Owner, site: str) -> None:
    result = ingest(runtime, entry(1, site_id=site, correlation_id="c-1"), entry(2, "t-2"))
    assert outcomes(result) == {"applied": 1, "dead_lettered": 1}
    letter = only_letter(owner)
    assert (letter["error_code"], letter["error_field"], letter["correlation_id"]) == (
        "SITE_UNKNOWN",
        "site_id",
        "c-1",
    )


def test_an_inactive_site_is_refused_until_it_is_active_again(runtime: Runtime, owner: Owner) -> None:
    owner.execute("UPDATE sites SET is_active = false WHERE site_id = 'JP-TOKYO'")
    assert outcomes(ingest(runtime, entry(1, site_id="JP-TOKYO"))) == {"dead_lettered": 1}
    owner.execute("UPDATE sites SET is_active = true WHERE site_id = 'JP-TOKYO'")
    assert outcomes(ingest(runtime, entry(2, site_id="JP-TOKYO"))) == {"applied": 1}


def test_without_any_active_site_every_event_is_a_dead_letter(runtime: Runtime, owner: Owner) -> None:
    owner.execute("UPDATE sites SET is_active = false")
    assert outcomes(ingest(runtime, entry(1), entry(2, "t-2"), order(1))) == {"dead_lettered": 3}


def test_dead_letters_are_counted_by_code(runtime: Runtime) -> None:
    ingest(runtime, bad(1), bad(2, b""), bad(3, b"["), entry(4))
    telemetry = runtime.telemetry
    assert isinstance(telemetry, KeptTelemetry)
    counted = {labels["code"]: value for name, value, labels in telemetry.metrics if name == "dead_letters"}
    assert counted == {"CONTRACT_FIELD_MISSING": 1, "CONTRACT_JSON_INVALID": 2}


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("status = 'GONE', closed_at = now()", "ck_dead_letters_status"),
        ("status = 'RESOLVED'", "ck_dead_letters_closed"),
        ("closed_at = now()", "ck_dead_letters_closed"),
        ("status = 'DISCARDED', closed_at = now()", "ck_dead_letters_discard_reason"),
        ("status = 'DISCARDED', closed_at = now(), closed_reason = ' '", "ck_dead_letters_discard_reason"),
        ("attempts = -1", "ck_dead_letters_attempts"),
        ("body_sha256 = '\\x00'", "ck_dead_letters_digest_length"),
        ("status = 'DISCARDED', closed_at = now(), closed_reason = 'test event'", None),
    ],
)
def test_the_database_holds_the_states(
    runtime: Runtime, owner: Owner, change: str, constraint: str | None
) -> None:
    ingest(runtime, bad(1))
    refused = None
    try:
        owner.execute(f"UPDATE dead_letters SET {change}")
    except psycopg.IntegrityError as error:
        refused = constraint_name(error)
    assert refused == constraint

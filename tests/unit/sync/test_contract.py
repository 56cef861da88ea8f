"""The contract reader: required fields, other names of a fact, fallbacks, defaults, bounds of times."""

from datetime import timedelta
from typing import Any

import pytest

from shared.sync.events import CONTRACTS
from shared.sync.events.contract import Stream
from shared.sync.model import Event
from tests.support.runtime import NOON
from tests.support.sync_events import (
    ABSENT,
    DEFAULTS,
    TOLERANCE,
    Sent,
    Verdict,
    ledger_body,
    order_body,
    read,
    verdict_on,
)

MISSING, INVALID, CONFLICT = "CONTRACT_FIELD_MISSING", "CONTRACT_FIELD_INVALID", "CONTRACT_ALIAS_CONFLICT"


def on_ledger(**fields: Any) -> Verdict:
    return verdict_on(ledger_body("t-1", **fields))


def on_order(**fields: Any) -> Verdict:
    return verdict_on(order_body("o-1", **fields), "payment_order")


def test_an_entry_in_full() -> None:
    found = on_ledger(
        amount_signed="-10.0",
        currency="krw",
        related_type="payment_order",
        created_at="2026-11-23T11:00:01Z",
        updated_at="2026-11-23T11:00:02+00:00",
        version=0,
        site_id="JP-TOKYO",
        correlation_id=" c-1 ",
    )
    assert found.columns == {
        "tx_id": "t-1",
        "wallet_id": "w-1",
        "entry_type": "PAYMENT",
        "amount": "10",
        "amount_signed": "-10",
        "currency": "KRW",
        "related_id": "o-1",
        "related_type": "PAYMENT_ORDER",
        "event_time": "2026-11-23T11:00:00",
        "created_at": "2026-11-23T11:00:01",
        "site_id": "JP-TOKYO",
    }
    assert (found.updated_at, found.version, found.correlation_id) == ("2026-11-23T11:00:02", 0, "c-1")


def test_an_order_in_full() -> None:
    found = on_order(
        currency="EUR", user_id=7, merchant_name=" Corner\tShop ", merchant_id="m-1", version="12"
    )
    assert found.columns == {
        "order_id": "o-1",
        "amount": "10",
        "currency": "EUR",
        "status": "CREATED",
        "created_at": "2026-11-23T10:00:00",
        "user_id": "7",
        "merchant_name": "Corner\tShop",
        "merchant_id": "m-1",
        "site_id": DEFAULTS.site_id,
    }
    assert (found.updated_at, found.version) == ("", 12)


def test_what_an_entry_leaves_unsaid() -> None:
    found = on_ledger(related_id=ABSENT).columns
    assert (found["currency"], found["site_id"]) == (DEFAULTS.currency, DEFAULTS.site_id)
    assert found["created_at"] == found["event_time"]
    assert (found["related_id"], found["related_type"], found["amount_signed"]) == ("", "", "")


REQUIRED = [(c.stream, f) for c in CONTRACTS for f in c.all_fields() if f.required]


@pytest.mark.parametrize(("stream", "field"), REQUIRED, ids=lambda value: getattr(value, "name", value))
@pytest.mark.parametrize("blank", [ABSENT, None, "", " \t\r\n"])
def test_a_required_field_is_neither_absent_nor_null_nor_blank(
    stream: Stream, field: Any, blank: Any
) -> None:
    body = ledger_body("t-1") if stream == "ledger" else order_body("o-1")
    body.pop(field.name)
    if blank is not ABSENT:
        body[field.name] = blank
    found = verdict_on(body, stream)
    assert (found.code, found.field) == (MISSING, field.name)


def test_the_required_fields_are_those_of_the_contract() -> None:
    named = {(stream, field.name) for stream, field in REQUIRED}
    assert named == {
        *(("ledger", name) for name in ("tx_id", "wallet_id", "entry_type", "amount", "event_time")),
        *(("payment_order", name) for name in ("order_id", "amount", "status", "created_at")),
    }


@pytest.mark.parametrize("blank", [None, "", " \r\n"])
def test_an_optional_field_that_is_blank_is_absent(blank: object) -> None:
    optional = ("amount_signed", "currency", "related_type", "created_at", "updated_at", "version", "site_id")
    stated = on_ledger(**dict.fromkeys((*optional, "correlation_id"), blank))
    assert stated == on_ledger()


NO_TEXTS: tuple[object, ...] = (0, False, [], {})


def test_zero_and_no_text_are_values_and_not_blanks() -> None:
    assert on_ledger(amount=0).columns["amount"] == "0"
    assert on_ledger(version=0).version == 0
    assert on_ledger(tx_id=0).columns["tx_id"] == "0"
    for name in ("entry_type", "currency", "related_type", "event_time", "correlation_id"):
        for value in NO_TEXTS:
            found = on_ledger(**{name: value})
            assert (found.code, found.field) == (INVALID, name)


@pytest.mark.parametrize(
    ("fields", "at_fault"),
    [
        ({"tx_id": True}, "tx_id"),
        ({"tx_id": 1.5}, "tx_id"),
        ({"tx_id": ["t"]}, "tx_id"),
        ({"tx_id": {"id": "t"}}, "tx_id"),
        ({"tx_id": "x" * 201}, "tx_id"),
        ({"wallet_id": "a\x00b"}, "wallet_id"),
        ({"wallet_id": "a\x1fb"}, "wallet_id"),
        ({"entry_type": "X" * 41}, "entry_type"),
        ({"entry_type": 1}, "entry_type"),
        ({"amount": "-1"}, "amount"),
        ({"amount": True}, "amount"),
        ({"amount": [1]}, "amount"),
        ({"amount": "ten"}, "amount"),
        ({"amount_signed": "-0"}, "amount_signed"),
        ({"currency": "KR"}, "currency"),
        ({"related_id": 1.5}, "related_id"),
        ({"event_time": "2026-11-23"}, "event_time"),
        ({"event_time": 1763893230}, "event_time"),
        ({"created_at": "yesterday"}, "created_at"),
        ({"version": -1}, "version"),
        ({"version": 2**63}, "version"),
        ({"version": 1.0}, "version"),
        ({"version": True}, "version"),
        ({"site_id": "x" * 201}, "site_id"),
        ({"correlation_id": 7}, "correlation_id"),
        ({"correlation_id": "x" * 501}, "correlation_id"),
    ],
)
def test_a_field_of_another_type_or_form_is_named(fields: dict[str, Any], at_fault: str) -> None:
    found = on_ledger(**fields)
    assert (found.code, found.field) == (INVALID, at_fault)


ALIASES = [
    ("type", "entry_type", "entry_type", "RECEIVE"),
    ("source_created_at", "event_time", "event_time", "2026-11-23T11:00:00Z"),
    ("created_at", "event_time", "event_time", "2026-11-23T11:00:00Z"),
]


@pytest.mark.parametrize(("alias", "name", "hit", "value"), ALIASES)
def test_another_name_stands_in_and_is_counted(alias: str, name: str, hit: str, value: str) -> None:
    aliased = read(Sent("ledger", 1, ledger_body("t-1", **{name: ABSENT, alias: value})))
    plain = read(Sent("ledger", 1, ledger_body("t-1", **{name: value})))
    assert aliased.records == plain.records
    assert aliased.alias_hits == {hit: 1}
    assert not plain.alias_hits


@pytest.mark.parametrize("blank", [None, "", "  "])
def test_a_blank_name_lets_the_next_one_stand_in(blank: object) -> None:
    assert on_ledger(entry_type=blank, type="receive").columns["entry_type"] == "RECEIVE"
    assert on_ledger(version=blank, source_version=4).version == 4


def test_the_first_present_name_wins_and_the_fallback_comes_last() -> None:
    stated = on_ledger(source_created_at="2026-11-23T11:00:00Z", created_at="2026-11-23T09:00:00Z")
    assert stated.columns["event_time"] == "2026-11-23T11:00:00"
    assert stated.columns["created_at"] == "2026-11-23T09:00:00"
    fallback = on_ledger(event_time=ABSENT, created_at="2026-11-23T09:00:00Z")
    assert fallback.columns["event_time"] == fallback.columns["created_at"] == "2026-11-23T09:00:00"


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"entry_type": "PAYMENT", "type": "RECEIVE"}, "entry_type"),
        (
            {"event_time": "2026-11-23T11:00:00Z", "source_created_at": "2026-11-23T11:00:00.000001Z"},
            "event_time",
        ),
        ({"version": 1, "source_version": 2}, "version"),
        ({"version": 0, "source_version": 1}, "version"),
    ],
)
def test_two_names_of_one_fact_that_differ_are_a_conflict(fields: dict[str, Any], name: str) -> None:
    found = on_ledger(**fields)
    assert (found.code, found.field) == (CONFLICT, name)


@pytest.mark.parametrize(
    "fields",
    [
        {"entry_type": "PAYMENT", "type": " payment "},
        {"event_time": "2026-11-23T11:00:00Z", "source_created_at": "2026-11-23T20:00:00.000+09:00"},
        {"event_time": "2026-11-23T11:00:00", "source_created_at": "2026-11-23T11:00Z"},
        {"version": 1, "source_version": "1"},
        {"version": "01", "source_version": 1},
    ],
)
def test_names_of_one_fact_are_compared_by_value(fields: dict[str, Any]) -> None:
    found = on_ledger(**fields)
    assert found.code is None
    assert found.columns["event_time"] == "2026-11-23T11:00:00"


def test_a_name_that_is_present_must_be_valid_even_when_another_wins() -> None:
    found = on_ledger(entry_type="PAYMENT", type=7)
    assert (found.code, found.field) == (INVALID, "type")


def test_fields_outside_the_contract_are_ignored_and_counted() -> None:
    extra = read(Sent("ledger", 1, ledger_body("t-1", memo="x", tags=[1], status=None)))
    assert extra.records == read(Sent("ledger", 1, ledger_body("t-1"))).records
    assert extra.unknown_fields == 3
    assert read(Sent("payment_order", 1, order_body("o-1", tx_id="t-1"))).unknown_fields == 1


def at(moment: object, name: str = "event_time") -> Verdict:
    return on_ledger(**{name: moment})


# The builder's event is enqueued a second after noon.
LATEST = NOON + timedelta(seconds=1) + TOLERANCE


@pytest.mark.parametrize("name", ["event_time", "created_at", "updated_at"])
def test_times_lie_between_the_year_2000_and_the_enqueued_time_plus_tolerance(name: str) -> None:
    assert at("2000-01-01T00:00:00Z", name).code is None
    assert at(LATEST.isoformat(), name).code is None
    beyond = ("1999-12-31T23:59:59.999999Z", "2000-01-01T00:00:00+00:01", "0001-01-01T00:00:00Z")
    for moment in (*beyond, (LATEST + timedelta(microseconds=1)).isoformat(), "9999-12-31T23:59:59Z"):
        assert (at(moment, name).code, at(moment, name).field) == (INVALID, name)


def test_the_bound_is_that_of_the_event_and_not_of_the_clock() -> None:
    body = ledger_body("t-1", event_time="2027-12-01T00:00:00Z")
    assert verdict_on(body, enqueued_at=NOON + timedelta(days=400)).code is None


def test_events_without_updated_at_and_version_are_counted() -> None:
    bodies: list[dict[str, Any]] = [
        {},
        {"version": 0},
        {"updated_at": "2026-11-23T11:00:00Z"},
        {"version": ""},
    ]
    found = read(*(Sent("ledger", n, ledger_body(f"t-{n}", **body)) for n, body in enumerate(bodies)))
    assert found.versions_missing == 2


def test_a_correlation_id_comes_from_the_body_else_from_the_properties() -> None:
    both = {"x-correlation-id": "p-1", "traceparent": "00-1-2-01"}
    assert verdict_on(ledger_body("t-1", correlation_id="b-1"), properties=both).correlation_id == "b-1"
    assert verdict_on(ledger_body("t-1"), properties=both).correlation_id == "p-1"
    assert (
        verdict_on(ledger_body("t-1"), properties={"traceparent": "00-1-2-01"}).correlation_id == "00-1-2-01"
    )


@pytest.mark.parametrize("unfit", ["", "  ", "a\x00b", "x" * 501, "\ud800", 7, None, ["c"]])
def test_a_correlation_id_that_cannot_be_kept_is_as_good_as_none(unfit: object) -> None:
    stated = {"x-correlation-id": unfit, "traceparent": "t-1"}
    assert verdict_on(ledger_body("t-1"), properties=stated).correlation_id == "t-1"
    assert verdict_on(ledger_body("t-1"), properties={"x-correlation-id": unfit}).correlation_id == ""


def test_a_refused_event_keeps_the_correlation_id_of_its_properties() -> None:
    found = read(Sent("ledger", 1, b"{}", properties={"x-correlation-id": "p-1"}))
    assert [r.correlation_id for r in found.rejections] == ["p-1"]


ENVELOPE = {"specversion": "1.0", "id": "e-1", "source": "/ledger", "type": "LedgerEntryUpserted"}


def test_every_envelope_says_the_same() -> None:
    bare = on_ledger()
    structured = verdict_on({**ENVELOPE, "time": "2026-11-23T11:00:00Z", "data": ledger_body("t-1")})
    assert structured == bare
    for prefix in ("cloudEvents:", "cloudEvents_"):
        binary = {prefix + name: value for name, value in ENVELOPE.items()}
        assert verdict_on(ledger_body("t-1"), properties=binary) == bare


def test_a_sequence_number_that_stands_twice_in_a_batch_is_read_once() -> None:
    found = read(*(Sent("ledger", number, ledger_body("t-1")) for number in (1, 2, 1, 1)))
    assert [r.revision.sequence_number for r in found.records] == [1, 2]
    assert found.repeated == 2


def test_the_digest_covers_the_business_columns_and_nothing_else() -> None:
    plain = on_ledger()
    for same in (
        {"version": 3},
        {"updated_at": "2026-11-23T11:00:00Z"},
        {"correlation_id": "c"},
        {"memo": "x"},
        {"currency": DEFAULTS.currency},
        {"site_id": DEFAULTS.site_id},
        {"created_at": "2026-11-23T11:00:00Z"},
        {"amount": 10},
        {"amount": "10.000"},
    ):
        assert on_ledger(**same).digest == plain.digest
    for other in (
        {"site_id": "JP-TOKYO"},
        {"amount": "10.00000001"},
        {"related_type": "PAYMENT_ORDER"},
        {"related_id": ABSENT},
        {"wallet_id": "w-2"},
        {"amount_signed": 10},
    ):
        assert on_ledger(**other).digest != plain.digest


def test_values_cannot_run_into_each_other() -> None:
    one = on_ledger(related_id="a", related_type="b")
    other = on_ledger(related_id="ab", related_type=ABSENT)
    assert one.digest != other.digest


def test_an_event_is_enqueued_to_the_millisecond() -> None:
    event = Sent("ledger", 1, ledger_body("t-1"), enqueued_at=NOON + timedelta(milliseconds=7)).event()
    assert isinstance(event, Event)
    found = read(Sent("ledger", 1, ledger_body("t-1"), enqueued_at=NOON + timedelta(milliseconds=7)))
    assert found.records[0].revision.enqueued_at == "2026-11-23T12:00:00.007"

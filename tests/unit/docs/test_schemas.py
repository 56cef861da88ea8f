"""The published JSON Schemas and the reader agree: what one accepts, the other accepts."""

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from infra.local.sample import generate
from infra.local.sample.model import MALFORMED_PREFIX
from shared.sync.events import values as kinds
from shared.sync.events.contract import Contract, Field, Stream
from shared.sync.events.json_schema import LIMITS, form_of, json_schema
from shared.sync.events.values import Kind
from shared.sync.profiles.load_profile import CANONICAL, contracts_of
from shared.sync.read_batch import refuse_unknown_sites
from tests.support.sync_events import DEFAULTS, Sent, ledger_body, order_body, read, verdict_on
from tests.unit.docs.contract_values import DAY_TEXT, OTHERS, VALUES

DAY = date(2026, 11, 23)
CONTRACTS = contracts_of(CANONICAL)
VALIDATORS = {c.stream: Draft202012Validator(json_schema(c)) for c in CONTRACTS}
SOUND = {"ledger": ledger_body("t-1"), "payment_order": order_body("o-1")}
ABSENT: Any = object()
# The malformed events of the sample that only the reader can tell, each for a limit the schemas name.
BEYOND_SCHEMAS = {
    "truncated_json", "empty_body", "amount_not_a_number", "amount_negative_zero", "lone_surrogate",
    "not_utf8", "duplicate_key", "deep_nesting", "year_1", "year_9999", "unknown_site", "alias_conflict",
    "body_too_large",
}  # fmt: skip


def verdicts(contract: Contract, event: object) -> tuple[bool, bool]:
    """Whether the schema and the reader accept an event."""
    body = json.dumps(event).encode()
    return VALIDATORS[contract.stream].is_valid(event), verdict_on(body, contract.stream).code is None


def names_of(field: Field) -> tuple[str, ...]:
    return (field.name, *field.aliases)


def with_value(contract: Contract, field: Field, name: str, value: object) -> dict[str, object]:
    """A sound event that states the field under this name only."""
    event = {each: stated for each, stated in SOUND[contract.stream].items() if each not in names_of(field)}
    return event if value is ABSENT else {**event, name: value}


NAMES = [(c, field, name) for c in CONTRACTS for field in c.all_fields() for name in names_of(field)]


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.title)
def test_a_schema_is_one(contract: Contract) -> None:
    Draft202012Validator.check_schema(json_schema(contract))
    assert set(json_schema(contract)["properties"]) == contract.known_names()


@pytest.mark.parametrize(
    ("contract", "field", "name"), NAMES, ids=[f"{c.stream}-{name}" for c, _, name in NAMES]
)
def test_schema_and_reader_agree_on_every_value(contract: Contract, field: Field, name: str) -> None:
    disagreed = []
    accepted = set()
    for value in (ABSENT, *OTHERS, *VALUES[field.kind.parse]):
        by_schema, by_reader = verdicts(contract, with_value(contract, field, name, value))
        accepted.add(by_reader)
        if by_schema is not by_reader:
            disagreed.append((value, by_schema, by_reader))
    assert disagreed == []
    assert accepted == {True, False}


def test_every_kind_has_values_of_both_sorts() -> None:
    """Else agreement would say little: the kind itself takes one of its values, and refuses another."""
    for contract, field, name in NAMES:
        assert {
            verdicts(contract, with_value(contract, field, name, value))[1]
            for value in VALUES[field.kind.parse]
        } == {
            True,
            False,
        }


PAIRS_OF_NAMES = [
    ({"event_time": None, "created_at": "2026-11-23T10:20:30Z"}, True),
    ({"event_time": " ", "source_created_at": "", "created_at": "2026-11-23T10:20:30Z"}, True),
    ({"event_time": None, "source_created_at": "2026-11-23T10:20:30Z"}, True),
    ({"event_time": None, "created_at": None}, False),
    ({"event_time": "2026-11-23T10:20:30Z", "created_at": DAY_TEXT}, False),
    ({"event_time": "2026-11-23T10:20:30Z", "source_created_at": DAY_TEXT}, False),
    ({"event_time": "2026-11-23T10:20:30Z", "source_created_at": "2026-11-23T19:20:30+09:00"}, True),
    ({"entry_type": None, "type": "payment"}, True),
    ({"entry_type": "PAYMENT", "type": " "}, True),
    ({"entry_type": " ", "type": None}, False),
    ({"version": "2", "source_version": 2}, True),
    ({"version": None, "source_version": "x"}, False),
    ({"unknown": {"deep": [1, None]}, "Amount": "x"}, True),
]


@pytest.mark.parametrize(("fields", "accepted"), PAIRS_OF_NAMES)
def test_schema_and_reader_agree_on_other_names(fields: dict[str, object], accepted: bool) -> None:
    assert verdicts(CONTRACTS[0], {**SOUND["ledger"], **fields}) == (accepted, accepted)


@pytest.mark.parametrize("body", [[], "text", 5, None, True])
def test_neither_takes_anything_but_an_object(body: object) -> None:
    for contract in CONTRACTS:
        assert verdicts(contract, body) == (False, False)


def stating(**fields: object) -> bytes:
    return json.dumps({**SOUND["ledger"], **fields}).encode()


# An event for each limit the schemas name, by its place in the list.
BEYOND: list[tuple[int, bytes]] = [
    (0, stating(extra=float("nan"))),
    (0, stating(extra="\ud800")),
    (0, stating(extra="x" * 256 * 1024)),
    (1, stating().replace(b'"amount"', b'"amount": "5", "amount"')),
    (1, stating(extra=json.loads("[" * 33 + "]" * 33))),
    (2, stating(event_time="1999-12-31T23:59:59Z")),
    (2, stating(event_time="2026-12-23T10:20:30Z")),
    (2, stating(event_time="2026-02-30T10:20:30Z")),
    (3, stating(version=1.0)),
    (3, stating(amount=-0.0)),
    (4, stating(amount=0.123456789)),
    (4, stating(amount="1e30")),
    (4, stating(version="9" * 19)),
    (5, stating(version=1, source_version=2)),
    (6, stating(site_id="XX-NOWHERE")),
]


@pytest.mark.parametrize(("limit", "body"), BEYOND, ids=[LIMITS[limit][:30] for limit, _ in BEYOND])
def test_what_a_schema_cannot_say_the_reader_still_refuses(limit: int, body: bytes) -> None:
    found = read(Sent("ledger", 1, body))
    refuse_unknown_sites(found, frozenset({DEFAULTS.site_id}))
    assert (is_valid("ledger", body), len(found.rejections)) == (True, 1)


def test_every_limit_is_real() -> None:
    """One that falls away is to be taken out of the schemas' descriptions too."""
    assert {limit for limit, _ in BEYOND} == set(range(len(LIMITS)))
    for contract in CONTRACTS:
        assert all(limit in json_schema(contract)["description"] for limit in LIMITS)


def any_text(kind: Kind) -> st.SearchStrategy[object]:
    """Texts of any characters, without digits where a limit of the schemas would begin."""
    if kind in (kinds.INSTANT, kinds.VERSION, kinds.AMOUNT, kinds.SIGNED_AMOUNT):
        return st.text(st.characters(exclude_categories=("Cs", "Nd")), max_size=45)
    return st.text(st.characters(codec="utf-8"), max_size=45)


@st.composite
def changed_events(draw: st.DrawFn, contract: Contract) -> dict[str, object]:
    """A sound event with some of its fields stated otherwise, each under one of its names."""
    event = dict(SOUND[contract.stream])
    for field in draw(
        st.lists(st.sampled_from(contract.all_fields()), min_size=1, max_size=4, unique_by=lambda f: f.name)
    ):
        for name in names_of(field):
            event.pop(name, None)
        value = draw(st.sampled_from((*VALUES[field.kind.parse], *OTHERS)) | any_text(field.kind))
        event[draw(st.sampled_from(names_of(field)))] = value
    return event


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.title)
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(data=st.data())
def test_schema_and_reader_agree_on_whole_events(contract: Contract, data: st.DataObject) -> None:
    event = data.draw(changed_events(contract))
    by_schema, by_reader = verdicts(contract, event)
    assert by_schema is by_reader


def test_the_sample_is_what_the_schemas_say() -> None:
    refused: set[str] = set()
    kinds_sent: set[str] = set()
    for event in generate(31, 3_000, DAY, malformed_share=0.1):
        kind = event.kind.removeprefix(MALFORMED_PREFIX) if event.kind.startswith(MALFORMED_PREFIX) else ""
        kinds_sent.add(kind)
        if not is_valid(event.stream, event.body):
            refused.add(kind)
    assert refused & BEYOND_SCHEMAS <= {
        "truncated_json",
        "empty_body",
        "not_utf8",
        "deep_nesting",
        "lone_surrogate",
    }
    assert refused - BEYOND_SCHEMAS == kinds_sent - BEYOND_SCHEMAS - {""}


def is_valid(stream: Stream, body: bytes) -> bool:
    """As a consumer of the schema would check: out of the envelope, and bytes that are no JSON are not valid."""
    try:
        event = json.loads(body)
    except ValueError:
        return False
    if isinstance(event, dict) and "specversion" in event and "data" in event:
        event = event["data"]
    return VALIDATORS[stream].is_valid(event)


def test_a_kind_without_a_form_is_named() -> None:
    with pytest.raises(LookupError, match=kinds.AMOUNT.parse.__name__):
        form_of(replace(kinds.AMOUNT))

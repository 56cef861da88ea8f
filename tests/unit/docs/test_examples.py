"""The examples of the documentation do what it says."""

import json
from dataclasses import fields
from datetime import UTC, datetime, timedelta

import pytest
from jsonschema import Draft202012Validator

from functions.edge.problems import problem_of
from infra.local.sample.lines import read_line
from infra.local.sample.model import Stream
from infra.local.sample.sites import SITES
from shared.lookup.answer import OrderAnswer, PairAnswer, TransactionAnswer
from shared.lookup.errors import TransactionNotFound
from shared.lookup.find_payment_order import PaymentOrderAnswer
from shared.sync.errors import EventRejected
from shared.sync.events.contract import Defaults
from shared.sync.events.json_schema import json_schema
from shared.sync.model import Event, EventBatch
from shared.sync.profiles.load_profile import CANONICAL, contracts_of
from shared.sync.read_batch import read_batch, refuse_unknown_sites
from tests.unit.docs.markdown import DOCS, Fence, code_words, fences, pages

PAGE = DOCS / "event-contract.md"
ARRIVAL = datetime(2026, 11, 24, 9, tzinfo=UTC)
SITE_IDS = frozenset(site.site_id for site in SITES)
EVENTS = [fence for fence in fences(PAGE) if fence.info.startswith("json ")]
CONTRACTS = contracts_of(CANONICAL)
SCHEMAS = {contract.stream: json_schema(contract) for contract in CONTRACTS}
# What makes an event bad that JSON Schema has no words for, or that never becomes JSON.
BEYOND_SCHEMAS = {
    "CONTRACT_ALIAS_CONFLICT",
    "CONTRACT_DUPLICATE_KEY",
    "CONTRACT_ENCODING_INVALID",
    "CONTRACT_JSON_INVALID",
    "SITE_UNKNOWN",
}


def verdict(stream: Stream, body: bytes) -> str:
    """The code an event is refused with, or an empty text."""
    batch = EventBatch(stream, "hub", "group", "0", [Event(body, 1, ARRIVAL)])
    read = read_batch(batch, Defaults("EUR", "EU-PARIS"), timedelta(days=1))
    refuse_unknown_sites(read, SITE_IDS)
    assert len(read.records) + len(read.rejections) == 1
    return read.rejections[0].error.code if read.rejections else ""


def stream_of(fence: Fence) -> Stream:
    return next(contract.stream for contract in CONTRACTS if contract.stream == fence.info.split()[1])


def refused_with(fence: Fence) -> str:
    return fence.info.partition("refused=")[2]


@pytest.mark.parametrize("fence", EVENTS, ids=lambda fence: fence.info)
def test_an_example_is_read_or_refused_as_the_page_says(fence: Fence) -> None:
    assert verdict(stream_of(fence), fence.text.encode()) == refused_with(fence)
    assert f"`{refused_with(fence)}`" in fence.above or not refused_with(fence)


@pytest.mark.parametrize("fence", EVENTS, ids=lambda fence: fence.info)
def test_the_schema_says_the_same_of_an_example(fence: Fence) -> None:
    if refused_with(fence) in BEYOND_SCHEMAS or "a day after" in fence.above:
        return
    event = json.loads(fence.text)
    event = event["data"] if "specversion" in event else event
    assert Draft202012Validator(SCHEMAS[stream_of(fence)]).is_valid(event) is not bool(refused_with(fence))


def test_every_code_a_short_text_can_show_is_shown() -> None:
    # Two bodies are too long for a page, and no body leads to the last: it takes a schema narrower than the contract.
    never_shown = {"CONTRACT_BODY_TOO_LARGE", "CONTRACT_NESTING_TOO_DEEP", "SYNC_ROW_REFUSED"}
    # And the canonical profile has no operations to refuse, and an event is no line of CSV.
    never_shown |= {"CONTRACT_OPERATION_UNSUPPORTED", "CONTRACT_LINE_INVALID"}
    codes = {each.code for each in EventRejected.__subclasses__()}
    assert {refused_with(fence) for fence in EVENTS} - {""} == codes - never_shown
    assert {stream_of(fence) for fence in EVENTS if not refused_with(fence)} == {c.stream for c in CONTRACTS}


def test_the_lines_of_a_file_can_be_sent() -> None:
    (fence,) = (fence for fence in fences(PAGE) if fence.info == "ndjson")
    events = [read_line(line.encode()) for line in fence.text.splitlines()]
    assert [event.stream for event in events] == ["ledger", "ledger", "payment_order"]
    assert [verdict(e.stream, e.body) for e in events] == ["", "", "CONTRACT_JSON_INVALID"]
    assert events[1].properties == {"cloudEvents:specversion": "1.0"}


def test_every_other_json_of_the_pages_is_json() -> None:
    plain = [fence for page in pages() for fence in fences(page) if fence.info == "json"]
    assert plain
    for fence in plain:
        json.loads(fence.text)


def test_the_answers_shown_to_operators_have_the_fields_of_today() -> None:
    transaction, order, *_ = (
        json.loads(fence.text) for fence in fences(DOCS / "operators-first-hour.md") if fence.info == "json"
    )
    assert list(transaction) == [field.name for field in fields(TransactionAnswer)]
    assert list(transaction["order"]) == [field.name for field in fields(OrderAnswer)]
    assert list(order) == [field.name for field in fields(PaymentOrderAnswer)]
    assert list(order["pair"]) == [field.name for field in fields(PairAnswer)]


def test_every_field_of_an_answer_is_explained() -> None:
    words = {word.rpartition(".")[2] for word in code_words(DOCS / "operators-first-hour.md")}
    explained = {
        field.name for kind in (TransactionAnswer, OrderAnswer, PairAnswer) for field in fields(kind)
    }
    # Shown inside `order`, and named as its parts by their own words.
    assert explained - words <= {"created_at", "user_id", "merchant_id"}


def test_the_problem_shown_is_the_one_sent() -> None:
    (fence,) = (fence for fence in fences(DOCS / "errors.md") if fence.info == "json")
    shown = json.loads(fence.text)
    assert shown == problem_of(TransactionNotFound("nothing"), shown["correlation_id"])

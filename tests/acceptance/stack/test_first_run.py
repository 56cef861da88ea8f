"""The first run feeds a sample day: what it says, what the database holds and what was sent agree."""

import re
from collections import Counter
from datetime import date, datetime

import httpx
import pytest

from infra.local.sample import SampleEvent, SampleReport, generate_exactly
from infra.local.stack.sample_day import SEED
from tests.support.acceptance import SAMPLE_EVENTS, Target
from tests.support.acceptance_rows import check_rows
from tests.support.stack import LocalStack


@pytest.fixture(scope="module")
def own(stack: LocalStack) -> Target:
    return Target.of_stack(stack)


@pytest.fixture(scope="module")
def day(own: Target) -> date:
    """The day of the sample, which is yesterday unless midnight has passed since."""
    [(first,)] = own.rows("SELECT max(order_id) FROM pairs WHERE order_id ~ '^ord-2[0-9]{7}-[0-9]{6}$'")
    return datetime.strptime(first.split("-")[1], "%Y%m%d").date()  # noqa: DTZ007 - a date has no zone


@pytest.fixture(scope="module")
def sent(day: date) -> tuple[list[SampleEvent], SampleReport]:
    report = SampleReport()
    return list(generate_exactly(SEED, SAMPLE_EVENTS, day, report=report)), report


def printed_account(output: str) -> dict[str, int]:
    """The lines of the account: a word and a number."""
    lines = re.findall(r"^ *([a-z-]+) +([0-9,]+) ", output, re.MULTILINE)
    return {word: int(number.replace(",", "")) for word, number in lines}


def test_the_account_says_what_was_sent(
    stack: LocalStack, sent: tuple[list[SampleEvent], SampleReport]
) -> None:
    _, report = sent
    account = printed_account(stack.output)
    assert account["received"] == report.sent == SAMPLE_EVENTS
    assert account["dead-lettered"] == report.dead_letters > 0
    outcomes = [account[name] for name in ("applied", "superseded", "duplicate", "dead-lettered")]
    assert sum(outcomes) == SAMPLE_EVENTS
    states = {state: account[state.lower()] for state in ("COMPLETE", "INCOMPLETE", "OPEN")}
    assert states == report.pair_states
    assert account["pairs"] == report.pair_states.total()
    assert account["anomalous"] == report.anomalous_orders > 0


def test_the_database_agrees(own: Target, day: date, sent: tuple[list[SampleEvent], SampleReport]) -> None:
    events, report = sent
    check_rows(own, events)
    of_the_day = f"ord-{day:%Y%m%d}-%"
    states = own.rows("SELECT state, count(*) FROM pairs WHERE order_id LIKE %s GROUP BY state", of_the_day)
    assert Counter(dict(states)) == report.pair_states
    anomalies = own.rows(
        "SELECT anomaly, count(*) FROM pairs, unnest(anomalies) AS anomaly WHERE order_id LIKE %s GROUP BY 1",
        of_the_day,
    )
    assert Counter(dict(anomalies)) == report.anomalies
    letters = own.rows("SELECT count(*) FROM dead_letters WHERE partition_key LIKE %s", of_the_day)
    assert letters == [(report.dead_letters,)]


def test_the_printed_commands_work_as_they_stand(stack: LocalStack) -> None:
    answers = []
    for address, token_file in stack.commands():
        headers = {"Authorization": f"Bearer {token_file.read_text().strip()}"}
        answers.append(httpx.get(address, headers=headers, timeout=60).raise_for_status().json())
    transaction, order, wallet = answers
    assert transaction["pairing_status"] == "COMPLETE"
    assert transaction["status_group"] == "SUCCESS"
    assert order["order"]["order_id"] == transaction["related"]["related_id"]
    assert order["pair"]["payment_tx_id"] == transaction["tx_id"]
    assert wallet["wallet_id"] == transaction["sender_wallet_id"]
    assert transaction["tx_id"] in [item["tx_id"] for item in wallet["items"]]

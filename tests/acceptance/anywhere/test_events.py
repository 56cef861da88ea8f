"""From a producer's event to the answer: how soon, how the pair grows, and what a bad event does."""

import json
import subprocess
import sys
import time
from typing import Any

from infra.local.sample.model import LEDGER, PAYMENT_ORDER, Stream
from shared.audit.model import MASK
from tests.support.acceptance import HUBS, Outcomes, Target
from tests.support.acceptance_events import Payment
from tests.support.stack import ROOT
from tests.support.stack_processes import eventually

ANSWERED_SECONDS = 2.0
# A busy machine may miss the time once.
ATTEMPTS = 5


def publish_as_producers_do(target: Target, stream: Stream, key: str, *bodies: bytes) -> None:
    """Through the official SDK, by a script of a producer."""
    command = [
        sys.executable,
        "-m",
        "tests.support.acceptance_producer",
        target.connection,
        HUBS[stream],
        key,
    ]
    subprocess.run(command, cwd=ROOT, input=b"\n".join(bodies), check=True, timeout=120)


def seconds_until_found(target: Target, path: str) -> float:
    began = time.monotonic()
    eventually(lambda: target.found(path), f"an answer at {path}")
    return time.monotonic() - began


def test_a_published_event_is_answered_within_two_seconds(target: Target) -> None:
    took: list[float] = []
    while len(took) < ATTEMPTS and min(took, default=ANSWERED_SECONDS) >= ANSWERED_SECONDS:
        payment = Payment()
        publish_as_producers_do(target, LEDGER, payment.order_id, payment.entry("PAYMENT"))
        took.append(seconds_until_found(target, f"tx/{payment.tx_id('PAYMENT')}"))
    assert min(took) < ANSWERED_SECONDS, took


def test_a_pair_completes_with_its_second_side_and_the_order_fills_the_status(target: Target) -> None:
    payment = Payment()
    sender, receiver = payment.wallet_id("PAYMENT"), payment.wallet_id("RECEIVE")
    path = f"tx/{payment.tx_id('PAYMENT')}"

    def when(**wanted: Any) -> dict[str, Any]:
        """The answer as soon as it says what is wanted."""

        def asked() -> dict[str, Any] | None:
            answer = target.found(path)
            return answer if answer and wanted.items() <= answer.items() else None

        return dict(eventually(asked, f"{wanted} at {path}", lambda: str(target.found(path))))

    target.publish(LEDGER, [payment.entry("PAYMENT")], payment.order_id)
    alone = when(pairing_status="INCOMPLETE")
    assert (alone["amount"], alone["currency"], alone["entry_type"]) == ("125.5", "EUR", "PAYMENT")
    assert (alone["sender_wallet_id"], alone["receiver_wallet_id"]) == (sender, None)
    assert (alone["status"], alone["order"], alone["anomalies"]) == (None, None, ["ORDER_MISSING"])

    target.publish(LEDGER, [payment.entry("RECEIVE")], payment.order_id)
    both = when(pairing_status="COMPLETE")
    assert (both["sender_wallet_id"], both["receiver_wallet_id"]) == (sender, receiver)
    assert (both["paired_tx_id"], both["paired_entry_type"]) == (payment.tx_id("RECEIVE"), "RECEIVE")

    target.publish(PAYMENT_ORDER, [payment.order("AUTHORIZED")], payment.order_id)
    known = when(status="AUTHORIZED")
    # Whoever only looks up sees that there is a merchant, and not which.
    assert (known["status_group"], known["merchant_name"]) == ("IN_PROGRESS", MASK)
    assert known["anomalies"] == []

    target.publish(
        PAYMENT_ORDER, [payment.order("SETTLED", 2), payment.order("CREATED", 0)], payment.order_id
    )
    settled = when(status="SETTLED")
    assert settled["status_group"] == "SUCCESS"
    assert settled["order"]["order_id"] == payment.order_id


_STORED = """
SELECT tx_id, wallet_id, entry_type, amount, version, first_ingested_at, ingested_at
FROM ledger_entries WHERE related_id = %s ORDER BY tx_id
"""


def test_events_that_come_again_change_nothing(target: Target) -> None:
    payment = Payment()
    sides = ("PAYMENT", "RECEIVE")
    bodies = [payment.entry(side, version=version) for version in (1, 3, 2) for side in sides]

    def publish_and_wait(bodies: list[bytes], last: str) -> tuple[list[tuple[Any, ...]], Outcomes]:
        """The rows and the account once these events and one unrelated event after them are taken."""
        tx_id = f"{payment.tx_id('FEE')}-{last}"
        target.publish(
            LEDGER, [*bodies, payment.entry("FEE", tx_id=tx_id, related_id=None)], payment.order_id
        )
        eventually(lambda: target.found(f"tx/{tx_id}"), "the event after them is answered")
        return target.rows(_STORED, payment.order_id), target.outcomes()

    first, once = publish_and_wait(bodies, "once")
    again, twice = publish_and_wait([*bodies, *bodies], "twice")
    assert first == again
    assert [row[:3] for row in first] == [(payment.tx_id(s), payment.wallet_id(s), s) for s in sides]
    assert {row[4] for row in first} == {3}
    assert twice.received - once.received == 2 * len(bodies) + 1
    assert twice.applied - once.applied == 1, "only the unrelated event is new"


def with_literal(payment: Payment, field: str, literal: bytes) -> bytes:
    """An entry with bytes in place of a value that no encoder would write."""
    return payment.entry("FEE", **{field: "MARK"}).replace(b'"MARK"', literal)


def bad_entries(payment: Payment) -> dict[bytes, tuple[str, str | None]]:
    """Entries that can never be applied, each with the code and the field its dead letter must name."""
    sound = payment.entry("FEE")
    return {
        b"": ("CONTRACT_JSON_INVALID", None),
        sound[:-7]: ("CONTRACT_JSON_INVALID", None),
        with_literal(payment, "amount", b"NaN"): ("CONTRACT_JSON_INVALID", None),
        b"[" + sound + b"]": ("CONTRACT_NOT_AN_OBJECT", None),
        with_literal(payment, "wallet_id", b'"caf\xe9"'): ("CONTRACT_ENCODING_INVALID", None),
        with_literal(payment, "wallet_id", rb'"abc-\ud800"'): ("CONTRACT_ENCODING_INVALID", None),
        b'{"amount": 1, ' + sound[1:]: ("CONTRACT_DUPLICATE_KEY", "amount"),
        with_literal(payment, "extra", b"[" * 40 + b"]" * 40): ("CONTRACT_NESTING_TOO_DEEP", None),
        payment.entry("FEE", note="x" * 262_144): ("CONTRACT_BODY_TOO_LARGE", None),
        payment.entry("FEE", wallet_id=" "): ("CONTRACT_FIELD_MISSING", "wallet_id"),
        payment.entry("FEE", amount="-1"): ("CONTRACT_FIELD_INVALID", "amount"),
        payment.entry("FEE", amount="1.123456789"): ("CONTRACT_FIELD_INVALID", "amount"),
        with_literal(payment, "amount", b"1e400"): ("CONTRACT_FIELD_INVALID", "amount"),
        payment.entry("FEE", tx_id="a\u0000b"): ("CONTRACT_FIELD_INVALID", "tx_id"),
        payment.entry("FEE", event_time="9999-12-31T23:59:59Z"): ("CONTRACT_FIELD_INVALID", "event_time"),
        payment.entry("FEE", event_time="2026-11-23"): ("CONTRACT_FIELD_INVALID", "event_time"),
        payment.entry("FEE", source_version=9): ("CONTRACT_ALIAS_CONFLICT", "version"),
        payment.entry("FEE", site_id="XX-NOWHERE"): ("SITE_UNKNOWN", "site_id"),
    }


def test_bad_events_become_dead_letters_and_their_neighbours_are_answered(target: Target) -> None:
    payment = Payment()
    bad = bad_entries(payment)
    bodies = []
    for number, body in enumerate(bad):
        neighbour = f"{payment.tx_id('CHARGE')}-{number}"
        bodies += [payment.entry("CHARGE", tx_id=neighbour), body]
    # More sound events than bad ones, as it is in life: when most are bad, it is us.
    bodies += [payment.entry("CHARGE", tx_id=f"{payment.tx_id('CHARGE')}-more-{n}") for n in range(4)]
    target.publish(LEDGER, bodies, payment.order_id)
    eventually(lambda: target.found(f"tx/{payment.tx_id('CHARGE')}-more-3"), "the last neighbour is answered")

    neighbours = [json.loads(body)["tx_id"] for body in bodies if body not in bad]
    assert [tx_id for tx_id in neighbours if target.found(f"tx/{tx_id}") is None] == []
    letters = target.rows(
        "SELECT body, error_code, error_field, status, stream FROM dead_letters WHERE partition_key = %s",
        payment.order_id,
    )
    assert {body: (code, field) for body, code, field, _, _ in letters} == bad
    assert len(letters) == len(bad)
    assert {(status, stream) for *_, status, stream in letters} == {("NEW", LEDGER)}
    stored = target.rows("SELECT tx_id FROM ledger_entries WHERE related_id = %s", payment.order_id)
    assert sorted(tx_id for (tx_id,) in stored) == sorted(neighbours)
    assert target.get(f"tx/{payment.tx_id('FEE')}").json()["code"] == "TX_NOT_FOUND"

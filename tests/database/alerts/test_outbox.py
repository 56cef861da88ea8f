"""Intents to tell somebody: written once per kind and key, with the fact or not at all."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from shared.alerts.store import insert_outbox
from shared.database import constraint_name
from shared.runtime import Runtime
from tests.support.runtime import NOON

Owner = psycopg.Connection[Any]


def tell(runtime: Runtime, kind: str, key: str, **payload: object) -> bool:
    with runtime.database.transaction() as connection:
        return insert_outbox(connection, kind, key, payload, NOON)


def test_an_intent_waits_to_be_delivered(runtime: Runtime, owner: Owner) -> None:
    assert tell(runtime, "ALERT", "k-1", code="X", at=NOON) is True
    row = owner.execute(
        "SELECT kind, dedupe_key, payload, state, attempts, created_at, available_at, finished_at FROM outbox"
    ).fetchone()
    assert row == ("ALERT", "k-1", {"code": "X", "at": str(NOON)}, "PENDING", 0, NOON, NOON, None)


def test_an_intent_with_a_known_key_is_not_written_again(runtime: Runtime, owner: Owner) -> None:
    assert [tell(runtime, "ALERT", "k-1", n=n) for n in (1, 2)] == [True, False]
    assert tell(runtime, "MAIL", "k-1") is True
    assert owner.execute("SELECT payload FROM outbox WHERE kind = 'ALERT'").fetchall() == [({"n": 1},)]


def test_an_intent_goes_with_its_transaction(runtime: Runtime, owner: Owner) -> None:
    def tell_and_fail() -> None:
        with runtime.database.transaction() as connection:
            assert insert_outbox(connection, "ALERT", "k-1", {}, NOON) is True
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        tell_and_fail()
    assert owner.execute("SELECT count(*) FROM outbox").fetchone() == (0,)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("state = 'LOST', finished_at = now()", "ck_outbox_state"),
        ("state = 'SENT'", "ck_outbox_finished"),
        ("finished_at = now()", "ck_outbox_finished"),
        ("attempts = -1", "ck_outbox_attempts"),
        ("state = 'SENT', finished_at = now()", None),
        ("state = 'DEAD', finished_at = now(), attempts = 9", None),
    ],
)
def test_the_database_holds_the_states(
    runtime: Runtime, owner: Owner, change: str, constraint: str | None
) -> None:
    tell(runtime, "ALERT", "k-1", until=NOON + timedelta(days=1))
    refused = None
    try:
        owner.execute(f"UPDATE outbox SET {change}")
    except psycopg.IntegrityError as error:
        refused = constraint_name(error)
    assert refused == constraint

"""Rules a test adds to its own database, so that PostgreSQL itself refuses chosen rows."""

from typing import Any

import psycopg

from tests.support.sync_events import Sent, entry, order

Owner = psycopg.Connection[Any]
REFUSED = "refused"
RULE = "ck_test"


def forbid(owner: Owner, condition: str, table: str = "ledger_entries") -> None:
    """From now on the table takes only rows of which the condition holds."""
    owner.execute(f"ALTER TABLE {table} ADD CONSTRAINT {RULE} CHECK ({condition}) NOT VALID")


def forbid_wallet(owner: Owner) -> None:
    """The entries of one wallet are refused."""
    forbid(owner, f"wallet_id <> '{REFUSED}'")


def raise_when(owner: Owner, table: str, condition: str, sqlstate: str) -> None:
    """A change of a row of which the condition holds (NEW is the row) is refused with that SQLSTATE."""
    owner.execute(
        f"CREATE FUNCTION refuse_{table}() RETURNS trigger LANGUAGE plpgsql AS $$"
        f" BEGIN IF {condition} THEN RAISE EXCEPTION 'told to refuse' USING ERRCODE = '{sqlstate}'; END IF;"
        " RETURN NEW; END $$"
    )
    owner.execute(
        f"CREATE TRIGGER refuse_{table} BEFORE INSERT OR UPDATE ON {table}"
        f" FOR EACH ROW EXECUTE FUNCTION refuse_{table}()"
    )


def allow_again(owner: Owner, table: str = "ledger_entries") -> None:
    """Take the rule of `forbid` back."""
    owner.execute(f"ALTER TABLE {table} DROP CONSTRAINT {RULE}")


def sound(number: int, **fields: Any) -> Sent:
    """An entry of an order of its own."""
    return entry(number, f"t-{number:05}", **{"related_id": f"o-{number:05}", **fields})


def culprit(number: int, **fields: Any) -> Sent:
    """The same of the wallet that is refused."""
    return sound(number, wallet_id=REFUSED, **fields)


def sound_order(number: int, **fields: Any) -> Sent:
    """An order of its own."""
    return order(number, f"o-{number:05}", **fields)

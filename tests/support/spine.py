"""Callers, contexts and commands for the tests of the spine and of what stands on it."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import psycopg
from sqlalchemy import Connection, text

from shared.audit.model import Action, PrincipalType
from shared.security.model import EVERYTHING, Caller, Field, Holding, Permission, Scope
from shared.spine.model import Command, Context, Effect

Owner = psycopg.Connection[Any]


def caller(scope: Scope = EVERYTHING, **changes: Any) -> Caller:
    """A person who may do everything in these sites."""
    usual: dict[str, Any] = {
        "principal_id": "prn-1",
        "actor": "oid:7f1c",
        "principal_type": PrincipalType.PERSON,
        "holdings": (Holding("administrator", scope, frozenset(Permission), frozenset(Field)),),
    }
    return Caller(**{**usual, **changes})


def context(who: Caller | None = None, **changes: Any) -> Context:
    """A request of that caller."""
    usual: dict[str, Any] = {
        "caller": who or caller(),
        "permission": Permission.LOOKUP_READ,
        "resource": "http_tx",
        "request_id": "req-1",
        "client_address": "192.0.2.7",
        "user_agent": "console/1.0",
    }
    return Context(**{**usual, **changes})


def keyed(key: str, body: bytes = b"{}", **changes: Any) -> Context:
    """A request with an idempotency key."""
    return context(idempotency_key=key, request_hash=hashlib.sha256(body).digest(), **changes)


def command(**changes: Any) -> Command:
    """A gap is accepted."""
    usual: dict[str, Any] = {
        "action": Action.GAP_ACCEPT,
        "target_type": "site",
        "target_id": "KR-SEOUL",
        "site_id": "KR-SEOUL",
        "reason": " nothing was sent ",
    }
    return Command(**{**usual, **changes})


class Renaming:
    """An act: gives the site another name, and remembers what it was given."""

    def __init__(self, name: str = "renamed", **effect: Any) -> None:
        self.name = name
        self.calls = 0
        self._effect = effect

    def __call__(self, connection: Connection, now: datetime) -> Effect:
        self.calls += 1
        before = connection.execute(
            text("SELECT name FROM sites WHERE site_id = 'KR-SEOUL' FOR UPDATE")
        ).scalar()
        connection.execute(text("UPDATE sites SET name = name || 'x' WHERE site_id = 'KR-SEOUL'"))
        body: Mapping[str, object] = {"name": self.name, "at": now, "secret": "s3cret"}
        given: dict[str, Any] = {"body": body, "before": {"name": before}, "after": {"name": f"{before}x"}}
        return Effect(**{**given, **self._effect})


def renamed(owner: Owner) -> int:
    """How many times the site was renamed."""
    row = owner.execute(
        "SELECT length(name) - length(rtrim(name, 'x')) FROM sites WHERE site_id = 'KR-SEOUL'"
    )
    found = row.fetchone()
    return int(found[0]) if found else 0


def count(owner: Owner, table: str) -> int:
    """The table's rows."""
    found = owner.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(found[0]) if found else 0

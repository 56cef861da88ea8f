"""Requests, decisions and executions of approvals for tests: who asks, who decides, and what a correction says."""

import hashlib
from datetime import timedelta
from typing import Any

import psycopg

from shared.approvals.approve import approve
from shared.approvals.execute_approval import execute_approval
from shared.approvals.model import Wanted
from shared.approvals.request_approval import request_approval
from shared.runtime import Runtime
from shared.security.model import Caller, Permission
from shared.spine.model import Context
from tests.support.callers import caller_with, context_of
from tests.support.sync_events import entry, ingest, order

Owner = psycopg.Connection[Any]
REASON = "checked with the bank"
LASTS = timedelta(days=1)

ASKER = caller_with("operator", principal_id="asker")
DECIDER = caller_with("approver", principal_id="decider")


def asking(caller: Caller = ASKER, **changes: Any) -> Context:
    """A request to ask for a correction."""
    return context_of(caller, Permission.CORRECTION_REQUEST, **changes)


def deciding(caller: Caller = DECIDER, **changes: Any) -> Context:
    """A request to decide."""
    return context_of(caller, Permission.APPROVAL_DECIDE, **changes)


def moving(caller: Caller = ASKER, **changes: Any) -> Context:
    """A request to withdraw or to execute."""
    return context_of(caller, Permission.APPROVAL_REQUEST, **changes)


def keyed(context_key: str, body: str = "{}") -> dict[str, Any]:
    """What an idempotency key adds to a request."""
    return {"idempotency_key": context_key, "request_hash": hashlib.sha256(body.encode()).digest()}


def correction(
    target_id: str = "t-1", kind: str = "ADJUST", target_type: str = "LEDGER_ENTRY", **data: str
) -> dict[str, object]:
    """The payload of a correction; an adjustment by -2.5 unless data say otherwise."""
    if kind == "ADJUST":
        data = {"amount_delta": "-2.5", **data}
    if kind == "ANNOTATE":
        data = {"note": "the bank confirmed it", **data}
    return {
        "target_type": target_type,
        "target_id": target_id,
        "kind": kind,
        "data": data,
        "evidence": "ticket 4711",
    }


def arrive(runtime: Runtime) -> None:
    """A ledger entry t-1 of 10 and an order o-1 of 10, both of the first site."""
    ingest(runtime, entry(1, "t-1", amount="10"), order(1, "o-1", amount="10"))


def requested(
    runtime: Runtime, payload: dict[str, object] | None = None, context: Context | None = None
) -> dict[str, Any]:
    """A request for a correction, PENDING."""
    wanted = Wanted(kind="CORRECTION", payload=payload or correction(), lasts=LASTS)
    return dict(request_approval(runtime, context or asking(), wanted, REASON).body)


def approved(runtime: Runtime, payload: dict[str, object] | None = None) -> dict[str, Any]:
    """The same, APPROVED."""
    asked = requested(runtime, payload)
    return dict(approve(runtime, deciding(), asked["approval_id"], asked["payload_hash"], REASON).body)


def applied(runtime: Runtime, payload: dict[str, object] | None = None) -> dict[str, Any]:
    """The same, EXECUTED."""
    asked = approved(runtime, payload)
    return dict(execute_approval(runtime, moving(), asked["approval_id"], REASON).body)


def states(owner: Owner) -> list[tuple[str, str | None, int]]:
    """Every approval's state, its correction's, and how many entries that has."""
    return owner.execute(
        "SELECT a.state, c.state, count(e.correction_id) FROM approvals AS a LEFT JOIN corrections AS c"
        " USING (approval_id) LEFT JOIN correction_entries AS e USING (correction_id) GROUP BY a.approval_id,"
        " a.state, c.state, a.requested_at ORDER BY a.requested_at, a.approval_id"
    ).fetchall()


def actions(owner: Owner) -> list[tuple[str, str]]:
    """What the control chain says was done, in order."""
    return owner.execute(
        "SELECT action, outcome FROM audit_entries WHERE chain = 'control' ORDER BY position"
    ).fetchall()

"""POLICY: two persons decide what a role shows; it holds for everybody at once."""

from typing import Any

import psycopg
import pytest

from shared.approvals.approve import approve
from shared.approvals.errors import ApprovalNotFound, ApprovalNotYours, ApprovalOutdated
from shared.approvals.execute_approval import execute_approval
from shared.approvals.model import Wanted
from shared.approvals.request_approval import request_approval
from shared.errors.base import CounterfoilError
from shared.errors.request import RequestInvalid
from shared.runtime import Runtime
from shared.security.model import Caller
from tests.support.approvals import REASON, actions, deciding, moving
from tests.support.callers import caller_with, holding

Owner = psycopg.Connection[Any]
ONE = caller_with("administrator", principal_id="one")
TWO = caller_with("administrator", principal_id="two")


def asked(runtime: Runtime, caller: Caller = ONE, **payload: Any) -> dict[str, Any]:
    wanted = Wanted(kind="POLICY", payload={"role": "viewer", "shown_fields": ["user_id"], **payload})
    return dict(request_approval(runtime, moving(caller), wanted, REASON).body)


def agreed(runtime: Runtime, **payload: Any) -> str:
    request = asked(runtime, **payload)
    approve(runtime, deciding(TWO), request["approval_id"], request["payload_hash"], REASON)
    return str(request["approval_id"])


def shown(owner: Owner, role: str = "viewer") -> tuple[list[str], int, int]:
    row = owner.execute(
        "SELECT shown_fields, version, cardinality(permissions) FROM roles WHERE role = %s", [role]
    ).fetchone()
    assert row is not None
    fields, version, permissions = row
    return fields, version, permissions


def test_what_a_role_shows_is_changed_by_two(runtime: Runtime, owner: Owner) -> None:
    _, version, permissions = shown(owner)
    approval_id = agreed(runtime)
    assert shown(owner) == ([], version, permissions)
    done = execute_approval(runtime, moving(ONE), approval_id, REASON).body
    assert done["result"] == {"role": "viewer", "shown_fields": ["user_id"], "version": version + 1}
    assert shown(owner) == (["user_id"], version + 1, permissions)
    assert actions(owner)[0] == ("requester:approval:request", "DONE")


def test_a_role_that_was_changed_meanwhile_is_another(runtime: Runtime, owner: Owner) -> None:
    first, second = agreed(runtime), agreed(runtime, shown_fields=["merchant_name"])
    execute_approval(runtime, moving(ONE), first, REASON)
    with pytest.raises(ApprovalOutdated):
        execute_approval(runtime, moving(ONE), second, REASON)
    assert shown(owner)[0] == ["user_id"]


@pytest.mark.parametrize(
    "caller",
    [
        caller_with("operator", principal_id="one"),
        caller_with("site_manager", "KR-SEOUL", principal_id="one"),
        caller_with("administrator", "KR-SEOUL", "JP-TOKYO", principal_id="one"),
    ],
)
def test_it_takes_the_right_on_all_sites(runtime: Runtime, caller: Caller) -> None:
    with pytest.raises(ApprovalNotYours):
        asked(runtime, caller)
    approval_id = agreed(runtime)
    with pytest.raises((ApprovalNotYours, ApprovalNotFound)):
        execute_approval(runtime, moving(caller), approval_id, REASON)


def test_nobody_shows_to_others_what_they_do_not_see(runtime: Runtime) -> None:
    held = holding("administrator")
    blind = caller_with(
        "administrator",
        principal_id="blind",
        holdings=(type(held)(held.role, held.scope, held.permissions),),
    )
    with pytest.raises(ApprovalNotYours):
        asked(runtime, blind)
    assert asked(runtime, blind, role="auditor", shown_fields=[])["state"] == "PENDING"


@pytest.mark.parametrize(
    "payload",
    [{"shown_fields": ["amount"]}, {"shown_fields": "user_id"}, {"role": ""}, {"permissions": []}],
)
def test_a_payload_that_says_something_else_is_refused(runtime: Runtime, payload: dict[str, Any]) -> None:
    with pytest.raises(RequestInvalid):
        asked(runtime, **payload)


def test_a_role_that_is_not_there_is_not_changed(runtime: Runtime) -> None:
    with pytest.raises(CounterfoilError) as refused:
        asked(runtime, role="nobody")
    assert refused.value.code == "ROLE_NOT_FOUND"

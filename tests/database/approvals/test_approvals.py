"""Approvals: asked for, decided by another, carried out once; each step with its entry in the audit record."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from shared.approvals.approve import approve
from shared.approvals.errors import (
    ApprovalExpired,
    ApprovalNotFound,
    ApprovalNotYours,
    ApprovalOutdated,
    ApprovalPayloadChanged,
    ApprovalStateWrong,
)
from shared.approvals.execute_approval import execute_approval
from shared.approvals.expire_approvals import BATCH, expire_approvals
from shared.approvals.find_approval import find_approval
from shared.approvals.list_approvals import list_approvals
from shared.approvals.model import ApprovalFilter, Wanted
from shared.approvals.reject import reject
from shared.approvals.request_approval import request_approval
from shared.approvals.withdraw import withdraw
from shared.errors.base import CounterfoilError
from shared.errors.request import CursorInvalid, RequestInvalid
from shared.runtime import Runtime
from shared.security.model import Permission
from tests.support.approvals import (
    LASTS,
    REASON,
    actions,
    applied,
    approved,
    arrive,
    asking,
    correction,
    deciding,
    keyed,
    moving,
    requested,
    states,
)
from tests.support.callers import caller_with, context_with, seed_principal, seed_token
from tests.support.runtime import NOON, StandingClock
from tests.support.sync_events import entry, ingest

Owner = psycopg.Connection[Any]


@pytest.fixture(autouse=True)
def _rows(runtime: Runtime) -> None:
    arrive(runtime)


def all_refused(kind: type[CounterfoilError], *acts: Callable[[], object]) -> None:
    """Every one of these raises just that."""
    for act in acts:
        with pytest.raises(kind) as refused:
            act()
        assert type(refused.value) is kind


def move_clock(runtime: Runtime, **by: float) -> None:
    clock = runtime.clock
    assert isinstance(clock, StandingClock)
    clock.move(**by)


def test_from_request_to_effect(runtime: Runtime, owner: Owner) -> None:
    asked = requested(runtime)
    assert (asked["state"], asked["site"], asked["requested_by"]) == ("PENDING", "KR-SEOUL", "asker")
    assert states(owner) == [("PENDING", "PENDING", 0)]
    agreed = approve(runtime, deciding(), asked["approval_id"], asked["payload_hash"], REASON)
    assert (agreed.status, agreed.body["state"], agreed.body["decided_by"]) == (200, "APPROVED", "decider")
    assert states(owner) == [("APPROVED", "APPROVED", 0)]
    done = execute_approval(runtime, moving(), asked["approval_id"], REASON).body
    assert (done["state"], done["closed_by"]) == ("EXECUTED", "asker")
    assert states(owner) == [("EXECUTED", "APPLIED", 1)]
    assert actions(owner) == [
        ("requester:correction:request", "DONE"),
        ("approver:approval:approve", "DONE"),
        ("requester:approval:execute", "DONE"),
    ]


def test_every_entry_names_approval_site_role_and_payload(runtime: Runtime, owner: Owner) -> None:
    done = applied(runtime)
    rows = owner.execute(
        "SELECT target_id, approval_id, site_id, role, (after::jsonb) ->> 'payload_hash' FROM audit_entries"
        " WHERE chain = 'control' ORDER BY position"
    ).fetchall()
    usual = (done["approval_id"], done["approval_id"], "KR-SEOUL")
    roles = ["operator", "approver", "operator"]
    assert rows == [(*usual, role, done["payload_hash"]) for role in roles]


def test_a_rejected_and_a_withdrawn_request_end_their_corrections(runtime: Runtime, owner: Owner) -> None:
    first = requested(runtime)
    assert reject(runtime, deciding(), first["approval_id"], REASON).body["state"] == "REJECTED"
    second = requested(runtime)
    assert withdraw(runtime, moving(), second["approval_id"], REASON).body["state"] == "WITHDRAWN"
    third = approved(runtime)
    assert withdraw(runtime, moving(), third["approval_id"], REASON).body["state"] == "WITHDRAWN"
    assert sorted(states(owner)) == [
        ("REJECTED", "REJECTED", 0), ("WITHDRAWN", "REJECTED", 0), ("WITHDRAWN", "REJECTED", 0),
    ]  # fmt: skip


def test_the_requester_does_not_decide(runtime: Runtime, owner: Owner) -> None:
    both = caller_with("administrator", principal_id="both")
    asked = requested(runtime, context=asking(both))
    all_refused(
        ApprovalNotYours,
        lambda: approve(runtime, deciding(both), asked["approval_id"], asked["payload_hash"], REASON),
        lambda: reject(runtime, deciding(both), asked["approval_id"], REASON),
    )
    assert states(owner) == [("PENDING", "PENDING", 0)]
    assert actions(owner)[1:] == [
        ("approver:approval:approve", "DENIED"),
        ("approver:approval:reject", "DENIED"),
    ]


@pytest.mark.parametrize(("holder", "issuer"), [("decider", "asker"), ("asker", "decider")])
def test_who_was_shown_the_others_token_is_no_second_person(
    runtime: Runtime, owner: Owner, holder: str, issuer: str
) -> None:
    for name in ("asker", "decider"):
        seed_principal(owner, name)
    asked = requested(runtime)
    seed_token(owner, holder, created_by=issuer)
    all_refused(
        ApprovalNotYours,
        lambda: approve(runtime, deciding(), asked["approval_id"], asked["payload_hash"], REASON),
        lambda: reject(runtime, deciding(), asked["approval_id"], REASON),
    )
    third = deciding(caller_with("approver", principal_id="third"))
    assert approve(runtime, third, asked["approval_id"], asked["payload_hash"], REASON).status == 200


def test_a_token_that_was_over_before_the_request_ties_nobody(runtime: Runtime, owner: Owner) -> None:
    for name in ("asker", "decider"):
        seed_principal(owner, name)
    seed_token(owner, "decider", created_by="asker", created_at=NOON - LASTS, life=LASTS)
    seed_token(owner, "decider", created_by="asker", created_at=NOON - LASTS)
    owner.execute(
        "UPDATE tokens SET revoked_at = %s, revoked_by = 'root' WHERE expires_at > %s", [NOON, NOON]
    )
    seed_token(owner, "decider", created_by="decider")
    assert approved(runtime)["state"] == "APPROVED"


def test_who_lacks_the_kinds_right_reads_nothing_of_its_target(runtime: Runtime, owner: Owner) -> None:
    """An operator may ask for approvals; whether a role or a boundary exists is not told."""
    for kind, payload in (("POLICY", {"role": "nowhere", "shown_fields": []}), ("CHAIN_SEGMENT", {})):
        with pytest.raises(ApprovalNotYours):
            request_approval(runtime, moving(), Wanted(kind=kind, payload=payload), REASON)
    assert states(owner) == []


def test_only_the_requester_withdraws(runtime: Runtime) -> None:
    asked = requested(runtime)
    with pytest.raises(ApprovalNotYours):
        withdraw(runtime, moving(caller_with("operator", principal_id="other")), asked["approval_id"], REASON)


@pytest.mark.parametrize("sites", [("JP-TOKYO",), ("EU-PARIS", "JP-TOKYO")])
def test_an_approval_of_another_site_is_not_there(runtime: Runtime, owner: Owner, sites: tuple[str]) -> None:
    asked = requested(runtime)
    approval_id = asked["approval_id"]
    far = caller_with("administrator", *sites, principal_id="far")
    reading = context_with("viewer", Permission.LOOKUP_READ, *sites)
    all_refused(
        ApprovalNotFound,
        lambda: find_approval(runtime, reading, approval_id),
        lambda: approve(runtime, deciding(far), approval_id, asked["payload_hash"], REASON),
        lambda: reject(runtime, deciding(far), approval_id, REASON),
        lambda: withdraw(runtime, moving(far), approval_id, REASON),
        lambda: execute_approval(runtime, moving(far), approval_id, REASON),
    )
    assert list_approvals(runtime, reading, ApprovalFilter(), limit=10).items == []
    assert states(owner) == [("PENDING", "PENDING", 0)]


def test_a_correction_of_a_row_of_another_site_has_no_target(runtime: Runtime, owner: Owner) -> None:
    far = caller_with("operator", "JP-TOKYO", principal_id="far")
    codes = set()
    for payload in (correction("t-1"), correction("nowhere")):
        with pytest.raises(CounterfoilError) as refused:
            requested(runtime, payload, asking(far))
        codes.add(refused.value.code)
    assert codes == {"CORRECTION_TARGET_NOT_FOUND"}
    assert states(owner) == []


def test_who_may_only_ask_for_approvals_may_not_ask_for_corrections(runtime: Runtime) -> None:
    """A kind asks for a right of its own beside the endpoint's."""
    only = caller_with("viewer", principal_id="only")
    held = only.holdings[0]
    allowed = held.permissions | {Permission.APPROVAL_REQUEST, Permission.APPROVAL_DECIDE}
    caller = caller_with(
        "viewer", principal_id="only", holdings=(type(held)(held.role, held.scope, frozenset(allowed)),)
    )
    wanted = Wanted(kind="CORRECTION", payload=correction())
    with pytest.raises(ApprovalNotYours):
        request_approval(runtime, moving(caller), wanted, REASON)
    agreed = approved(runtime)
    with pytest.raises(ApprovalNotYours):
        execute_approval(runtime, moving(caller), agreed["approval_id"], REASON)


def test_an_approver_names_what_was_read(runtime: Runtime) -> None:
    asked = requested(runtime)
    for named in ("", "0" * 64, asked["payload_hash"].upper()):
        with pytest.raises(ApprovalPayloadChanged):
            approve(runtime, deciding(), asked["approval_id"], named, REASON)


def test_a_newer_event_makes_it_outdated(runtime: Runtime, owner: Owner) -> None:
    agreed = approved(runtime)
    ingest(runtime, entry(2, "t-1", amount="11", updated_at="2026-11-23T11:59:00Z", version=9))
    with pytest.raises(ApprovalOutdated):
        execute_approval(runtime, moving(), agreed["approval_id"], REASON)
    assert states(owner) == [("APPROVED", "APPROVED", 0)]
    assert actions(owner)[-1] == ("requester:approval:execute", "FAILED")


def test_a_tampered_payload_is_not_carried_out(runtime: Runtime, owner: Owner) -> None:
    """Whoever gets past the triggers and the checks is still met by the hash that was approved."""
    agreed = approved(runtime)
    owner.execute("ALTER TABLE approvals DISABLE TRIGGER USER")
    owner.execute("ALTER TABLE approvals DROP CONSTRAINT ck_approvals_payload_hash")
    owner.execute(
        "UPDATE approvals SET payload = convert_to(replace(convert_from(payload, 'UTF8'), '-2.5', '-9.5'), 'UTF8')"
    )
    with pytest.raises(ApprovalPayloadChanged):
        execute_approval(runtime, moving(), agreed["approval_id"], REASON)
    assert states(owner) == [("APPROVED", "APPROVED", 0)]


def test_a_request_that_is_carried_out_is_over(runtime: Runtime, owner: Owner) -> None:
    done = applied(runtime)
    all_refused(
        ApprovalStateWrong,
        lambda: execute_approval(runtime, moving(), done["approval_id"], REASON),
        lambda: withdraw(runtime, moving(), done["approval_id"], REASON),
        lambda: approve(runtime, deciding(), done["approval_id"], done["payload_hash"], REASON),
    )
    assert states(owner) == [("EXECUTED", "APPLIED", 1)]


def test_a_repeat_with_the_same_key_is_the_first_answer(runtime: Runtime, owner: Owner) -> None:
    agreed = approved(runtime)
    first, again = (
        execute_approval(runtime, moving(**keyed("once")), agreed["approval_id"], REASON) for _ in range(2)
    )
    assert (first.replayed, again.replayed) == (False, True)
    assert again.body == first.body
    assert states(owner) == [("EXECUTED", "APPLIED", 1)]


def test_after_its_time_nothing_moves_it(runtime: Runtime, owner: Owner) -> None:
    asked = requested(runtime)
    move_clock(runtime, days=1)
    all_refused(
        ApprovalExpired,
        lambda: approve(runtime, deciding(), asked["approval_id"], asked["payload_hash"], REASON),
        lambda: reject(runtime, deciding(), asked["approval_id"], REASON),
        lambda: withdraw(runtime, moving(), asked["approval_id"], REASON),
    )
    assert expire_approvals(runtime) == 1
    assert expire_approvals(runtime) == 0
    assert states(owner) == [("EXPIRED", "REJECTED", 0)]
    assert actions(owner)[-1] == ("system:approval:expire", "DONE")


def test_all_that_are_over_are_ended_and_no_others(runtime: Runtime, owner: Owner) -> None:
    ingest(runtime, *(entry(n, f"e-{n}") for n in range(2, BATCH + 4)))
    for n in range(2, BATCH + 4):
        requested(runtime, correction(f"e-{n}"))
    move_clock(runtime, hours=23)
    requested(runtime)
    move_clock(runtime, hours=1)
    assert expire_approvals(runtime) == BATCH + 2
    assert [state for state, _, _ in states(owner)].count("PENDING") == 1


def test_an_approved_request_expires_too(runtime: Runtime, owner: Owner) -> None:
    agreed = approved(runtime)
    move_clock(runtime, days=1)
    with pytest.raises(ApprovalExpired):
        execute_approval(runtime, moving(), agreed["approval_id"], REASON)
    assert expire_approvals(runtime) == 1
    assert states(owner) == [("EXPIRED", "REJECTED", 0)]


@pytest.mark.parametrize("kind", ["REPLAY", "ACTIVATE_VERSION", "UNLOCK", "FORCE_COMPLETE", "NOTHING", ""])
def test_what_nothing_carries_out_cannot_be_asked_for(runtime: Runtime, kind: str) -> None:
    with pytest.raises(RequestInvalid) as refused:
        request_approval(runtime, moving(), Wanted(kind=kind, payload={}), REASON)
    assert [each.field for each in refused.value.fields] == ["kind"]


@pytest.mark.parametrize("lasts", [timedelta(0), timedelta(seconds=-1), timedelta(days=30, seconds=1)])
def test_a_request_lasts_up_to_thirty_days(runtime: Runtime, lasts: timedelta) -> None:
    wanted = Wanted(kind="CORRECTION", payload=correction(), lasts=lasts)
    with pytest.raises(RequestInvalid):
        request_approval(runtime, asking(), wanted, REASON)


@pytest.mark.parametrize("reason", ["", " \t\n"])
def test_every_step_needs_a_reason(runtime: Runtime, owner: Owner, reason: str) -> None:
    asked = requested(runtime)
    all_refused(
        RequestInvalid,
        lambda: request_approval(
            runtime, asking(), Wanted(kind="CORRECTION", payload=correction("o-1")), reason
        ),
        lambda: approve(runtime, deciding(), asked["approval_id"], asked["payload_hash"], reason),
        lambda: reject(runtime, deciding(), asked["approval_id"], reason),
        lambda: withdraw(runtime, moving(), asked["approval_id"], reason),
        lambda: execute_approval(runtime, moving(), asked["approval_id"], reason),
    )
    assert states(owner) == [("PENDING", "PENDING", 0)]


def test_lists_are_paged_newest_first_and_filtered(runtime: Runtime) -> None:
    ingest(runtime, *(entry(n, f"e-{n}") for n in range(2, 9)))
    asked = []
    for n in range(2, 9):
        asked.append(requested(runtime, correction(f"e-{n}"))["approval_id"])
        move_clock(runtime, seconds=n % 2)
    withdraw(runtime, moving(), asked[0], REASON)
    reading = context_with("viewer", Permission.LOOKUP_READ)
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = list_approvals(runtime, reading, ApprovalFilter(kind="CORRECTION"), limit=3, cursor=cursor)
        found += [each.approval_id for each in page.items]
        if (cursor := page.next) is None:
            break
    assert sorted(found) == sorted(asked)
    pending = list_approvals(runtime, reading, ApprovalFilter(state="PENDING"), limit=50)
    assert {each.approval_id for each in pending.items} == set(asked[1:])
    one = list_approvals(runtime, reading, ApprovalFilter(kind="CORRECTION"), limit=3)
    with pytest.raises(CursorInvalid):
        list_approvals(runtime, reading, ApprovalFilter(state="PENDING"), limit=3, cursor=one.next)


def test_reading_leaves_its_record(runtime: Runtime, owner: Owner) -> None:
    asked = requested(runtime)
    reading = context_with("viewer", Permission.LOOKUP_READ, resource="http_approval")
    assert find_approval(runtime, reading, asked["approval_id"]).payload_hash == asked["payload_hash"]
    with pytest.raises(ApprovalNotFound):
        find_approval(runtime, reading, "nowhere")
    list_approvals(runtime, reading, ApprovalFilter(), limit=5)
    rows = owner.execute(
        "SELECT status, result_count, cardinality(looked_up) FROM access_records ORDER BY record_id"
    ).fetchall()
    assert rows == [(200, 1, 1), (404, 0, 1), (200, 1, 0)]

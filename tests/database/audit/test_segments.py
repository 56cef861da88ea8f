"""A break is closed by two persons in signed words, shown for ever, and whatever changes behind it is found."""

from dataclasses import replace
from typing import Any

import psycopg
import pytest

from shared.approvals.approve import approve
from shared.approvals.execute_approval import execute_approval
from shared.approvals.model import Wanted
from shared.approvals.request_approval import request_approval
from shared.audit.errors import SegmentInvalid
from shared.audit.links import Flaw
from shared.audit.model import Chain
from shared.audit.publish_anchors import publish_anchors
from shared.audit.reading.answer import SegmentProposalAnswer, VerificationAnswer
from shared.audit.reading.verify_record import verify_record
from shared.audit.segments.propose_segment import propose_segment
from shared.errors.base import CounterfoilError
from shared.runtime import Runtime
from shared.security.model import Permission
from tests.support.approvals import LASTS
from tests.support.audit import append, disarm, relinked, replace_all, stored
from tests.support.callers import caller_with, context_of

Owner = psycopg.Connection[Any]
ASKER = caller_with("administrator", principal_id="asker")
DECIDER = caller_with("administrator", principal_id="decider")


def asking(permission: Permission = Permission.AUDIT_VERIFY) -> Any:
    return context_of(ASKER, permission)


def verified(runtime: Runtime) -> VerificationAnswer:
    return verify_record(runtime, asking(), Chain.CONTROL)


def proposed(runtime: Runtime) -> SegmentProposalAnswer:
    return propose_segment(runtime, asking(), Chain.CONTROL)


def close(runtime: Runtime, proposal: SegmentProposalAnswer) -> str:
    """Asked for by one, approved by another, carried out; the approval's id."""
    payload = {"document": proposal.document, "signature": proposal.signature}
    wanted = Wanted(kind="CHAIN_SEGMENT", payload=payload, lasts=LASTS)
    asked = request_approval(runtime, asking(Permission.APPROVAL_REQUEST), wanted, "a disk was restored").body
    approval_id = str(asked["approval_id"])
    deciding = context_of(DECIDER, Permission.APPROVAL_DECIDE)
    approve(runtime, deciding, approval_id, str(asked["payload_hash"]), "seen with my own eyes")
    execute_approval(runtime, asking(Permission.APPROVAL_REQUEST), approval_id, "as approved")
    return approval_id


@pytest.fixture
def broken(runtime: Runtime, owner: Owner) -> Runtime:
    """Six entries, the third of which was changed past the application."""
    append(runtime, 6)
    disarm(owner)
    owner.execute("UPDATE audit_entries SET reason = 'another' WHERE position = 3")
    return runtime


def test_a_closed_break_is_passed_over_and_shown(broken: Runtime) -> None:
    before = verified(broken)
    assert before.finding is not None
    assert (before.holds, before.finding.position) == (False, 3)
    proposal = proposed(broken)
    assert (proposal.break_position, proposal.head_position, proposal.flaw) == (3, 6, Flaw.FIELDS_DIFFER)
    append(broken, 2)
    approval_id = close(broken, proposal)
    after = verified(broken)
    assert (after.holds, after.finding) == (True, None)
    (closed,) = after.closed
    assert (closed.break_position, closed.head_position, closed.flaw) == (3, 6, "FIELDS_DIFFER")
    assert (closed.requested_by, closed.approved_by, closed.approval_id) == ("asker", "decider", approval_id)
    append(broken, 1)
    assert verified(broken).closed == after.closed
    with pytest.raises(SegmentInvalid):
        proposed(broken)


def test_a_look_that_begins_within_a_closed_break_shows_it(broken: Runtime) -> None:
    close(broken, proposed(broken))
    found = verify_record(broken, asking(), Chain.CONTROL, 5, 6)
    assert [each.break_position for each in found.closed] == [3]
    assert verify_record(broken, asking(), Chain.CONTROL, 1, 1).closed == []


def test_what_changes_within_a_closed_break_is_found(broken: Runtime, owner: Owner) -> None:
    close(broken, proposed(broken))
    owner.execute("UPDATE audit_entries SET canonical = canonical || ' ' WHERE position = 5")
    found = verified(broken)
    assert found.finding is not None
    assert (found.finding.flaw, found.finding.position) == ("SEGMENT_DIFFERS", 3)


def test_what_changes_behind_a_closed_break_is_found(broken: Runtime, owner: Owner) -> None:
    close(broken, proposed(broken))
    append(broken, 2)
    last = stored(owner)[-1].position
    owner.execute("UPDATE audit_entries SET reason = 'another' WHERE position = %s", (last,))
    found = verified(broken)
    assert found.finding is not None
    assert (found.finding.position, len(found.closed)) == (last, 1)
    second = proposed(broken)
    assert second.break_position == last
    close(broken, second)
    assert (verified(broken).holds, len(verified(broken).closed)) == (True, 2)


def test_entries_that_are_gone_are_closed_against_their_anchor(runtime: Runtime, owner: Owner) -> None:
    append(runtime, 5)
    publish_anchors(runtime)
    disarm(owner)
    owner.execute("DELETE FROM audit_entries WHERE position > 3")
    before = verified(runtime)
    assert before.finding is not None
    assert (before.finding.flaw, before.finding.position) == ("TRUNCATED", 4)
    close(runtime, proposed(runtime))
    after = verified(runtime)
    assert (after.holds, [each.break_position for each in after.closed]) == (True, [4])


def test_a_hole_is_closed(runtime: Runtime, owner: Owner) -> None:
    append(runtime, 5)
    disarm(owner)
    owner.execute("DELETE FROM audit_entries WHERE position = 2")
    close(runtime, proposed(runtime))
    assert verified(runtime).holds


def test_a_proposal_that_is_not_what_stands_is_refused(broken: Runtime, owner: Owner) -> None:
    proposal = proposed(broken)
    owner.execute("UPDATE audit_entries SET canonical = canonical || ' ' WHERE position = 4")
    with pytest.raises(SegmentInvalid):
        close(broken, proposal)
    forged = replace(proposal, document=proposal.document.replace('"break_position":3', '"break_position":2'))
    with pytest.raises(CounterfoilError):
        close(broken, forged)
    assert verified(broken).closed == []


def test_a_break_is_closed_once_and_by_two(broken: Runtime) -> None:
    proposal = proposed(broken)
    close(broken, proposal)
    with pytest.raises(SegmentInvalid):
        close(broken, proposal)


@pytest.mark.parametrize(
    "change",
    ["document = document || ' '", "signature = set_byte(signature, 0, 255 - get_byte(signature, 0))"],
)
def test_a_changed_boundary_is_no_boundary(broken: Runtime, owner: Owner, change: str) -> None:
    close(broken, proposed(broken))
    owner.execute("ALTER TABLE chain_segments DISABLE TRIGGER USER")
    owner.execute(f"UPDATE chain_segments SET {change}".encode())
    found = verified(broken)
    assert found.finding is not None
    assert (found.finding.position, found.closed) == (3, [])


def test_an_entry_made_anew_with_its_links_is_closed_from_its_anchor_on(
    runtime: Runtime, owner: Owner
) -> None:
    append(runtime, 2)
    publish_anchors(runtime)
    append(runtime, 2)
    publish_anchors(runtime)
    entries = stored(owner)
    disarm(owner)
    replace_all(owner, [*entries[:2], *relinked([replace(e, reason="b") for e in entries[2:]], entries[1])])
    before = verified(runtime)
    assert before.finding is not None
    assert (before.finding.flaw, before.finding.position) == ("ANCHOR_DIFFERS", 4)
    close(runtime, proposed(runtime))
    assert verified(runtime).holds

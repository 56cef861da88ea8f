"""CHAIN_SEGMENT: a break of the audit chain is closed by two persons and a signed boundary, and by nothing less."""

from dataclasses import replace
from typing import Any

import psycopg
import pytest

from shared.adapters.signing import load_signing_key
from shared.approvals.approve import approve
from shared.approvals.errors import ApprovalNotYours, ApprovalOutdated
from shared.approvals.execute_approval import execute_approval
from shared.approvals.model import Wanted
from shared.approvals.request_approval import request_approval
from shared.audit.keys import signing_key
from shared.audit.model import Chain
from shared.audit.segments.model import FORMAT, Boundary
from shared.audit.segments.store import list_segments, stretch_digest
from shared.errors.base import CounterfoilError
from shared.errors.request import RequestInvalid
from shared.runtime import Runtime
from shared.security.model import Caller
from tests.support.approvals import REASON, applied, arrive, deciding, moving
from tests.support.callers import caller_with

Owner = psycopg.Connection[Any]
ONE = caller_with("administrator", principal_id="one")
TWO = caller_with("administrator", principal_id="two")
BROKEN, HEAD = 2, 3


@pytest.fixture(autouse=True)
def _broken(runtime: Runtime, owner: Owner) -> None:
    """Three entries of the chain; somebody has changed the second past the application."""
    arrive(runtime)
    applied(runtime)
    change(owner, b"nobody")


def change(owner: Owner, actor: bytes) -> None:
    owner.execute("ALTER TABLE audit_entries DISABLE TRIGGER USER")
    owner.execute("ALTER TABLE audit_entries DROP CONSTRAINT IF EXISTS ck_audit_entries_hash")
    owner.execute("UPDATE audit_entries SET canonical = canonical || %s WHERE position = %s", [actor, BROKEN])
    owner.execute("ALTER TABLE audit_entries ENABLE TRIGGER USER")


def hash_at(owner: Owner, position: int) -> str:
    row = owner.execute("SELECT hash FROM audit_entries WHERE position = %s", [position]).fetchone()
    assert row is not None
    return bytes(row[0]).hex()


def boundary(runtime: Runtime, owner: Owner, **changes: Any) -> Boundary:
    with runtime.database.statement() as connection:
        digest = stretch_digest(connection, Chain.CONTROL, BROKEN, HEAD)
    key = signing_key(runtime.secrets)
    usual = Boundary(
        format=FORMAT, chain="control", break_position=BROKEN, flaw="CHANGED", good_hash=hash_at(owner, BROKEN - 1),
        head_position=HEAD, head_hash=hash_at(owner, HEAD), digest=digest, anchors_until=HEAD, key_id=key.key_id,
        algorithm=key.algorithm,
    )  # fmt: skip
    return replace(usual, **changes)


def payload_of(runtime: Runtime, said: Boundary) -> dict[str, str]:
    signature = signing_key(runtime.secrets).sign(said.encode())
    return {"document": said.encode().decode(), "signature": signature.hex()}


def asked(runtime: Runtime, payload: dict[str, str], caller: Caller = ONE) -> dict[str, Any]:
    wanted = Wanted(kind="CHAIN_SEGMENT", payload=payload)
    return dict(request_approval(runtime, moving(caller), wanted, REASON).body)


def agreed(runtime: Runtime, payload: dict[str, str]) -> str:
    request = asked(runtime, payload)
    approve(runtime, deciding(TWO), request["approval_id"], request["payload_hash"], REASON)
    return str(request["approval_id"])


def segments(runtime: Runtime) -> list[Any]:
    with runtime.database.statement() as connection:
        return [segment for _, _, segment in list_segments(connection, Chain.CONTROL)]


def test_two_persons_close_a_break(runtime: Runtime, owner: Owner) -> None:
    said = boundary(runtime, owner)
    approval_id = agreed(runtime, payload_of(runtime, said))
    assert segments(runtime) == []
    execute_approval(runtime, moving(ONE), approval_id, REASON)
    (segment,) = segments(runtime)
    assert (segment.boundary, segment.requested_by, segment.approved_by) == (said, "one", "two")
    assert segment.approval_id == approval_id


def test_what_changed_again_is_another_break(runtime: Runtime, owner: Owner) -> None:
    approval_id = agreed(runtime, payload_of(runtime, boundary(runtime, owner)))
    change(owner, b"again")
    with pytest.raises(ApprovalOutdated):
        execute_approval(runtime, moving(ONE), approval_id, REASON)
    assert segments(runtime) == []


def test_a_break_is_closed_once(runtime: Runtime, owner: Owner) -> None:
    first, second = (agreed(runtime, payload_of(runtime, boundary(runtime, owner))) for _ in range(2))
    execute_approval(runtime, moving(ONE), first, REASON)
    with pytest.raises(CounterfoilError) as refused:
        execute_approval(runtime, moving(ONE), second, REASON)
    assert refused.value.code == "AUDIT_SEGMENT_INVALID"
    assert len(segments(runtime)) == 1


@pytest.mark.parametrize(
    "payload",
    [
        {"document": "{}", "signature": "00" * 64},
        {"document": "", "signature": "00" * 64},
        {"signature": "00" * 64},
        {"document": "x", "signature": "no"},
    ],
)
def test_what_is_no_boundary_is_refused(runtime: Runtime, payload: dict[str, str]) -> None:
    with pytest.raises(RequestInvalid):
        asked(runtime, payload)


def test_a_boundary_is_signed_by_a_key_of_the_record(runtime: Runtime, owner: Owner) -> None:
    said = boundary(runtime, owner)
    payload = payload_of(runtime, said)
    turned = ("0" if payload["signature"][0] != "0" else "1") + payload["signature"][1:]
    foreign = load_signing_key(
        "foreign",
        b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC\n"
        b"-----END PRIVATE KEY-----\n",
    )
    for signature in (turned, "zz" * 64, payload["signature"][:-2], foreign.sign(said.encode()).hex()):
        with pytest.raises(RequestInvalid):
            asked(runtime, {**payload, "signature": signature})


def test_a_boundary_that_is_not_as_the_chain_is_refused(runtime: Runtime, owner: Owner) -> None:
    for change_of in ({"digest": "00" * 32}, {"good_hash": "11" * 32}, {"head_hash": "22" * 32}):
        payload = payload_of(runtime, boundary(runtime, owner, **change_of))
        with pytest.raises(CounterfoilError) as refused:
            asked(runtime, payload)
        assert refused.value.code == "AUDIT_SEGMENT_INVALID"


@pytest.mark.parametrize("role", ["operator", "approver", "site_manager"])
def test_it_takes_the_right_to_verify(runtime: Runtime, owner: Owner, role: str) -> None:
    payload = payload_of(runtime, boundary(runtime, owner))
    with pytest.raises(ApprovalNotYours):
        asked(runtime, payload, caller_with(role, principal_id="one"))

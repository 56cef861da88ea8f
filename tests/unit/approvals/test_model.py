"""The exact payload of an approval: one form as bytes, hashed as it is stored."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.approvals.effects import EFFECTS, kind_of
from shared.approvals.model import (
    EDGES,
    EXPIRES_DEFAULT,
    OPEN_STATES,
    PAYLOAD_BYTES_MAX,
    ApprovalKind,
    ApprovalState,
    PayloadInvalid,
    Subject,
    Who,
    canonical_payload,
    new_approval,
)
from shared.errors.request import RequestInvalid
from tests.support.runtime import NOON

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def nested(depth: int) -> dict[str, Any]:
    return {"in": nested(depth - 1)} if depth > 1 else {}


@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_one_meaning_has_one_form(payload: dict[str, Any]) -> None:
    try:
        form = canonical_payload(payload)
    except PayloadInvalid:
        return
    assert json.loads(form) == payload
    turned = dict(reversed(payload.items()))
    assert canonical_payload(turned) == form


@pytest.mark.parametrize(
    "payload",
    [
        {"a": 0.1},
        {"a": [1, {"b": float("nan")}]},
        {"a": "\0"},
        {"a\0": 1},
        {"a": "\ud800"},
        {"a": b"x"},
        nested(9),
        {"a": "x" * PAYLOAD_BYTES_MAX},
    ],
)
def test_what_has_no_one_form_is_refused(payload: dict[str, Any]) -> None:
    with pytest.raises(PayloadInvalid):
        canonical_payload(payload)


def test_a_text_that_only_looks_like_nul_is_one() -> None:
    assert json.loads(canonical_payload({"a": "\\u0000"})) == {"a": "\\u0000"}


def test_names_are_sorted_and_nothing_is_between() -> None:
    assert canonical_payload({"b": "é", "a": [1, True, None]}) == '{"a":[1,true,null],"b":"é"}'.encode()
    assert canonical_payload(nested(8)).count(b"in") == 7


def test_an_approval_begins_with_the_hash_of_its_payload() -> None:
    subject = Subject(
        target_type="role", target_id="viewer", site_id=None, base_version="1", payload={"role": "viewer"}
    )
    begun = new_approval(
        "a-1", ApprovalKind.POLICY, subject, Who("p", "actor"), reason="r", now=NOON, lasts=EXPIRES_DEFAULT
    )
    assert (begun.payload, begun.state) == (b'{"role":"viewer"}', "PENDING")
    assert begun.payload_hash == hashlib.sha256(begun.payload).digest()
    assert (begun.is_intact, begun.content, begun.expires_at - NOON) == (
        True, {"role": "viewer"}, EXPIRES_DEFAULT,
    )  # fmt: skip


def test_final_states_lead_nowhere() -> None:
    final = set(ApprovalState) - set(OPEN_STATES)
    assert all(final.isdisjoint(begins) for begins in EDGES.values())
    assert set(EDGES) == set(ApprovalState) - {ApprovalState.PENDING}


@pytest.mark.parametrize("kind", list(ApprovalKind))
def test_a_kind_is_asked_for_only_when_something_carries_it_out(kind: ApprovalKind) -> None:
    listed = {each.kind: each for each in EFFECTS}
    if kind in listed:
        assert kind_of(kind.value) is listed[kind]
    else:
        with pytest.raises(RequestInvalid):
            kind_of(kind.value)

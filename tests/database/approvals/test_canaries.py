"""Each story of approvals and scopes holds on the product, and finds the defects planted against it."""

from pathlib import Path

import pytest

from shared.runtime import Runtime
from tests.support.approval_stories import APPROVAL_STORIES, Owner, Story
from tests.support.canary import Defect, assert_found, assert_holds
from tests.support.postgres import ClonedDatabase

DEFECTS = (
    Defect(
        "the base version is not compared",
        "an_outdated_approval_is_not_carried_out",
        "shared/approvals/execute_approval.py",
        (
            (
                "kind.base_version(connection, approval.content) != approval.base_version",
                "not approval.content",
            ),
        ),
    ),
    Defect(
        "the hash is not compared",
        "an_approver_names_what_was_read",
        "shared/approvals/approve.py",
        (("if payload_hash != approval.payload_hash.hex():", "if not payload_hash:"),),
    ),
    Defect(
        "approvals are read without a scope",
        "an_approval_of_another_site_is_not_there",
        "shared/approvals/store.py",
        (
            (
                "WHERE approval_id = %(approval_id)s AND {site_condition('site_id')}",
                "WHERE approval_id = %(approval_id)s",
            ),
        ),
    ),
    Defect(
        "entries are read without a scope",
        "a_foreign_row_does_not_show",
        "shared/lookup/store.py",
        (('WHERE {site_condition("e.site_id")} AND """', 'WHERE """'),),
    ),
    Defect(
        "an order is joined whoever's it is",
        "a_foreign_row_does_not_show",
        "shared/lookup/store.py",
        ((' AND {_follows_order("e")} AND {site_condition("o.site_id")}', ' AND {_follows_order("e")}'),),
    ),
    Defect(
        "a leg's site is the pair's",
        "a_foreign_row_does_not_show",
        "shared/lookup/store.py",
        (("THEN (SELECT l.site_id FROM ledger_entries AS l WHERE l.tx_id = p.{leg})", "THEN p.site_id"),),
    ),
    Defect(
        "foreign entries make a side double",
        "a_foreign_row_does_not_show",
        "shared/lookup/model.py",
        (("(parts.payments_seen or 0) > 1", "True"),),
    ),
    Defect(
        "anomalies are told whoever's rows they come from",
        "a_foreign_row_does_not_show",
        "shared/lookup/model.py",
        (("each == SITE_MISMATCH or not some_hidden", "True"),),
    ),
    Defect(
        "nothing is masked",
        "a_merchant_is_masked_below_auditors",
        "shared/lookup/answer.py",
        (("return value if is_seen or value is None else MASK", "return value"),),
    ),
)


@pytest.mark.parametrize("story", APPROVAL_STORIES, ids=lambda story: story.__name__)
def test_a_story_holds(story: Story, runtime: Runtime, owner: Owner) -> None:
    story(runtime, owner)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_planted_defect_is_found(defect: Defect, tmp_path: Path, database: ClonedDatabase) -> None:
    assert_found(defect, tmp_path, database)


def test_the_story_of_an_unspoiled_copy_holds(tmp_path: Path, database: ClonedDatabase) -> None:
    assert_holds(APPROVAL_STORIES[-1].__name__, tmp_path, database)


def test_every_story_has_its_defect() -> None:
    assert {defect.story for defect in DEFECTS} == {story.__name__ for story in APPROVAL_STORIES}

"""Each family of tests has a planted defect that it must find."""

from pathlib import Path

import pytest

from tests.support.canary import STORY_FAILS, STORY_HOLDS, Defect, plant, tell
from tests.support.postgres import ClonedDatabase
from tests.support.stories import STORIES

LOCK = "ON CONFLICT (order_id) DO UPDATE SET state = excluded.state WHERE false"
COMPUTED_BEFORE = 'ON CONFLICT (order_id) DO UPDATE SET {", ".join(f"{c} = excluded.{c}" for c in _COLUMNS)}'
DEFECTS = (
    Defect(
        "keys are not sorted",
        "rows_are_locked_in_key_order",
        "shared/sync/write_batch.py",
        (("for key in sorted(reduced.winners)", "for key in reduced.winners"),),
    ),
    Defect(
        "pairs are locked in another order",
        "rows_are_locked_in_key_order",
        "shared/pairing/store.py",
        (("AS computed ORDER BY order_id", "AS computed ORDER BY order_id DESC"),),
    ),
    Defect(
        "the pair is computed before its lock is taken",
        "two_sides_at_once_make_a_complete_pair",
        "shared/pairing/store.py",
        ((LOCK, COMPUTED_BEFORE), ('_computed("touched.is_new AND")', '_computed("")')),
    ),
    Defect(
        "the order an entry left is not repaired",
        "an_entry_re_pointed_twice_at_once_leaves_no_pair_behind",
        "shared/sync/write_batch.py",
        (("written.orders.add(group.previous_related_id)", "pass"),),
    ),
    Defect(
        "an equal revision counts as newer",
        "what_comes_again_rewrites_nothing",
        "shared/sync/statements.py",
        (("> (coalesce(stored.updated_at", ">= (coalesce(stored.updated_at"),),
    ),
    Defect(
        "a known number counts again",
        "what_comes_again_rewrites_nothing",
        "shared/sync/store.py",
        (("p.received @> number AS held", "false AS held"),),
    ),
    Defect(
        "a dead letter is dropped",
        "every_bad_event_is_quarantined",
        "shared/sync/write_batch.py",
        (("if read.rejections:", "if len(read.rejections) < 2:"),),
    ),
    Defect(
        "other bytes at a quarantined place pass",
        "a_quarantined_place_never_changes_its_bytes",
        "shared/sync/store.py",
        (("if cursor.rowcount != len(rows):", "if cursor.rowcount > len(rows):"),),
    ),
    Defect(
        "a known dead letter is written again",
        "what_comes_again_rewrites_nothing",
        "shared/sync/store.py",
        (("sequence_number) DO NOTHING", "sequence_number) DO UPDATE SET attempts = dead_letters.attempts"),),
    ),
    Defect(
        "versions are not compared",
        "any_order_leads_to_one_state",
        "shared/sync/statements.py",
        (("coalesce(excluded.version, -1),", "coalesce(stored.version, -1),"),),
    ),
    Defect(
        "the last of a batch meets the store instead of the greatest",
        "any_order_leads_to_one_state",
        "shared/sync/model.py",
        (("if record.revision > present.revision:", "if record.event_index >= 0:"),),
    ),
)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_planted_defect_is_found(defect: Defect, tmp_path: Path, database: ClonedDatabase) -> None:
    plant(defect, tmp_path)
    told = tell(defect.story, tmp_path, database)
    assert told.returncode == STORY_FAILS, told.stderr


def test_the_story_of_an_unspoiled_copy_holds(tmp_path: Path, database: ClonedDatabase) -> None:
    """What the canaries find is the defect, and not the copy."""
    plant(Defect("none", "rows_are_locked_in_key_order", "shared/sync/model.py", ()), tmp_path)
    told = tell("rows_are_locked_in_key_order", tmp_path, database)
    assert told.returncode == STORY_HOLDS, told.stderr


def test_a_defect_that_does_not_apply_is_no_canary(tmp_path: Path) -> None:
    with pytest.raises(LookupError):
        plant(Defect("gone", "", "shared/sync/model.py", (("no such text", "x"),)), tmp_path)


def test_every_story_has_its_defect() -> None:
    assert {defect.story for defect in DEFECTS} == {story.__name__ for story in STORIES}

"""Each family of tests has a planted defect that it must find."""

from pathlib import Path

import pytest

from tests.support.canary import Defect, assert_found, assert_holds, plant
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
        "a standing pair is computed without its lock",
        "two_sides_at_once_make_a_complete_pair",
        "shared/pairing/store.py",
        ((" FOR NO KEY UPDATE", ""),),
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
        (("if read.rejections:\n        store.", "if len(read.rejections) < 2:\n        store."),),
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
    Defect(
        "isolation takes the neighbours with it",
        "a_refused_row_leaves_its_neighbours",
        "shared/sync/isolate_rows.py",
        (
            (
                "self.found[place] = refusal",
                "self.found |= {place: refusal, min(place + 1, 19): refusal}",
            ),
        ),
    ),
    Defect(
        "the neighbours of a refused row are dropped",
        "a_refused_row_leaves_its_neighbours",
        "shared/sync/isolate_rows.py",
        (("if record.event_index not in refused]", "if record.event_index in ()]"),),
    ),
    Defect(
        "a refused row leaves no dead letter",
        "a_refused_row_leaves_its_neighbours",
        "shared/sync/isolate_rows.py",
        (("read.rejections.append(", "(lambda _rejection: None)("),),
    ),
    Defect(
        "the guard counts what comes again",
        "a_flood_is_held_until_a_ceiling_is_raised",
        "shared/sync/rejects/refuse_flood.py",
        (("apart |= store.list_received(", "store.list_received("),),
    ),
    Defect(
        "a flood is taken",
        "a_flood_is_held_until_a_ceiling_is_raised",
        "shared/sync/rejects/refuse_flood.py",
        (("    if flood.exceeds(share):", "    if flood.exceeds(2 * share):"),),
    ),
    Defect(
        "a raised ceiling is not read",
        "a_flood_is_held_until_a_ceiling_is_raised",
        "shared/sync/rejects/refuse_flood.py",
        (("if ceiling is not None:", "if ceiling is None:"), ("max(share, ceiling.share)", "share")),
    ),
    Defect(
        "a ceiling never ends",
        "a_flood_is_held_until_a_ceiling_is_raised",
        "shared/sync/rejects/store.py",
        (("AND valid_until > %(now)s", ""),),
    ),
    Defect(
        "every retry alerts anew",
        "a_flood_is_held_until_a_ceiling_is_raised",
        "shared/alerts/store.py",
        (
            (
                '{"kind": kind, "key": dedupe_key,',
                '{"kind": kind, "key": dedupe_key + str(connection.execute(text("SELECT txid_current()")).scalar()),',
            ),
        ),
    ),
    Defect(
        "the alert goes with the batch",
        "a_flood_is_held_until_a_ceiling_is_raised",
        "shared/sync/ingest_events.py",
        (
            (
                "with runtime.database.transaction() as connection:\n            insert_outbox",
                "with runtime.database.rehearsal() as connection:\n            insert_outbox",
            ),
        ),
    ),
    Defect(
        "the gap finder forgets the last hole",
        "every_hole_is_found_and_closed",
        "shared/sync/loss/model.py",
        (("return without(((first, last),), received)", "return without(((first, last),), received)[:-1]"),),
    ),
    Defect(
        "what the hub still holds is given up",
        "every_hole_is_found_and_closed",
        "shared/sync/loss/model.py",
        (("gone = below(missing, readable_from)", "gone = below(missing, readable_from + 1)"),),
    ),
    Defect(
        "a replay is credited to its own group",
        "every_hole_is_found_and_closed",
        "shared/sync/replay_range.py",
        (
            (
                "group = runtime.settings.event_consumer_group\n    return",
                "group = runtime.settings.event_replay_consumer_group\n    return",
            ),
        ),
    ),
    Defect(
        "lag is 0 instead of unknown for the watch",
        "what_cannot_be_asked_is_unknown",
        "shared/sync/measures.py",
        (("{place: None for place in heads", "{place: 0 for place in heads"),),
    ),
    Defect(
        "lag is 0 instead of unknown in the status",
        "what_cannot_be_asked_is_unknown",
        "shared/sync/describe_sync.py",
        (("if extent else None\n    open_gaps", "if extent else 0\n    open_gaps"),),
    ),
    Defect(
        "a stall is told of once and never again",
        "every_stall_is_told_of",
        "shared/sync/loss/watch_heads.py",
        (('f"{each.own}:{since:.0f}"', 'f"{each.own}"'),),
    ),
    Defect(
        "an event in a gap is not looked at",
        "what_will_expire_is_told_of_in_time",
        "shared/sync/loss/find_gaps.py",
        (("if gap.state is GapState.OPEN and (readable", "if not gap.gap_id and (readable"),),
    ),
    Defect(
        "what has expired is told to nobody",
        "what_will_expire_is_told_of_in_time",
        "shared/sync/loss/find_gaps.py",
        (('self._tell(after, f"{gap.gap_id}:{after.state}")', "pass"),),
    ),
    Defect(
        "our own lag is a site's silence",
        "a_silent_site_is_told_of",
        "shared/sync/loss/model.py",
        (("        through = min(through, last_enqueued_at)", "        pass"),),
    ),
    Defect(
        "an old answer brings an old hub back",
        "an_old_answer_brings_no_hub_back",
        "shared/sync/loss/register_hubs.py",
        (("store.fetch_current_generation(connection, hub) == known[hub]:", "known is not None:"),),
    ),
)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_planted_defect_is_found(defect: Defect, tmp_path: Path, database: ClonedDatabase) -> None:
    assert_found(defect, tmp_path, database)


def test_the_story_of_an_unspoiled_copy_holds(tmp_path: Path, database: ClonedDatabase) -> None:
    assert_holds("rows_are_locked_in_key_order", tmp_path, database)


def test_a_defect_that_does_not_apply_is_no_canary(tmp_path: Path) -> None:
    with pytest.raises(LookupError):
        plant(Defect("gone", "", "shared/sync/model.py", (("no such text", "x"),)), tmp_path)


def test_every_story_has_its_defect() -> None:
    assert {defect.story for defect in DEFECTS} == {story.__name__ for story in STORIES}

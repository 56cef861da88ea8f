"""The stories of dialects and dumps hold, and each finds the defect that is planted for it."""

from pathlib import Path
from typing import Any

import psycopg
import pytest

from shared.runtime import Runtime
from tests.support.canary import Defect, assert_found
from tests.support.dialect_stories import DIALECT_STORIES
from tests.support.postgres import ClonedDatabase

Owner = psycopg.Connection[Any]
DEFECTS = (
    Defect(
        "the last record of a split event decides",
        "a_split_event_takes_the_best_outcome_of_its_records",
        "shared/sync/write_batch.py",
        (("if letter < letters[record.event_index]:", "if letter != letters[record.event_index]:"),),
    ),
    Defect(
        "only a smaller value conflicts",
        "names_of_a_fact_are_compared_by_value",
        "shared/sync/events/reader.py",
        (("any(text != found[0][1]", "any(text < found[0][1]"),),
    ),
    Defect(
        "operations are not looked at",
        "a_deleted_row_is_never_taken",
        "shared/sync/events/reader.py",
        (("if self._operation is not None:", "if self._operation is None is not None:"),),
    ),
    Defect(
        "the run is not moved with its batch",
        "a_broken_loading_goes_on_where_it_was",
        "shared/sync/dumps/load_dump.py",
        (("store.move_run(connection, self._run, after, now)", "pass"),),
    ),
    Defect(
        "a resumed run begins at the beginning",
        "a_broken_loading_goes_on_where_it_was",
        "shared/sync/dumps/load_dump.py",
        (("pass_over(data, begin - behind)", "begin = number = 0"),),
    ),
    Defect(
        "a line counts as enqueued when it is loaded",
        "a_live_event_wins_over_a_line_without_revision",
        "shared/sync/dumps/read_lines.py",
        (('record.revision._replace(enqueued_at="", sequence_number=-1)', "record.revision"),),
    ),
    Defect(
        "the limit is not looked at",
        "a_dump_of_another_kind_is_not_loaded",
        "shared/sync/dumps/load_dump.py",
        (("                    raise _TooManyBad\n", "                    pass\n"),),
    ),
)


@pytest.mark.parametrize("story", DIALECT_STORIES, ids=lambda story: story.__name__)
def test_a_story_holds(runtime: Runtime, owner: Owner, story: Any) -> None:
    story(runtime, owner)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_planted_defect_is_found(defect: Defect, tmp_path: Path, database: ClonedDatabase) -> None:
    assert_found(defect, tmp_path, database)


def test_every_story_has_its_defect() -> None:
    assert {defect.story for defect in DEFECTS} == {story.__name__ for story in DIALECT_STORIES}

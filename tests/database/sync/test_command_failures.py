"""Both commands end with 2 and one line for whatever they cannot do; 1 would say that a replay was done."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest

from shared.errors.request import RequestInvalid
from shared.runtime import Runtime
from shared.sync import ceiling, replay
from shared.sync.accept_gap import accept_gap
from shared.sync.errors import CeilingInvalid
from shared.sync.loss.errors import DecisionIncomplete
from shared.sync.rejects.lower_ceiling import lower_ceiling
from tests.support.callers import operating, token_file
from tests.support.runtime import BASE_SETTINGS

Owner = psycopg.Connection[Any]
LIFT = ["--stream", "ledger", "--share", "1", "--for", "30m", "--reason"]
UNWRITABLE = ["\udcff", "a\x00b", "\x01", "two\nlines"]


@pytest.fixture
def environ(database_url: str) -> Mapping[str, str]:
    return {**BASE_SETTINGS, "DATABASE_URL": database_url}


@pytest.fixture
def kim(owner: Owner, tmp_path: Path) -> list[str]:
    """The words by which kim gives a command."""
    return ["--token-file", str(token_file(owner, tmp_path, "kim"))]


def one_line(capsys: pytest.CaptureFixture[str]) -> bool:
    told = capsys.readouterr()
    return (told.out, told.err.count("\n")) == ("", 1)


@pytest.mark.parametrize("text", UNWRITABLE, ids=ascii)
def test_what_cannot_be_kept_as_a_line_of_text_is_refused(
    runtime: Runtime,
    owner: Owner,
    environ: Mapping[str, str],
    kim: list[str],
    capsys: pytest.CaptureFixture[str],
    text: str,
) -> None:
    for arguments in ([*LIFT, text], [*LIFT, text, "--dry-run"]):
        assert ceiling.main([*kim, *arguments], environ) == 2
        assert one_line(capsys)
    for words in (["--accept", "1", "--reason", f"r{text}"], ["--reason", text]):
        assert replay.main([*kim, *words], environ) == 2
        assert one_line(capsys)
    with pytest.raises((DecisionIncomplete, RequestInvalid)):
        accept_gap(runtime, operating("kim"), 1, f"r{text}")
    with pytest.raises((CeilingInvalid, RequestInvalid)):
        lower_ceiling(runtime, operating("kim"), "ledger", None, f"r{text}")
    assert owner.execute("SELECT count(*) FROM reject_ceilings").fetchone() == (0,)


def test_a_reason_in_any_script_is_kept(environ: Mapping[str, str], kim: list[str], owner: Owner) -> None:
    assert ceiling.main([*kim, *LIFT, "障害\u3000対応 ✓"], environ) == 0
    assert owner.execute("SELECT reason FROM reject_ceilings").fetchall() == [("障害\u3000対応 ✓",)]


def test_a_database_that_was_not_migrated(
    owner: Owner, environ: Mapping[str, str], kim: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    owner.execute("DROP TABLE reject_ceilings, sequence_gaps")
    assert ceiling.main([*kim, "--list"], environ) == 2
    assert one_line(capsys)
    assert replay.main([*kim, "--accept", "1", "--reason", "r"], environ) == 2
    assert one_line(capsys)


def test_a_ceiling_that_is_not_raised_has_no_number(
    environ: Mapping[str, str], kim: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    numbered = []
    for more in ([], ["--dry-run"]):
        assert ceiling.main([*kim, *LIFT, "r", "--json", *more], environ) == 0
        (raised,) = json.loads(capsys.readouterr().out)["raised"]
        numbered.append("ceiling_id" in raised)
    assert numbered == [True, False]

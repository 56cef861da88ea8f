"""The commands a run prints to be tried."""

import subprocess
from pathlib import Path

import pytest

from infra.local.stack.sample_day import sample_day
from infra.local.stack.welcome import command, short


def test_a_command_survives_folders_with_blanks_and_quotes(tmp_path: Path) -> None:
    folder = tmp_path / 'my folder\'s "name"'
    folder.mkdir()
    (folder / "token").write_text("the-token\n")
    line = command("http://127.0.0.1:7071", "tx/tx-1", folder / "token")
    # A shell takes it; what curl would be given is printed instead.
    script = f"""curl() {{ printf '%s\\n' "$@"; }}\n{line.rpartition("|")[0]}"""
    given = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True).stdout
    assert given.splitlines() == [
        "-s",
        "-H",
        "Authorization: Bearer the-token",
        "http://127.0.0.1:7071/api/tx/tx-1",
    ]


def test_paths_are_shown_from_where_the_person_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert short(tmp_path / ".local" / "token") == ".local/token"
    assert short(Path("/somewhere/else")) == "/somewhere/else"


def test_the_sample_has_exactly_the_events_asked_for_and_its_report_fills() -> None:
    day = sample_day(700)
    assert len(list(day.events)) == day.total == day.report.sent == 700
    assert sample_day(None).total > 50_000

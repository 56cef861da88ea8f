"""`python -m shared.sync.ceiling`: what it does, what it refuses, what it prints."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from shared.runtime import Runtime
from shared.sync.ceiling import main
from shared.sync.errors import RejectFlood
from tests.support.callers import token_file
from tests.support.floods import batch, stored
from tests.support.interleaving import know_partitions
from tests.support.runtime import BASE_SETTINGS, StandingClock
from tests.support.sync_events import HUBS, ingest

Owner = psycopg.Connection[Any]
ROOT = Path(__file__).resolve().parents[3]
LEDGER = ("--stream", "ledger")
LIFT = (*LEDGER, "--share", "1", "--for", "30m", "--reason", "a release")
LOWER = ("--lower", *LEDGER, "--reason", "it is over")
Status = Callable[..., int]


@pytest.fixture
def kim(owner: Owner, tmp_path: Path) -> Path:
    """Kim's token."""
    return token_file(owner, tmp_path, "kim")


@pytest.fixture
def command(database_url: str, kim: Path) -> Status:
    """Run the command in this process as kim; the exit status, also of what the parser refuses."""

    def run(*arguments: str, holder: Path = kim, **changes: str) -> int:
        try:
            return main(
                ("--token-file", str(holder), *arguments),
                {**BASE_SETTINGS, "DATABASE_URL": database_url, **changes},
            )
        except SystemExit as ended:
            return int(ended.code or 0)

    return run


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    document = json.loads(capsys.readouterr().out)
    assert isinstance(document, dict)
    return document


def rows(owner: Owner) -> list[tuple[Any, ...]]:
    return owner.execute(
        "SELECT stream, hub, partition_id, share::float8, valid_until - valid_from, reason, set_by"
        " FROM reject_ceilings ORDER BY ceiling_id"
    ).fetchall()


def test_raise_list_lower(command: Status, owner: Owner, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(*LIFT, "--json") == 0
    (raised,) = told(capsys)["raised"]
    assert (raised["stream"], raised["partition_id"], raised["share"]) == ("ledger", None, "1")
    assert rows(owner) == [("ledger", HUBS["ledger"], None, 1.0, timedelta(minutes=30), "a release", "kim")]
    assert command("--list", "--json") == 0
    standing = told(capsys)
    assert [each["ceiling_id"] for each in standing["ceilings"]] == [raised["ceiling_id"]]
    assert standing["held"] == []
    assert command(*LOWER, "--json") == 0
    assert [each["ceiling_id"] for each in told(capsys)["lowered"]] == [raised["ceiling_id"]]
    assert rows(owner)[1:] == [("ledger", HUBS["ledger"], None, None, None, "it is over", "kim")]
    assert command("--list", "--json") == 0
    assert told(capsys) == {"ceilings": [], "held": []}


def test_a_held_partition_is_released(
    command: Status, runtime: Runtime, owner: Owner, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the command and the next retry alone, in the app that runs already."""
    assert isinstance(runtime.clock, StandingClock)
    runtime.clock.instant = datetime.now(UTC)
    events = batch(5, 20, 5)
    with pytest.raises(RejectFlood):
        ingest(runtime, *events)
    assert command("--list", "--json") == 0
    (held,) = told(capsys)["held"]
    assert (held["partition_id"], held["first_sequence_number"], held["bad"]) == ("0", 5, 20)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", held["at"])
    assert command("--list", "--stream", "payment_order", "--json") == 0
    assert told(capsys)["held"] == []
    assert command(*LIFT, "--partition", "0") == 0
    runtime.clock.instant = datetime.now(UTC)
    ingest(runtime, *events)
    assert stored(owner) == (5, 20)
    capsys.readouterr()
    assert command("--list", "--json") == 0
    assert told(capsys)["held"] == []


def test_a_dry_run_does_nothing(command: Status, owner: Owner, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(*LIFT, "--dry-run", "--json") == 0
    document = told(capsys)
    assert (document["dry_run"], len(document["raised"])) == (True, 1)
    assert rows(owner) == []


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        LEDGER,
        ("--stream", "refunds", *LIFT[2:]),
        LIFT[2:],
        (*LIFT, "--share", "much"),
        (*LIFT, "--share", "nan"),
        (*LIFT, "--share", "0.5"),
        (*LIFT, "--share", "1.1"),
        (*LIFT, "--for", "30"),
        (*LIFT, "--for", "0m"),
        (*LIFT, "--for", "8d"),
        (*LIFT, "--for", "soon"),
        (*LIFT, "--reason", ""),
        (*LIFT, "--reason", " "),
        (*LIFT, "--by", "lee"),
        (*LIFT, "--partition", "9"),
        (*LEDGER, "--share", "1", "--reason", "r"),
        (*LEDGER, "--for", "1h", "--reason", "r"),
        ("--lower", *LEDGER),
        LOWER,
        (*LOWER, "--share", "1"),
        ("--list", "--lower"),
        ("--list", "--partition", "0"),
    ],
    ids=" ".join,
)
def test_what_makes_no_sense_ends_with_2_and_says_why(
    command: Status,
    runtime: Runtime,
    owner: Owner,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
) -> None:
    know_partitions(runtime, "0")
    assert command(*arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.strip()
    assert rows(owner) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"DATABASE_URL": "postgresql+psycopg://counterfoil_app:secret@127.0.0.1:1/none"},
        {"EVENT_REJECT_SHARE_MAX": "2"},
    ],
    ids=["no database", "settings"],
)
def test_what_it_cannot_do_is_one_line(
    command: Status, capsys: pytest.CaptureFixture[str], changes: dict[str, str]
) -> None:
    assert command(*LIFT, **changes) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert "secret" not in printed.err


def test_lines_for_people(command: Status, runtime: Runtime, capsys: pytest.CaptureFixture[str]) -> None:
    know_partitions(runtime, "0")
    with pytest.raises(RejectFlood):
        ingest(runtime, *batch(5, 20, 5))
    assert command("--list") == 0
    nothing_raised = capsys.readouterr().out.splitlines()
    assert command(*LIFT) == command(*LIFT, "--partition", "0") == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert command("--list") == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert len(nothing_raised) == 2


def test_who_gives_it_is_who_holds_the_token(
    command: Status, owner: Owner, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever else the holder says; and who may not is refused, on record."""
    viewer = token_file(owner, tmp_path, "vera", "viewer")
    some = token_file(owner, tmp_path, "sam", "operator", "KR-SEOUL")
    nonsense = tmp_path / "nonsense"
    nonsense.write_text("cf_nonsense\n")
    for holder in (viewer, some, nonsense, tmp_path / "nowhere", tmp_path):
        assert command(*LIFT, holder=holder) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert rows(owner) == []
    assert owner.execute("SELECT actor, action, outcome FROM audit_entries ORDER BY position").fetchall() == [
        ("vera", "operator:reject_ceiling:raise", "DENIED"),
        ("sam", "operator:reject_ceiling:raise", "DENIED"),
    ]
    assert command("--list", holder=viewer) == 0
    assert command("--list", holder=some) == 2


def test_a_dry_run_leaves_no_entry(command: Status, owner: Owner) -> None:
    assert command(*LIFT, "--dry-run") == 0
    assert owner.execute("SELECT count(*) FROM audit_entries").fetchone() == (0,)
    assert command(*LIFT) == 0
    assert owner.execute("SELECT actor, outcome FROM audit_entries").fetchall() == [("kim", "DONE")]


def test_as_a_process(database_url: str, owner: Owner, kim: Path) -> None:
    """The settings come from the environment, as the app reads them; the name from the token, not from the system."""
    environment = {**os.environ, **BASE_SETTINGS, "DATABASE_URL": database_url, "LOGNAME": "night-shift"}
    done = subprocess.run(
        [sys.executable, "-m", "shared.sync.ceiling", "--token-file", str(kim), *LIFT, "--json"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["raised"][0]["set_by"] == "kim"
    assert [row[-1] for row in rows(owner)] == ["kim"]

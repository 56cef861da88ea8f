"""The command: status, answer, and a loading that is killed again and again and ends in the same state."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

from shared.runtime import Runtime
from shared.sync.backfill import main
from tests.support.dumps import load, many, state, written
from tests.support.processes import ROOT
from tests.support.runtime import BASE_SETTINGS

Owner = psycopg.Connection[Any]
KILLS = 10
DEADLINE_SECONDS = 120


def environ(url: str) -> dict[str, str]:
    return {**BASE_SETTINGS, "DATABASE_URL": url}


def said(capsys: pytest.CaptureFixture[str], url: str, *arguments: str) -> tuple[int, str, str]:
    status = main(arguments, environ(url))
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_the_answer_of_a_loading(
    database_url: str, owner: Owner, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(written(tmp_path / "d.ndjson", many(60, 5, bad=0.1)))
    words = ("--stream", "ledger", "--json")
    dry_status, dry, _ = said(capsys, database_url, file, *words, "--dry-run")
    status, out, _ = said(capsys, database_url, file, *words, "--by", "ops")
    told, tried = json.loads(out), json.loads(dry)
    assert (dry_status, status, tried["run_id"], tried["dry_run"]) == (0, 0, None, True)
    parts = ("applied", "superseded", "duplicate", "dead_lettered", "skipped")
    assert told["read"] == 60 == sum(told[name] for name in parts)
    assert told["dead_lettered"] == tried["dead_lettered"] > 0
    assert {each["code"] for each in told["rejected"]} == {"CONTRACT_JSON_INVALID"}
    assert owner.execute("SELECT started_by FROM backfill_runs").fetchall() == [("ops",)]


def test_too_many_bad_lines_are_status_1(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(written(tmp_path / "d.ndjson", [b"x"] * 5))
    for extra in ((), ("--dry-run",), ("--json",)):
        assert said(capsys, database_url, file, "--stream", "ledger", "--reject-limit", "4", *extra)[0] == 1
    assert said(capsys, database_url, file, "--stream", "ledger", "--reject-limit", "5")[0] == 0


def test_what_cannot_be_read_is_status_2_and_one_sentence(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = said(capsys, database_url, str(tmp_path / "none"), "--stream", "ledger")
    assert (status, out, err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("d",),
        ("d", "--stream", "orders"),
        ("d", "--stream", "ledger", "--since", "yesterday"),
        ("d", "--stream", "ledger", "--reject-limit", "-1"),
        ("d", "--stream", "ledger", "--batch", "0"),
        ("d", "--stream", "ledger", "--batch", "50001"),
        ("d", "--stream", "ledger", "--format", "xml"),
    ],
)
def test_what_it_does_not_understand_is_refused(arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments, {})
    assert caught.value.code == 2


@pytest.mark.parametrize(
    ("since", "skipped"), [("2026-11-23", 0), ("2026-11-24", 1), ("2026-11-23T20:00:01+09:00", 1)]
)
def test_a_date_is_its_beginning(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], since: str, skipped: int
) -> None:
    file = str(written(tmp_path / "d.ndjson", many(1, 1)))
    _, out, _ = said(capsys, database_url, file, "--stream", "ledger", "--since", since, "--json")
    assert json.loads(out)["skipped"] == skipped


def start(file: Path, url: str) -> "subprocess.Popen[bytes]":
    """The command as a process of its own; many small batches, so that it can be met in any of them."""
    command = [sys.executable, "-m", "shared.sync.backfill", str(file), "--stream", "ledger", "--json"]
    command += ["--batch", "40", "--reject-limit", "1000"]
    return subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **environ(url)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def line_of(owner: Owner) -> int:
    row = owner.execute("SELECT position_line FROM backfill_runs").fetchone()
    return int(row[0]) if row else 0


def evidence(owner: Owner) -> int:
    row = owner.execute("SELECT count(*) FROM applied_records").fetchone()
    return int(row[0]) if row else 0


def kill_behind(process: "subprocess.Popen[bytes]", owner: Owner, line: int, pause: float) -> None:
    """SIGKILL a moment after the run has come that far."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while line_of(owner) < line and process.poll() is None:
        assert time.monotonic() < deadline, "the loading does not move"
        time.sleep(0.001)
    time.sleep(pause)
    if process.poll() is None:
        os.kill(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.mark.parametrize("name", ["d.ndjson", "d.ndjson.gz"])
def test_killed_at_ten_points_and_gone_on_it_ends_in_the_same_state(
    runtime: Runtime, database_url: str, owner: Owner, tmp_path: Path, name: str
) -> None:
    seed = Random().randrange(10**6)
    print(f"seed {seed}")
    chance = Random(seed)
    file = written(tmp_path / name, many(4_000, seed, bad=0.02))
    wanted = load(runtime, file, rejects_max=1_000)
    before = state(owner)
    letters = owner.execute("SELECT sequence_number, body FROM dead_letters ORDER BY 1").fetchall()
    owner.execute("TRUNCATE ledger_entries, pairs, dead_letters, backfill_runs")
    kept = evidence(owner)
    killed = 0
    for step in range(KILLS):
        process = start(file, database_url)
        goal = 4_000 * step // (KILLS + 1) + chance.randrange(1, 300)
        kill_behind(process, owner, goal, chance.random() * 0.02)
        killed += process.returncode == -signal.SIGKILL
    assert killed >= KILLS - 2, "the loading ended before it was killed"
    process = start(file, database_url)
    out, err = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 0, err.decode()
    told = json.loads(out)
    assert told["resumed_behind_line"] > 0
    assert state(owner) == before
    assert owner.execute("SELECT sequence_number, body FROM dead_letters ORDER BY 1").fetchall() == letters
    assert told["read"] == 4_000
    assert told["dead_lettered"] == wanted.run.counts.dead_lettered
    assert evidence(owner) - kept == told["applied"]


@pytest.mark.long
def test_five_million_lines_need_no_more_memory_than_a_hundred_thousand(
    database_url: str, tmp_path: Path
) -> None:
    peaks = []
    for count in (100_000, 5_000_000):
        file = tmp_path / f"{count}.ndjson"
        with file.open("wb") as out:
            for number in range(count):
                out.write(
                    b'{"tx_id":"t-%d","wallet_id":"w-%d","entry_type":"PAYMENT","amount":"1.5","related_id":"o-%d",'
                    b'"event_time":"2026-11-23T11:00:00Z","version":1}\n' % (number, number % 997, number)
                )
        peaks.append(_peak_kilobytes(file, database_url))
        file.unlink()
    assert peaks[1] <= 1.2 * peaks[0]


def _peak_kilobytes(file: Path, url: str) -> int:
    """The peak of the process itself, told by itself when it ends."""
    code = (
        "import resource, sys; from shared.sync.backfill import main; status = main(sys.argv[1:]);"
        "print('peak', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss); sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(file), "--stream", "ledger"],
        cwd=ROOT,
        env={**os.environ, **environ(url)},
        capture_output=True,
        check=True,
    )
    found = re.search(rb"peak (\d+)", done.stdout)
    assert found is not None
    return int(found[1])

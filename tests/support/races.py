"""Several processes taking turns at the same moment, and what must stand afterwards."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import psycopg

from tests.support.oracle import folded
from tests.support.race_worker import Turn
from tests.support.sync_state import assert_converged, received, totals

ROOT = Path(__file__).resolve().parents[2]
STOP_SECONDS = 30
Owner = psycopg.Connection[Any]


class RaceWorkers:
    """That many processes on one database, ready to take turns."""

    def __init__(self, url: str, count: int) -> None:
        command = [sys.executable, "-m", "tests.support.race_worker", url]
        self._processes = [
            subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(count)
        ]

    def __enter__(self) -> Self:
        for process in self._processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            try:
                process.communicate(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()

    def take(self, turns: Sequence[Turn]) -> list[str | None]:
        """Let every process take its turn, all at once; what went wrong in each."""
        for process, turn in zip(self._processes, turns, strict=True):
            assert process.stdin is not None
            process.stdin.write(turn.line())
            process.stdin.flush()
        answers = [process.stdout.readline() for process in self._processes if process.stdout]
        return [json.loads(answer) for answer in answers]


def race(owner: Owner, url: str, scenario: str, *, workers: int, runs: int, orders: int, batch: int) -> None:
    """Run after run nothing fails, no pair is left behind, and every event is accounted for."""
    turns = [[Turn(scenario, run, w, orders, batch) for w in range(workers)] for run in range(runs)]
    with RaceWorkers(url, workers) as processes:
        for run in turns:
            assert processes.take(run) == [None] * workers
    events = [sent for run in turns for turn in run for sent in turn.events()]
    assert_converged(owner, folded(events))
    assert sum(totals(owner).values()) == received(owner) == len(events)

"""The disasters at length: every statement, many seeds, a database that is gone for a minute."""

from pathlib import Path
from typing import Any

import psycopg
import pytest

from shared.runtime import Runtime
from tests.support import statement_faults, unwell
from tests.support.load import Load

Owner = psycopg.Connection[Any]
SEEDS = range(3100, 3105)
pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]


def load_of(url: str, seed: int, events: int = 20_000) -> Load:
    """Three writers for about a minute, and with all that happens to them for some more."""
    return Load(url, seed, events, orders=200, batch_max=12, writers=3, seconds_max=1500.0)


def test_every_error_at_every_statement(runtime: Runtime, owner: Owner) -> None:
    assert statement_faults.errors_at_every_statement(runtime, owner) > len(statement_faults.CODES)


def test_every_refusal_at_every_statement(runtime: Runtime, owner: Owner) -> None:
    assert statement_faults.refusals_at_every_statement(runtime, owner) > len(statement_faults.REFUSALS)


@pytest.mark.parametrize("seed", SEEDS)
def test_backends_terminated_all_the_time(owner: Owner, database_url: str, seed: int) -> None:
    unwell.backends_terminated_at_random(owner, load_of(database_url, seed), times=1_000_000)


@pytest.mark.parametrize("probability", [0.002, 0.02])
@pytest.mark.parametrize("seed", SEEDS)
def test_connections_cut_all_the_time(owner: Owner, database_url: str, seed: int, probability: float) -> None:
    load = load_of(database_url, seed)
    unwell.connections_cut_at_random(owner, load, probability, cuts_min=100)


@pytest.mark.parametrize("seed", SEEDS)
def test_many_answers_to_commit_lost(owner: Owner, database_url: str, seed: int) -> None:
    unwell.answers_to_commit_lost(owner, load_of(database_url, seed), times=500)


@pytest.mark.parametrize("seed", SEEDS)
def test_many_writers_killed(owner: Owner, database_url: str, seed: int) -> None:
    unwell.writers_killed(owner, load_of(database_url, seed), times=40)


def test_a_database_that_is_gone_for_a_minute_three_times(tmp_path: Path) -> None:
    unwell.database_stopped(tmp_path / "postgres", load_of("", SEEDS[0]), seconds_down=60.0)

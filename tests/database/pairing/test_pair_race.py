"""Real processes on the same orders at the same time: no pair is left behind, and nobody deadlocks."""

from typing import Any

import psycopg
import pytest

from tests.support.races import race

Owner = psycopg.Connection[Any]
SCENARIOS = ["sides", "re-pointed"]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_two_processes(owner: Owner, database_url: str, scenario: str) -> None:
    race(owner, database_url, scenario, workers=2, runs=3, orders=500, batch=50)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("workers", [2, 3, 4])
@pytest.mark.parametrize("batch", [64, 1000])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_many_processes(owner: Owner, database_url: str, scenario: str, workers: int, batch: int) -> None:
    race(owner, database_url, scenario, workers=workers, runs=20, orders=2_000, batch=batch)

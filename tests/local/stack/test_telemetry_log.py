"""Summing up the telemetry file."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.local.stack.telemetry_log import Series, Summary, summarise

BEGIN = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], {"p50": None, "p95": None, "p99": None}),
        ([0.5], {"p50": 0.5, "p95": 0.5, "p99": 0.5}),
        ([2.0, 1.0], {"p50": 1.0, "p95": 2.0, "p99": 2.0}),
        ([3.0, 1.0, 2.0], {"p50": 2.0, "p95": 3.0, "p99": 3.0}),
        ([float(n) for n in range(20, 0, -1)], {"p50": 10.0, "p95": 19.0, "p99": 20.0}),
        ([float(n) for n in range(1, 101)], {"p50": 50.0, "p95": 95.0, "p99": 99.0}),
        ([float(n) for n in range(1, 202)], {"p50": 101.0, "p95": 191.0, "p99": 199.0}),
    ],
)
def test_percentiles_are_by_nearest_rank(values: list[float], expected: dict[str, float | None]) -> None:
    assert Series(values).percentiles() == expected


def written(path: Path, lines: Iterable[dict[str, Any] | str]) -> Path:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts))
    return path


def metric(name: str, value: float, after_seconds: float = 0, **labels: str) -> dict[str, Any]:
    at = BEGIN + timedelta(seconds=after_seconds)
    return {"at": at.isoformat(), "metric": name, "value": value, **labels}


def test_everything_is_counted_under_its_label(tmp_path: Path) -> None:
    lines = [
        metric("request_seconds", 0.2, route="tx", status="200"),
        metric("request_seconds", 0.4, 1, route="tx", status="404"),
        metric("request_seconds", 0.6, 2, route="wallets", status="200"),
        metric("batch_seconds", 0.5, 3, stream="ledger"),
        metric("events", 90, 3, stream="ledger", outcome="applied"),
        metric("events", 10, 4, stream="ledger", outcome="applied"),
        metric("events", 7, 4, stream="ledger", outcome="duplicate"),
        metric("dead_letters", 2, 5, code="SITE_UNKNOWN"),
        metric("dead_letters", 1, 5, code="SITE_UNKNOWN"),
        metric("auth_failures", 1, 6, code="AUTH_TOKEN_MISSING"),
        metric("something_new", 1, 9),
    ]
    found = summarise(written(tmp_path / "log", lines), BEGIN)
    assert found.requests == {"tx": Series([0.2, 0.4]), "wallets": Series([0.6])}
    assert found.statuses == {"tx": {"200": 1, "404": 1}, "wallets": {"200": 1}}
    assert found.batches == {"ledger": Series([0.5])}
    assert found.events == {"ledger": {"applied": 100, "duplicate": 7}}
    assert found.dead_letters == {"SITE_UNKNOWN": 3}
    assert found.auth_failures == {"AUTH_TOKEN_MISSING": 1}
    assert (found.first_at, found.last_at) == (BEGIN, BEGIN + timedelta(seconds=9))


def test_what_is_older_is_left_out_and_the_limit_belongs_to_the_period(tmp_path: Path) -> None:
    lines = [
        metric("batch_seconds", value, seconds, stream="s") for value, seconds in ((1, 9), (2, 10), (3, 11))
    ]
    found = summarise(written(tmp_path / "log", lines), BEGIN + timedelta(seconds=10))
    assert found.batches == {"s": Series([2, 3])}
    assert found.first_at == BEGIN + timedelta(seconds=10)


def test_lines_that_are_not_ours_and_a_half_written_last_one_are_passed_over(tmp_path: Path) -> None:
    good = metric("batch_seconds", 1.5, stream="ledger")
    lines: list[dict[str, Any] | str] = [
        "",
        "free text",
        "[1, 2]",
        '"text"',
        {"metric": "batch_seconds", "value": 1, "stream": "ledger"},
        {**good, "at": "yesterday"},
        {**good, "at": 5},
        {name: value for name, value in good.items() if name != "stream"},
        good,
        json.dumps(good)[:-9],
    ]
    assert summarise(written(tmp_path / "log", lines), BEGIN).batches == {"ledger": Series([1.5])}


def test_no_file_is_no_activity(tmp_path: Path) -> None:
    assert summarise(tmp_path / "none", BEGIN) == Summary()

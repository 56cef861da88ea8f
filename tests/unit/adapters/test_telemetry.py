"""The log exporter: one JSON line per measurement, into the log or into a file."""

import json
import logging
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.telemetry import METRICS, LogTelemetry, NoTelemetry, Telemetry, metric_names
from tests.support.runtime import NOON, StandingClock


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "telemetry.log"


@pytest.fixture
def log(path: Path) -> LogTelemetry:
    return LogTelemetry(StandingClock(), path)


def test_a_metric_is_a_line_with_its_time_value_and_labels(log: LogTelemetry, path: Path) -> None:
    log.metric("events", 3, stream="ledger", outcome="applied")
    assert lines(path) == [
        {"at": NOON.isoformat(), "metric": "events", "value": 3, "stream": "ledger", "outcome": "applied"}
    ]


def test_an_event_is_a_line_with_its_fields(log: LogTelemetry, path: Path) -> None:
    log.event("batch", stream="ledger", received=2, at_last=datetime(2026, 1, 1, tzinfo=UTC), site="한국")
    (line,) = lines(path)
    assert (line["event"], line["received"], line["site"]) == ("batch", 2, "한국")
    assert "2026-01-01" in line["at_last"]


@pytest.mark.parametrize(
    ("values", "p50", "p95", "p99"),
    [
        ([7.0], 7.0, 7.0, 7.0),
        ([2.0, 1.0], 1.0, 2.0, 2.0),
        ([3.0, 1.0, 2.0], 2.0, 3.0, 3.0),
        ([float(n) for n in range(100, 0, -1)], 50.0, 95.0, 99.0),
        ([float(n) for n in range(1, 1001)], 500.0, 950.0, 990.0),
        ([-5.0, 5.0], -5.0, 5.0, 5.0),
    ],
)
def test_observations_are_summed_up_by_nearest_rank(
    log: LogTelemetry, path: Path, values: list[float], p50: float, p95: float, p99: float
) -> None:
    log.observations("pair_time_to_complete_seconds", values, stream="x")
    (line,) = lines(path)
    assert line["count"] == len(values)
    assert line["sum"] == sum(values)
    assert (line["p50"], line["p95"], line["p99"]) == (p50, p95, p99)


def test_no_observations_are_no_line(log: LogTelemetry, path: Path) -> None:
    log.observations("pair_time_to_complete_seconds", [])
    assert not path.exists()


def test_lines_are_added_and_never_mixed(log: LogTelemetry, path: Path) -> None:
    path.write_text(json.dumps({"earlier": True}) + "\n")

    def write(worker: int) -> None:
        for number in range(50):
            log.event("request", worker=worker, number=number, text="x" * 5000)

    together = [threading.Thread(target=write, args=[worker]) for worker in range(4)]
    for each in together:
        each.start()
    for each in together:
        each.join()
    written = lines(path)
    assert written[0] == {"earlier": True}
    for worker in range(4):
        assert [line["number"] for line in written[1:] if line["worker"] == worker] == list(range(50))


def test_a_line_break_in_a_field_does_not_break_the_line(log: LogTelemetry, path: Path) -> None:
    log.event("request", text="a\nb\r\u2028c")
    assert path.read_text("utf-8").count("\n") == 1
    assert json.loads(path.read_text("utf-8"))["text"] == "a\nb\r\u2028c"


def test_without_a_file_lines_go_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    clock = StandingClock()
    log = LogTelemetry(clock)
    with caplog.at_level(logging.INFO, logger="counterfoil"):
        log.metric("pairs_incomplete", 5)
        clock.move(seconds=1)
        log.event("watch", percent="100 %s %d")
    assert [record.name for record in caplog.records] == ["counterfoil", "counterfoil"]
    first, second = (json.loads(record.getMessage()) for record in caplog.records)
    assert (first["metric"], first["value"]) == ("pairs_incomplete", 5)
    assert second["percent"] == "100 %s %d"
    assert datetime.fromisoformat(second["at"]) - datetime.fromisoformat(first["at"]) == timedelta(seconds=1)


def test_no_telemetry_keeps_nothing(caplog: pytest.LogCaptureFixture) -> None:
    nothing: Telemetry = NoTelemetry()
    with caplog.at_level(logging.DEBUG):
        nothing.metric("events", 1)
        nothing.observations("batch_events", [1.0])
        nothing.event("start")
    assert caplog.records == []


def test_a_histograms_and_gauges_unit_is_one_word() -> None:
    assert {METRICS[name].unit for name in METRICS} <= {
        "events",
        "records",
        "s",
        "fields",
        "pairs",
        "partitions",
        "sites",
        "1",
        "requests",
    }
    assert metric_names()[0] == "events"

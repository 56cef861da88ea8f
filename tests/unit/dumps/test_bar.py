"""The bar: rate and time left on a terminal, silence elsewhere."""

import io
from datetime import UTC, datetime

import pytest

from shared.sync.backfill import Bar, duration
from shared.sync.dumps.model import Counts, Dump, Run

DUMP = Dump("d.ndjson", b"\0" * 32, 1000)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def run_at(lines: int) -> Run:
    return Run(1, DUMP, datetime(2026, 11, 23, tzinfo=UTC), counts=Counts(read=lines, applied=lines))


def test_half_way_after_ten_seconds() -> None:
    out, moments = Terminal(), iter([0.0, 10.0, 10.1])
    bar = Bar(out, lambda: next(moments))
    bar.show(run_at(0), 0)
    bar.show(run_at(5_000), 500)
    bar.show(run_at(5_001), 501)
    bar.end()
    *_, last = out.getvalue().rstrip("\n").split("\r")
    assert "50%" in last
    assert "500/s" in last
    assert "0:00:10" in last
    # A tenth of a second later nothing is written.
    assert "5,001" not in last


def test_nothing_is_written_elsewhere() -> None:
    out = io.StringIO()
    bar = Bar(out)
    bar.show(run_at(5), 500)
    bar.end()
    assert out.getvalue() == ""


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00:00"), (-1, "0:00:00"), (3661, "1:01:01"), (90_000, "25:00:00")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text

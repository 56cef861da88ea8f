"""The audit figures in their smallest runs; each asserts its own facts, nothing here is timed."""

from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from shared.adapters.telemetry import NoTelemetry
from tests.bench.audit import WRITERS, at_once, measure_audit_append, measure_audit_verify
from tests.bench.measure import Plan
from tests.bench.server import BenchServer
from tests.support.audit import stored
from tests.support.migrated import app_url, libpq
from tests.support.postgres import ClonedDatabase
from tests.support.runtime import runtime_for

QUICK = Plan(rounds=1, strict=False, warm_up=0)


@pytest.fixture
def server(database: ClonedDatabase) -> Iterator[BenchServer]:
    runtime = replace(runtime_for(app_url(database)), telemetry=NoTelemetry())
    with psycopg.connect(libpq(database.url), autocommit=True) as owner:
        yield BenchServer(database.url, app_url(database), owner, runtime, lambda: 0.0)
    runtime.database.dispose()


def test_both_sides_write_the_same_rows(server: BenchServer) -> None:
    found = measure_audit_append(server, QUICK, lambda: None, each=3)
    assert (len(found.rounds), found.notes["entries"]) == (1, 3 * WRITERS)
    assert found.ratio > 0
    # Each writer appended one more before, to know its session.
    assert [entry.position for entry in stored(server.owner)] == list(range(1, 4 * WRITERS + 1))
    left = server.owner.execute("SELECT to_regclass('bare_entries')").fetchone()
    assert left == (None,)


def test_an_archive_is_verified_and_hashed(server: BenchServer) -> None:
    found = measure_audit_verify(server, QUICK, lambda: None, entries=300)
    assert (len(found.rounds), found.notes["entries"]) == (1, 300)
    assert found.ratio > 0


def test_what_one_writer_fails_with_is_raised() -> None:
    def fail() -> None:
        raise LookupError("one writer")

    with pytest.raises(LookupError):
        at_once([lambda: None, fail])

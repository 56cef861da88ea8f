"""A PostgreSQL of the benchmark's own, durable as an installation is, with a migrated database."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from infra.local.postgres.server import LocalPostgres
from shared.adapters.telemetry import NoTelemetry
from shared.runtime import Runtime
from tests.bench.measure import family_of, process_cpu_seconds
from tests.support.migrated import libpq, prepare_migrated
from tests.support.postgres import ClonedDatabase
from tests.support.runtime import APP_PASSWORD, runtime_for

DATABASE = "bench"
# As on a server of this size in Azure; the rest stays at PostgreSQL's defaults, durability above all.
CONF = {"shared_buffers": "512MB", "max_wal_size": "8GB", "checkpoint_timeout": "15min"}


@dataclass(frozen=True)
class BenchServer:
    """The server, its superuser's session and a runtime as the application's role."""

    url: str
    app_url: str
    owner: psycopg.Connection[Any]
    runtime: Runtime
    own_cpu_seconds: Callable[[], float]

    def truncate(self) -> None:
        """Empty every table a batch writes; the partitions' positions stay and begin anew."""
        self.owner.execute(
            "TRUNCATE ledger_entries, payment_orders, pairs, applied_records, dead_letters, sync_findings"
        )
        self.forget_positions()

    def forget_positions(self) -> None:
        """Every partition begins anew: the next events are as good as never received."""
        self.owner.execute(
            "UPDATE stream_positions SET received = '{}', last_enqueued_at = NULL, newest_event_at = NULL,"
            " applied = 0, superseded = 0, duplicate = 0, dead_lettered = 0, redelivered = 0"
        )


@dataclass(frozen=True)
class BenchPostgres:
    """The server itself; each database on it is made when it is asked for."""

    server: LocalPostgres

    @contextmanager
    def database(self, name: str = DATABASE) -> Iterator[BenchServer]:
        """A migrated database of that name."""
        with psycopg.connect(self.server.dsn(), autocommit=True) as admin:
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        url = self.server.url(name)
        prepare_migrated(url)
        app_url = ClonedDatabase(name, url, self.server.port).url_as("counterfoil_app", APP_PASSWORD)
        runtime = replace(runtime_for(app_url), telemetry=NoTelemetry())
        with psycopg.connect(libpq(url), autocommit=True) as owner:
            # Truncation between rounds is what the trigger forbids everybody; here the data is worth nothing.
            owner.execute("ALTER TABLE applied_records DISABLE TRIGGER USER")
            try:
                yield BenchServer(url, app_url, owner, runtime, self.own_cpu_seconds)
            finally:
                runtime.database.dispose()

    def own_cpu_seconds(self) -> float:
        """CPU time of the server and of this process."""
        return process_cpu_seconds(family_of(self.server.pid or 0) | family_of(os.getpid()))


@contextmanager
def bench_postgres() -> Iterator[BenchPostgres]:
    """Start, hand over, remove."""
    with tempfile.TemporaryDirectory(prefix="counterfoil-bench-") as folder:
        Path(folder).chmod(0o711)
        server = LocalPostgres(Path(folder) / "postgres", notice=lambda _sentence: None)
        server.start(**CONF)
        try:
            yield BenchPostgres(server)
        finally:
            server.destroy()


@contextmanager
def bench_server() -> Iterator[BenchServer]:
    """A server with one database."""
    with bench_postgres() as postgres, postgres.database() as server:
        yield server

"""A PostgreSQL of the benchmark's own, durable as an installation is, with a migrated database."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg

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
        """Empty every table a batch writes; the partition's position stays and begins anew."""
        self.owner.execute(
            "TRUNCATE ledger_entries, payment_orders, pairs, applied_records, dead_letters, sync_findings"
        )
        self.owner.execute(
            "UPDATE stream_positions SET received = '{}', last_enqueued_at = NULL, newest_event_at = NULL,"
            " applied = 0, superseded = 0, duplicate = 0, dead_lettered = 0, redelivered = 0"
        )


@contextmanager
def bench_server() -> Iterator[BenchServer]:
    """Start, migrate, hand over, remove."""
    with tempfile.TemporaryDirectory(prefix="counterfoil-bench-") as folder:
        Path(folder).chmod(0o711)
        server = LocalPostgres(Path(folder) / "postgres", notice=lambda _sentence: None)
        server.start(**CONF)
        try:
            with _prepared(server) as prepared:
                yield prepared
        finally:
            server.destroy()


@contextmanager
def _prepared(server: LocalPostgres) -> Iterator[BenchServer]:
    with psycopg.connect(server.dsn(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {DATABASE}")
    url = server.url(DATABASE)
    prepare_migrated(url)
    app_url = ClonedDatabase(DATABASE, url, server.port).url_as("counterfoil_app", APP_PASSWORD)
    postmaster = server.pid or 0

    def own_cpu_seconds() -> float:
        return process_cpu_seconds(family_of(postmaster) | {os.getpid()})

    runtime = replace(runtime_for(app_url), telemetry=NoTelemetry())
    with psycopg.connect(libpq(url), autocommit=True) as owner:
        # Truncation between rounds is what the trigger forbids everybody; here the data is worth nothing.
        owner.execute("ALTER TABLE applied_records DISABLE TRIGGER USER")
        try:
            yield BenchServer(url, app_url, owner, runtime, own_cpu_seconds)
        finally:
            runtime.database.dispose()

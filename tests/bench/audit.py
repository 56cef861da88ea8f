"""The audit record: appending with eight writers beside bare INSERTs of the same rows, verifying beside SHA-256."""

import hashlib
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from psycopg import sql

from shared.audit.append_entry import append_entry
from shared.audit.model import COLUMNS, Chain, Entry
from shared.audit.verify_archive import verify_archive
from shared.audit.verify_chain import verify_chain
from shared.database.database import driver
from shared.runtime import Runtime
from tests.bench.measure import Figure, Measured, Plan, pinned, run_rounds
from tests.bench.server import BenchServer
from tests.support.audit import chain_of, facts, signing_key, stored, write_archive
from tests.support.runtime import runtime_for

APPEND = Figure("audit append", "entries/s, 8 writers", "bare INSERT of the same rows, 8 writers", 0.2, 0.4)
VERIFY = Figure("audit verify", "entries/s from a file", "SHA-256 of the same lines", 0.1, 0.3)
WRITERS = 8
# The same columns and key; no chain, no check, no trigger.
_PLAIN = """
CREATE TABLE IF NOT EXISTS bare_entries (LIKE audit_entries, PRIMARY KEY (chain, position));
GRANT INSERT ON bare_entries TO counterfoil_app;
TRUNCATE bare_entries;
"""
_INSERT = (
    f"INSERT INTO bare_entries ({', '.join(COLUMNS)}) VALUES ({', '.join(f'%({name})s' for name in COLUMNS)})"
)


def measure_audit_append(
    server: BenchServer, plan: Plan, on_round: Callable[[], None], each: int = 100
) -> Measured:
    """Every writer appends `each` entries, one a transaction; then the very same rows are inserted barely."""
    runtime = runtime_for(server.app_url, DATABASE_POOL_SIZE=str(WRITERS))
    measured = Measured(APPEND, "entries/s", notes={"writers": WRITERS, "entries": WRITERS * each})

    def one_round(_attempt: int) -> tuple[float, float]:
        before = len(stored(server.owner))
        server.owner.execute(_PLAIN)
        ours = at_once([lambda: _append(runtime, each)] * WRITERS)
        rows = stored(server.owner)[before:]
        parts = [rows[number::WRITERS] for number in range(WRITERS)]
        bare = at_once([lambda part=part: _insert(runtime, part) for part in parts])  # type: ignore[misc]
        assert len(rows) == WRITERS * each, "an entry is missing"
        _assert_same_rows(server, rows)
        return len(rows) / ours, len(rows) / bare

    at_once([lambda: _append(runtime, 1)] * WRITERS)
    try:
        with pinned(*_backends(server)) as core:
            measured.notes["core"] = core
            run_rounds(measured, plan, one_round, server.own_cpu_seconds, on_round)
        assert verify_chain(runtime, Chain.CONTROL).finding is None, "the chain does not hold"
    finally:
        runtime.database.dispose()
        server.owner.execute("DROP TABLE IF EXISTS bare_entries")
    return measured


def _backends(server: BenchServer) -> list[int]:
    """The sessions of this database."""
    rows = server.owner.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
    return [int(row[0]) for row in rows.fetchall()]


def at_once(calls: Sequence[Callable[[], object]]) -> float:
    """Seconds from the moment all threads are ready to the end of the last one."""
    barrier = threading.Barrier(len(calls) + 1)

    def run(call: Callable[[], object]) -> None:
        barrier.wait(60)
        call()

    with ThreadPoolExecutor(len(calls)) as pool:
        running = [pool.submit(run, call) for call in calls]
        barrier.wait(60)
        started = time.perf_counter()
        for each in running:
            each.result()
        return time.perf_counter() - started


def _append(runtime: Runtime, count: int) -> None:
    told = facts()
    for _ in range(count):
        with runtime.database.transaction() as connection:
            append_entry(connection, told)


def _insert(runtime: Runtime, rows: Sequence[Entry]) -> None:
    values: list[dict[str, Any]] = [vars(row) for row in rows]
    for row in values:
        with runtime.database.transaction() as connection:
            driver(connection).execute(_INSERT, row, prepare=True)


def _assert_same_rows(server: BenchServer, rows: Sequence[Entry]) -> None:
    statement = sql.SQL("SELECT {} FROM bare_entries ORDER BY position").format(
        sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
    )
    assert [Entry(*row) for row in server.owner.execute(statement).fetchall()] == list(rows)


def measure_audit_verify(
    server: BenchServer, plan: Plan, on_round: Callable[[], None], entries: int = 100_000
) -> Measured:
    """An archive is read, hashed, compared and its signature checked; the reference hashes each of its lines."""
    key = signing_key()
    with tempfile.TemporaryDirectory() as folder:
        chain = chain_of(entries)
        file = write_archive(Path(folder), chain, key, "2026-11")
        notes = {"entries": entries, "bytes": file.stat().st_size}
        measured = Measured(VERIFY, "entries/s", notes={**notes})

        def one_round(_attempt: int) -> tuple[float, float]:
            started = time.perf_counter()
            examined = verify_archive(file, [key.public])
            middle = time.perf_counter()
            hashed = hash_lines(file)
            ended = time.perf_counter()
            assert examined.finding is None, "the archive does not hold"
            assert hashed == entries, "not every line was hashed"
            return entries / (middle - started), entries / (ended - middle)

        _refuse_a_blind_verifier(file, chain)
        with pinned() as core:
            measured.notes["core"] = core
            return run_rounds(measured, plan, one_round, server.own_cpu_seconds, on_round)


def hash_lines(file: Path) -> int:
    """How many lines were hashed: nothing else is done with them."""
    count, sha256 = 0, hashlib.sha256
    with file.open("rb") as lines:
        for line in lines:
            sha256(line).digest()
            count += 1
    return count


def _refuse_a_blind_verifier(file: Path, chain: Sequence[Entry]) -> None:
    """What is measured must be able to find something."""
    with tempfile.TemporaryDirectory() as folder:
        spoiled = [*chain[:-1], replace(chain[-1], canonical=chain[-1].canonical + b" ")]
        copy = write_archive(Path(folder), spoiled, signing_key(), "2026-11")
        found = verify_archive(copy, [signing_key().public]).finding
        assert found is not None, "the verifier finds nothing"
        assert found.position == len(chain), "the verifier finds another position"

"""Ingest core: bytes of mixed events → committed, validated, paired rows with evidence and position, beside REF."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from shared.database.database import driver
from shared.sync.ingest_events import ingest_events
from shared.sync.model import EventBatch
from tests.bench import reference
from tests.bench.measure import Figure, Measured, Plan, pinned, run_rounds
from tests.bench.server import BenchServer
from tests.bench.workload import workload
from tests.support.migrated import libpq
from tests.support.runtime import NOON

REF = "REF: binary COPY of encoded rows, upsert, evidence, pairing"
FIGURES = {
    1000: Figure("ingest core, batch 1,000", "bytes → committed rows, events/s", REF, 0.60, 0.80),
    5000: Figure("ingest core, batch 5,000", "bytes → committed rows, events/s", REF, 0.50, 0.75),
    1: Figure(
        "ingest core, batch 1",
        "one event per transaction, events/s",
        "one prepared autocommit INSERT of such a row",
        0.25,
        0.45,
    ),
}
ORDERS = {5000: 10_000, 1000: 10_000, 1: 400}
Calls = Sequence[Sequence[EventBatch]]


def backend_pid(server: BenchServer) -> int:
    """The one server process our runtime's connection talks to."""
    with server.runtime.database.statement() as connection:
        row = driver(connection).execute("SELECT pg_backend_pid()").fetchone()
    return int((row or (0,))[0])


def run_ours(server: BenchServer, calls: Calls) -> float:
    """Seconds our ingest takes for the calls."""
    started = time.perf_counter()
    for call in calls:
        ingest_events(server.runtime, call)
    return time.perf_counter() - started


@dataclass
class Reference:
    """REF with its session and its rows encoded beforehand."""

    session: psycopg.Connection[Any]
    calls: list[reference.EncodedCall]

    @classmethod
    def prepared(cls, server: BenchServer, calls: Calls) -> "Reference":
        session = psycopg.connect(libpq(server.app_url))
        reference.prepare(session)
        prepared = cls(session, [])
        prepared.calls = prepared.encoded(calls)
        return prepared

    def encoded(self, calls: Calls) -> list[reference.EncodedCall]:
        """The rows of calls, made beforehand."""
        return [reference.encode_call(self.session, call) for call in calls]

    def run(self, now: datetime) -> float:
        """Seconds it takes."""
        started = time.perf_counter()
        for call in self.calls:
            reference.run_call(self.session, call, now)
        return time.perf_counter() - started


_SINGLE = """
INSERT INTO bench_single (tx_id, wallet_id, entry_type, amount, currency, related_id, related_type, event_time,
    created_at, site_id, updated_at, version, enqueued_at, sequence_number, content_digest, ingested_at)
VALUES (%s, %s, 'PAYMENT', 1250.5, 'USD', %s, 'PAYMENT_ORDER', %s, %s, 'KR-SEOUL', %s, 2, %s, %s, %s, %s)
"""


@dataclass
class SingleInserts:
    """The reference of batch 1: one prepared INSERT of a row of that size, committed by itself."""

    session: psycopg.Connection[Any]
    count: int

    @classmethod
    def prepared(cls, server: BenchServer, count: int) -> "SingleInserts":
        server.owner.execute(
            "CREATE TABLE bench_single AS SELECT tx_id, wallet_id, entry_type, amount, currency, related_id,"
            " related_type, event_time, created_at, site_id, updated_at, version, enqueued_at, sequence_number,"
            " content_digest, ingested_at FROM ledger_entries WITH NO DATA"
        )
        server.owner.execute("ALTER TABLE bench_single ADD PRIMARY KEY (tx_id)")
        server.owner.execute("GRANT ALL ON bench_single TO counterfoil_app")
        return cls(psycopg.connect(libpq(server.app_url), autocommit=True), count)

    def run(self, now: datetime) -> float:
        started = time.perf_counter()
        for number in range(self.count):
            key = f"tx-20261123-{number:09d}-P"
            row = (
                key,
                f"wal-{number:08d}",
                f"ord-20261123-{number:09d}",
                now,
                now,
                now,
                now,
                number,
                b"\x00" * 32,
                now,
            )
            self.session.execute(_SINGLE, row, prepare=True)
        return time.perf_counter() - started


def measure_ingest(server: BenchServer, size: int, plan: Plan, on_round: Callable[[], None]) -> Measured:
    """Our rate over the reference's, at one batch size; both end in the same rows, asserted every round."""
    load = workload(ORDERS[size])
    calls = load.batches(size)
    count = len(load.events)
    if size == 1:
        return _measure_single(server, calls, plan, on_round)
    ref = Reference.prepared(server, calls)

    def one_round(attempt: int) -> tuple[float, float]:
        seconds: dict[str, float] = {}
        fingerprints: dict[str, list[object]] = {}
        sides: list[tuple[str, Callable[[], float]]] = [
            ("ours", lambda: run_ours(server, calls)),
            ("reference", lambda: ref.run(NOON)),
        ]
        for name, run in sides if attempt % 2 else reversed(sides):
            server.truncate()
            seconds[name] = run()
            fingerprints[name] = fingerprint(server.owner)
        assert fingerprints["ours"] == fingerprints["reference"], "the two sides ended in different rows"
        return count / seconds["ours"], count / seconds["reference"]

    run_ours(server, calls[:1])
    with pinned(backend_pid(server), ref.session.info.backend_pid) as core:
        measured = Measured(FIGURES[size], "events/s", notes={"batch": size, "events": count, "core": core})
        run_rounds(measured, plan, one_round, server.own_cpu_seconds, on_round)
    ref.session.close()
    return measured


def _measure_single(server: BenchServer, calls: Calls, plan: Plan, on_round: Callable[[], None]) -> Measured:
    singles = SingleInserts.prepared(server, len(calls))

    def one_round(_attempt: int) -> tuple[float, float]:
        server.truncate()
        ours = run_ours(server, calls)
        server.owner.execute("TRUNCATE bench_single")
        return len(calls) / ours, len(calls) / singles.run(NOON)

    run_ours(server, calls[:1])
    with pinned(backend_pid(server), singles.session.info.backend_pid) as core:
        measured = Measured(FIGURES[1], "events/s", notes={"batch": 1, "events": len(calls), "core": core})
        run_rounds(measured, plan, one_round, server.own_cpu_seconds, on_round)
    singles.session.close()
    return measured


_BUSINESS = {
    "ledger_entries": "tx_id",
    "payment_orders": "order_id",
    "pairs": "order_id",
}
# When and how a row last changed is not part of the converged state.
_ASIDE = {
    "first_ingested_at",
    "ingested_at",
    "last_change",
    "previous_site_id",
    "previous_related_id",
    "incomplete_since",
    "completed_at",
    "overdue_at",
}


def fingerprint(owner: psycopg.Connection[Any]) -> list[object]:
    """A digest of every business row, pair and revision."""
    found: list[object] = []
    for table, key in _BUSINESS.items():
        columns = owner.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
            [table],
        ).fetchall()
        names = ", ".join(sorted(name for (name,) in columns if name not in _ASIDE))
        found.append(
            owner.execute(
                f"SELECT count(*), md5(string_agg(md5(ROW({names})::text), '' ORDER BY {key})) FROM {table}"
            ).fetchone()
        )
    return found

"""What can happen to a database, and to the way to it, while writers are under way."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import psycopg
from sqlalchemy import make_url

from infra.local.faults import COMMIT, TcpProxy
from infra.local.postgres import LocalPostgres
from infra.local.postgres.claims import free_port
from shared.errors.base import DatabaseUnavailable
from shared.runtime import Runtime
from tests.support.interleaving import Running
from tests.support.load import Load, Writers, assert_nothing_lost, under_load
from tests.support.migrated import libpq, prepare_migrated
from tests.support.mixed_batch import footprint
from tests.support.oracle import folded
from tests.support.runtime import APP_PASSWORD, runtime_for
from tests.support.sync_events import entry, ingest, outcomes
from tests.support.sync_state import assert_converged

Owner = psycopg.Connection[Any]
BACKENDS = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'counterfoil-test' ORDER BY pid
"""
SECONDS_BETWEEN = 0.2
LAST_SHARE = 0.98


def backends_terminated_at_random(owner: Owner, load: Load, times: int) -> None:
    """One of the writers' backends every 200 ms, that often."""
    chance = Random(load.seed)

    def terminate(writers: Writers) -> None:
        ended = 0
        while ended < times and not writers.are_done:
            writers.check()
            if backends := owner.execute(BACKENDS).fetchall():
                owner.execute("SELECT pg_terminate_backend(%s)", chance.choice(backends))
                ended += 1
            time.sleep(SECONDS_BETWEEN)
        assert ended >= min(times, 3)

    failures = under_load(load, terminate)
    assert failures
    assert_nothing_lost(owner, load, failures)


def connections_cut_at_random(owner: Owner, load: Load, probability: float, cuts_min: int) -> None:
    """Every chunk in either direction may be the connection's last."""

    def cut(proxy: TcpProxy, writers: Writers) -> None:
        proxy.cut_at_random(Random(load.seed), probability)
        writers.wait_until(lambda: proxy.cuts >= cuts_min or writers.taken > LAST_SHARE * writers.batches)
        assert proxy.cuts >= cuts_min
        proxy.heal()

    assert _through_proxy(owner, load, cut) > 0


def answers_to_commit_lost(owner: Owner, load: Load, times: int) -> None:
    """Between COMMIT and its answer the connection ends: the batch stands, and comes again."""

    def lose(proxy: TcpProxy, writers: Writers) -> None:
        for number in range(1, times + 1):
            proxy.drop_next_answer(COMMIT, COMMIT)
            writers.wait_until(lambda: proxy.answers_dropped == number)  # noqa: B023 - waited for at once

    assert _through_proxy(owner, load, lose) >= times


def _through_proxy(owner: Owner, load: Load, happen: Callable[[TcpProxy, Writers], None]) -> int:
    """Writers behind a proxy to which something happens; how many deliveries failed."""
    port = make_url(load.url).port
    assert port is not None
    with TcpProxy("127.0.0.1", port) as proxy:
        through = replace(load, url=load.url.replace(f":{port}/", f":{proxy.port}/"))
        failures = under_load(through, lambda writers: happen(proxy, writers))
    assert_nothing_lost(owner, load, failures)
    return failures.total()


def writers_killed(owner: Owner, load: Load, times: int) -> None:
    """A writer ends in the middle of whatever it does; its successor begins at the last checkpoint."""
    chance = Random(load.seed)

    def kill(writers: Writers) -> None:
        for number in range(times):
            writers.reach((number + chance.random()) / (times + 1))
            chance.choice(writers.all).kill()

    failures = under_load(load, kill)
    assert_nothing_lost(owner, load, failures)


def database_stopped(folder: Path, load: Load, seconds_down: float) -> None:
    """A server of its own, stopped in three ways under load: told to, thrown down, and killed."""
    server = LocalPostgres(folder, port=free_port(), notice=lambda _sentence: None)
    conf = {"fsync": "off", "max_connections": 40}
    try:
        server.start(**conf)
        prepare_migrated(server.url())
        own = replace(load, url=server.url(user="counterfoil_app", password=APP_PASSWORD))
        ways: tuple[Callable[[], object], ...] = (
            lambda: server.stop("fast"),
            lambda: server.stop("immediate"),
            lambda: os.kill(server.pid or 0, signal.SIGKILL),
        )

        def stop(writers: Writers) -> None:
            for number, way in enumerate(ways, 1):
                writers.reach(0.2 * number)
                way()
                writers.fail_anew()
                time.sleep(seconds_down)
                server.start(**conf)

        failures = under_load(own, stop)
        assert failures.total() >= len(ways)
        with psycopg.connect(libpq(server.url()), autocommit=True) as owner:
            assert_nothing_lost(owner, own, failures)
    finally:
        server.destroy()


def row_locked(runtime: Runtime, owner: Owner) -> None:
    """While the database looks for a row it refuses, it meets one that somebody else holds: only the first is bad."""
    url = f"{runtime.settings.database_url}?options=-c%20lock_timeout%3D300"
    events = [entry(number, f"t-{number}") for number in range(2, 8)]
    bad = entry(8, "t-3-bad", wallet_id="w-bad")
    owner.execute("ALTER TABLE ledger_entries ADD CHECK (wallet_id <> 'w-bad')")
    hasty = runtime_for(url)
    try:
        ingest(hasty, entry(1, "t-4"))
        before = footprint(owner)
        with psycopg.connect(owner.info.dsn, password=owner.info.password) as holder:
            holder.execute("SELECT FROM ledger_entries WHERE tx_id = 't-4' FOR UPDATE")
            assert_unavailable(lambda: ingest(hasty, *events, bad))
        assert footprint(owner) == before
        ingest(hasty, *events, bad)
        assert_converged(owner, folded([entry(1, "t-4"), *events]))
        letters = owner.execute("SELECT sequence_number FROM dead_letters").fetchall()
        assert letters == [(bad.sequence_number,)]
    finally:
        hasty.database.dispose()


def assert_unavailable(call: Callable[[], object]) -> None:
    """The call says that the database is unwell, and nothing else."""
    try:
        call()
    except DatabaseUnavailable:
        return
    raise AssertionError("the call went well")


def pool_exhausted(runtime: Runtime, owner: Owner, seconds_max: float = 8.0) -> None:
    """With every connection in use an ingest waits for so long and no longer, and stores nothing."""
    url = runtime.settings.database_url
    small = runtime_for(url, DATABASE_POOL_SIZE="1", DATABASE_POOL_TIMEOUT_SECONDS="0.5")
    try:
        with small.database.transaction():
            waiting = Running(lambda: ingest(small, entry(1)))
            deadline = time.monotonic() + seconds_max
            while not waiting.ended:
                assert time.monotonic() < deadline, "the wait for a connection has no end"
                time.sleep(0.01)
            assert_unavailable(waiting.join)
        assert owner.execute("SELECT count(*) FROM stream_positions").fetchone() == (0,)
        assert outcomes(ingest(small, entry(1))) == {"applied": 1}
    finally:
        small.database.dispose()

"""Two ingests at once, held at chosen points by row locks of a third connection: races without luck.

An ingest moves its partition's position last. Whoever holds that row lets the ingest do everything but commit.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg

from shared.runtime import Runtime
from tests.support.sync_events import Sent, ingest

Owner = psycopg.Connection[Any]
PATIENCE_SECONDS = 30.0


class Running:
    """A call in its own thread; `join` gives its result or raises what it raised."""

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._call()
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that joins
            self._error = error

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()

    def join(self) -> None:
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive(), "the call did not end"
        if self._error:
            raise self._error


def start(runtime: Runtime, *sent: Sent) -> Running:
    """Ingest in another thread."""
    return Running(lambda: ingest(runtime, *sent))


def waiting(owner: Owner) -> int:
    """How many backends of this database wait for a lock."""
    row = owner.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    ).fetchone()
    return int(row[0]) if row else 0


def await_waiting(owner: Owner, count: int, *running: Running) -> None:
    """Until that many backends wait for a lock, or a call ended without waiting."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while waiting(owner) < count and not any(each.ended for each in running):
        assert time.monotonic() < deadline, f"{waiting(owner)} of {count} calls wait"
        time.sleep(0.005)


def know_partitions(runtime: Runtime, *partitions: str) -> None:
    """Make the positions, so that a first batch need not."""
    for partition in partitions:
        for stream in ("ledger", "payment_order"):
            ingest(runtime, Sent(stream, 0, b"known", partition))


@contextmanager
def uncommitted(runtime: Runtime, owner: Owner, *sent: Sent) -> Iterator[Running]:
    """An ingest that has done everything but commit while the block runs, and commits at its end."""
    with psycopg.connect(owner.info.dsn, password=owner.info.password) as holder:
        holder.execute(
            "SELECT FROM stream_positions WHERE partition_id = %s ORDER BY position_id FOR UPDATE",
            (sent[0].partition_id,),
        )
        before = waiting(owner)
        first = start(runtime, *sent)
        await_waiting(owner, before + 1, first)
        assert not first.ended, "the first call is held at its last write"
        yield first
    first.join()


def at_once(runtime: Runtime, owner: Owner, first: list[Sent], second: list[Sent]) -> None:
    """`first` has written but not committed when `second` begins; `second` goes on when `first` has committed."""
    with uncommitted(runtime, owner, *first):
        other = start(runtime, *second)
        await_waiting(owner, 2, other)
    other.join()


def locked_while_waiting(
    runtime: Runtime, owner: Owner, sent: Sequence[Sent], table: str, held: str
) -> set[str]:
    """The rows of a table, by their first column, that an ingest has locked by the time it waits for `held`."""
    key = {"ledger_entries": "tx_id"}.get(table, "order_id")
    with psycopg.connect(owner.info.dsn, password=owner.info.password) as holder:
        holder.execute(f"SELECT FROM {table} WHERE {key} = %s FOR UPDATE", (held,))
        running = start(runtime, *sent)
        await_waiting(owner, 1, running)
        free = owner.execute(f"SELECT {key} FROM {table} FOR UPDATE SKIP LOCKED").fetchall()
        every = owner.execute(f"SELECT {key} FROM {table}").fetchall()
    running.join()
    return {row[0] for row in every} - {row[0] for row in free} - {held}

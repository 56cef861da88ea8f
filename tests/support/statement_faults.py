"""A disaster at each statement of the mixed batch in turn, and what must hold after every one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import psycopg
from sqlalchemy import make_url, text

from infra.local.faults import TcpProxy
from shared.runtime import Runtime
from tests.support.killed_ingest import KILLED, MOMENTS, SURVIVED
from tests.support.line_process import LineProcess
from tests.support.meddling import Act, Meddler, meddled_runtime
from tests.support.mixed_batch import BATCH, Footprint, Undisturbed, footprint, prepare
from tests.support.sync_events import ingest, outcomes

Owner = psycopg.Connection[Any]
STATEMENTS_MAX = 500
# Server errors that say nothing about any event, each as PostgreSQL names it.
CODES = {
    "serialization failure": "40001",
    "deadlock": "40P01",
    "statement timeout": "57014",
    "lock timeout": "55P03",
    "connection failure": "08006",
    "out of memory": "53200",
    "input or output error": "58030",
    "internal error": "XX000",
}
# Errors PostgreSQL gives when it refuses a row: a call may find out which, and go on without it.
REFUSALS = {"out of range": "22003", "null": "23502", "check": "23514", "limit": "54000"}
# Says that a program is wrong, not that the database is unwell; it raises as it is.
FAULTS_OF_OURS = {f"SELECT raise_it('{CODES['internal error']}')"}
# An error that takes the session with it.
ENDED = "SELECT pg_terminate_backend(pg_backend_pid())"
RAISE_IT = """
CREATE OR REPLACE FUNCTION raise_it(code text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'ordered by a test' USING ERRCODE = code; END $$
"""


def kill_at_every_statement(runtime: Runtime, owner: Owner, *, every: int = 1) -> list[bool]:
    """Kill an ingest before and after each (or every nth) of its statements, and deliver again.

    Returns for each kill whether the batch had been committed.
    """
    undisturbed = Undisturbed(runtime, owner)
    committed = []
    with LineProcess("tests.support.killed_ingest", runtime.settings.database_url) as process:
        for moment in MOMENTS:
            for number in range(1, STATEMENTS_MAX, every):
                before = prepare(runtime, owner)
                ended = int(process.ask(f"{number} {moment}"))
                if ended == SURVIVED:
                    break
                assert ended == KILLED, f"{moment} statement {number}"
                committed.append(_deliver_again(runtime, owner, undisturbed, before))
    return committed


def _deliver_again(runtime: Runtime, owner: Owner, undisturbed: Undisturbed, before: Footprint) -> bool:
    """The batch left nothing or everything; the next delivery brings it to its end. Whether it had committed."""
    left = footprint(owner)
    committed = left.rows != before.rows
    assert left == (undisturbed.footprint if committed else before)
    told = outcomes(ingest(runtime, *BATCH))
    assert told == ({"redelivered": len(BATCH)} if committed else undisturbed.outcomes)
    undisturbed.check(owner, committed_before=committed)
    return committed


@dataclass(frozen=True)
class Met:
    """A statement that met a disaster, what that raised, and whether the batch stands all the same."""

    statement: str
    raised: str
    committed: bool


class StatementFaults:
    """One disaster after the other, each at its own statement of a fresh delivery."""

    def __init__(self, runtime: Runtime, owner: Owner, url: str = "") -> None:
        """`url` leads to the same database, for instance through a proxy."""
        self._runtime, self._owner = runtime, owner
        self._undisturbed = Undisturbed(runtime, owner)
        self._meddler = Meddler()
        self._meddled = meddled_runtime(url or runtime.settings.database_url, self._meddler)
        owner.execute(RAISE_IT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._meddled.database.dispose()

    def at_each(self, act: Act, *, first: int = 1, every: int = 1, may_go_on: bool = False) -> list[Met]:
        """The act in the place of each (or every nth) statement; stops when the batch has no more of them."""
        found: list[Met] = []
        for number in range(first, STATEMENTS_MAX, every):
            met = self.at(number, act, may_go_on=may_go_on)
            if met is None:
                return found
            found.append(met)
        raise AssertionError(f"a batch of {STATEMENTS_MAX} statements")

    def at(self, number: int, act: Act, *, may_go_on: bool = False) -> Met | None:
        """One delivery that fails, and one that does not; None when there is no such statement.

        With `may_go_on` the first may also overcome what it met, and be whole.
        """
        before = prepare(self._runtime, self._owner)
        # A session that is there already: what a new one asks for once is no part of the batch.
        with self._meddled.database.statement() as connection:
            connection.execute(text("SELECT 1"))
        self._meddler.arm(number, before=act)
        try:
            ingest(self._meddled, *BATCH)
        except Exception as error:  # noqa: BLE001 - the platform knows no difference
            raised: Exception | None = error
        else:
            raised = None
        finally:
            self._meddler.disarm()
        if not self._meddler.met:
            assert raised is None
            return None
        # Of a transaction that is given up nothing is left, whether or not its ROLLBACK was heard.
        assert raised or may_go_on or self._meddler.met.startswith("ROLLBACK"), self._meddler.met
        if not raised:
            self._undisturbed.check(self._owner, committed_before=False)
            return Met(self._meddler.met, "", committed=False)
        committed = _deliver_again(self._meddled, self._owner, self._undisturbed, before)
        return Met(self._meddler.met, type(raised).__name__, committed)


def errors_at_every_statement(runtime: Runtime, owner: Owner, *, every: int = 1) -> int:
    """Each kind of server error at each (or every nth) statement; how many times."""
    acts = [*(f"SELECT raise_it('{code}')" for code in CODES.values()), ENDED]
    met: list[Met] = []
    with StatementFaults(runtime, owner) as faults:
        for place, statement in enumerate(acts):
            found = faults.at_each(replaced_by(statement), first=1 + place % every, every=every)
            if statement not in FAULTS_OF_OURS:
                assert {each.raised for each in found} <= {"DatabaseUnavailable", ""}, statement
            met += found
    assert not any(each.committed for each in met)
    return len(met)


def refusals_at_every_statement(runtime: Runtime, owner: Owner, *, every: int = 1) -> int:
    """Errors that speak of a row, where no row is at fault: raised, or found to be nothing; how many times."""
    met: list[Met] = []
    with StatementFaults(runtime, owner) as faults:
        for place, code in enumerate(REFUSALS.values()):
            act = f"SELECT raise_it('{code}')"
            first = 1 + place % every
            met += faults.at_each(replaced_by(act), first=first, every=every, may_go_on=True)
    assert not any(each.committed for each in met)
    return len(met)


def resets_at_every_statement(runtime: Runtime, owner: Owner, *, every: int = 1) -> int:
    """The connection is reset before each statement arrives, and before the answer to each; how many times."""
    port = int(make_url(runtime.settings.database_url).port or 0)
    with TcpProxy("127.0.0.1", port) as proxy:
        url = runtime.settings.database_url.replace(f":{port}/", f":{proxy.port}/")
        with StatementFaults(runtime, owner, url) as faults:
            reset = faults.at_each(lambda: act_of(proxy.cut_all), every=every)
            dropped = faults.at_each(lambda: act_of(proxy.drop_next_answer), every=every)
    assert not any(each.committed for each in reset)
    assert all(each.statement == "COMMIT" for each in dropped if each.committed)
    return len(reset) + len(dropped)


def replaced_by(statement: str) -> Act:
    """Send this one instead."""
    return lambda: statement


def act_of(disaster: Callable[[], object]) -> None:
    """A disaster beside the statement, which is sent as it is."""
    disaster()

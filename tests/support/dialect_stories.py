"""Stories about dialects and dumps, each a rule that a planted defect must break."""

import contextlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg

from shared.runtime import Runtime
from shared.sync.dumps.load_dump import load_dump
from shared.sync.dumps.model import Run, Wish
from shared.sync.ingest_events import ingest_events
from shared.sync.model import BatchResult, Event, EventBatch, Outcome
from tests.support.dialects import examples
from tests.support.runtime import NOON, StandingClock, settings_for
from tests.support.sync_events import HUBS, entry, ingest, ledger_body, outcomes

Owner = psycopg.Connection[Any]


class _Killed(Exception):
    """The loading is broken off here."""


def speaking(runtime: Runtime, profile: str) -> Runtime:
    """The same runtime, reading another dialect."""
    return replace(runtime, settings=settings_for(runtime.settings.database_url, EVENT_PROFILE=profile))


def _take(runtime: Runtime, number: int, body: Mapping[str, Any]) -> BatchResult:
    event = Event(json.dumps(body).encode(), number, NOON, str(number))
    (result,) = ingest_events(runtime, [EventBatch("ledger", HUBS["ledger"], "counterfoil", "0", [event])])
    return result


def a_split_event_takes_the_best_outcome_of_its_records(runtime: Runtime, owner: Owner) -> None:
    """One side changed and the other did not: the event is applied."""
    mine = speaking(runtime, "transfers-v1")
    transfer = examples("transfers-v1", "ledger")[0] | {"site_id": "KR-SEOUL", "version": 1}
    _take(mine, 1, transfer)
    result = _take(mine, 2, {**transfer, "version": 2, "sender": "wal-9"})
    assert (result.events[Outcome.APPLIED], result.events[Outcome.DUPLICATE]) == (1, 0)
    assert owner.execute("SELECT applied, records_applied FROM stream_positions").fetchall() == [(2, 3)]


def names_of_a_fact_are_compared_by_value(runtime: Runtime, owner: Owner) -> None:
    """Whichever of two names says more, they conflict; written otherwise, equal values do not."""
    results = [
        ingest(runtime, entry(number, f"t-{number}", version=one, source_version=other))
        for number, (one, other) in enumerate([(1, 2), (2, 1), (1, "1"), ("01", 1)], start=1)
    ]
    told = ["applied" if "applied" in outcomes(result) else "dead_lettered" for result in results]
    assert told == ["dead_lettered", "dead_lettered", "applied", "applied"]


def a_deleted_row_is_never_taken(runtime: Runtime, owner: Owner) -> None:
    """Even where the message shows the row."""
    message = examples("cdc-v1", "ledger")[0]
    message["payload"] |= {"op": "d"}
    message["payload"]["after"] |= {"site_id": "KR-SEOUL"}
    result = _take(speaking(runtime, "cdc-v1"), 1, message)
    assert result.events[Outcome.DEAD_LETTERED] == 1


def _dump(folder: str, *bodies: Mapping[str, Any]) -> Wish:
    file = Path(folder) / "d.ndjson"
    file.write_text("".join(json.dumps(body) + "\n" for body in bodies))
    return Wish(str(file), "ledger", "ndjson", batch_lines=2, who="test")


def a_broken_loading_goes_on_where_it_was(runtime: Runtime, owner: Owner) -> None:
    """Two of four batches are loaded, and the rest by the next call; every line counts once."""

    def kill(run: Run, _read: int) -> None:
        if run.position_line == 4:
            raise _Killed

    with tempfile.TemporaryDirectory() as folder:
        wish = _dump(folder, *(ledger_body(f"t-{n}") for n in range(8)))
        with contextlib.suppress(_Killed):
            load_dump(runtime, wish, kill)
        assert owner.execute("SELECT position_line, lines_read FROM backfill_runs").fetchall() == [(4, 4)]
        loaded = load_dump(runtime, wish)
    assert (loaded.resumed_at, loaded.run.counts.read, loaded.run.counts.applied) == (4, 8, 8)
    assert owner.execute("SELECT count(*) FROM ledger_entries").fetchone() == (8,)


def a_live_event_wins_over_a_line_without_revision(runtime: Runtime, owner: Owner) -> None:
    """Even over one that is loaded an hour later."""
    ingest(runtime, entry(1, "t-1", amount="2"))
    assert isinstance(runtime.clock, StandingClock)
    runtime.clock.move(hours=1)
    with tempfile.TemporaryDirectory() as folder:
        load_dump(runtime, _dump(folder, ledger_body("t-1", amount="1")))
    assert owner.execute("SELECT amount::int, sequence_number FROM ledger_entries").fetchall() == [(2, 1)]


def a_dump_of_another_kind_is_not_loaded(runtime: Runtime, owner: Owner) -> None:
    """More bad lines than the limit: the batch in hand is not stored, and nothing of it is quarantined."""
    with tempfile.TemporaryDirectory() as folder:
        wish = replace(
            _dump(folder, ledger_body("t-1"), {"a": 1}, {"a": 2}, ledger_body("t-2")), rejects_max=1
        )
        loaded = load_dump(runtime, wish)
    assert (loaded.over_limit, loaded.run.position_line) == (True, 2)
    assert owner.execute("SELECT count(*) FROM dead_letters").fetchone() == (1,)


DIALECT_STORIES = (
    a_split_event_takes_the_best_outcome_of_its_records,
    names_of_a_fact_are_compared_by_value,
    a_deleted_row_is_never_taken,
    a_broken_loading_goes_on_where_it_was,
    a_live_event_wins_over_a_line_without_revision,
    a_dump_of_another_kind_is_not_loaded,
)

"""Range replay: what is missing, and only that, is read again and goes through the same ingest."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from shared.adapters.event_hubs import HubState, HubUnreachable
from shared.runtime import Runtime
from shared.security.errors import NotAllowed
from shared.sync.foresee_replay import foresee_replay
from shared.sync.loss.errors import ReplayRefused
from shared.sync.loss.model import Replayed, Wish
from shared.sync.replay import main
from shared.sync.replay_range import replay_range
from shared.sync.watch_sync import watch_sync
from tests.support.callers import operating, token_file
from tests.support.loss import HUB, alerts, enqueued, event_of, gaps, hold, received, take, told_hubs
from tests.support.postgres import ClonedDatabase
from tests.support.runtime import BASE_SETTINGS, NOON, KeptTelemetry, ToldHubs
from tests.support.sync_events import HUBS
from tests.support.sync_state import totals

Owner = psycopg.Connection[Any]
ORDER_HUB = HUBS["payment_order"]
ALL = Wish()
ADA = operating("ada")
REASON = "the host lost a batch"


# What would be read, and the reading itself.
READS: tuple[Callable[[Runtime], list[Replayed]], ...] = (
    lambda runtime: foresee_replay(runtime, ADA, ALL),
    lambda runtime: replay_range(runtime, ADA, ALL, REASON),
)


def lose(runtime: Runtime, first: int = 5, last: int = 9) -> None:
    """The stream received 0 to 12 without these."""
    take(runtime, range(first))
    take(runtime, range(last + 1, 13))
    hold(runtime, 0, 12)


def test_a_gap_is_closed_by_reading_its_numbers_again(runtime: Runtime, owner: Owner) -> None:
    lose(runtime)
    (done,) = replay_range(runtime, ADA, ALL, REASON)
    assert (done.stream, done.hub, done.partition_id) == ("ledger", HUB, "0")
    assert (done.wanted, done.expired, done.missing) == (((5, 9),), (), ())
    assert done.events == {"applied": 5}
    assert received(owner) == ["{[0,13)}"]
    assert totals(owner) == {"applied": 13}
    assert gaps(owner) == [(5, 9, "{}", "{}", "CLOSED")]
    assert owner.execute(
        "SELECT replayed_at, replayed_by, replayed_reason FROM sequence_gaps"
    ).fetchall() == [(NOON, "ada", "the host lost a batch")]
    assert len(alerts(owner, "SYNC_SEQUENCE_GAP")) == 1
    rows = owner.execute("SELECT tx_id, sequence_number, enqueued_at FROM ledger_entries WHERE tx_id = 't-7'")
    assert rows.fetchall() == [("t-7", 7, enqueued(7))]


def test_the_events_are_credited_to_the_streams_own_group(runtime: Runtime, owner: Owner) -> None:
    lose(runtime)
    replay_range(runtime, ADA, ALL, REASON)
    groups = owner.execute("SELECT DISTINCT consumer_group FROM stream_positions").fetchall()
    assert groups == [(runtime.settings.event_consumer_group,)]


def test_a_second_replay_finds_nothing_to_do(runtime: Runtime, owner: Owner) -> None:
    lose(runtime)
    replay_range(runtime, ADA, ALL, REASON)
    before = owner.execute("SELECT ctid::text, xmin::text FROM ledger_entries ORDER BY tx_id").fetchall()
    assert replay_range(runtime, ADA, ALL, REASON) == []
    assert (
        owner.execute("SELECT ctid::text, xmin::text FROM ledger_entries ORDER BY tx_id").fetchall() == before
    )
    assert totals(owner) == {"applied": 13}


def test_only_what_is_missing_is_ingested(runtime: Runtime, owner: Owner) -> None:
    take(runtime, [0, 1])
    take(runtime, [4, 5, 8])
    hold(runtime, 0, 20)
    (done,) = replay_range(runtime, ADA, ALL, REASON)
    assert (done.wanted, done.events) == (((2, 3), (6, 7)), {"applied": 4})
    assert totals(owner) == {"applied": 9}
    # What the stream has not come to yet is left to the stream.
    assert received(owner) == ["{[0,9)}"]


def test_a_replay_broken_off_goes_on_where_it_was(runtime: Runtime, owner: Owner) -> None:
    lose(runtime, 3, 10)
    hubs = told_hubs(runtime)
    whole, hubs.events[HUB, "0"] = hubs.events[HUB, "0"], hubs.events[HUB, "0"][:7]
    with pytest.raises(HubUnreachable):
        replay_range(runtime, ADA, ALL, REASON)
    assert received(owner) == ["{[0,7),[11,13)}"]
    watch_sync(runtime)
    assert gaps(owner) == [(3, 10, "{[7,11)}", "{}", "OPEN")]
    hubs.events[HUB, "0"] = whole
    (done,) = replay_range(runtime, ADA, ALL, REASON)
    assert (done.wanted, done.events) == (((7, 10),), {"applied": 4})
    assert gaps(owner) == [(3, 10, "{}", "{}", "CLOSED")]
    assert totals(owner) == {"applied": 13}


def test_what_has_expired_is_said_and_the_rest_is_taken(runtime: Runtime, owner: Owner) -> None:
    lose(runtime)
    hold(runtime, 7, 12)
    (done,) = replay_range(runtime, ADA, ALL, REASON)
    assert (done.expired, done.missing, done.events) == (((5, 6),), ((5, 6),), {"applied": 3})
    assert gaps(owner) == [(5, 9, "{[5,7)}", "{[5,7)}", "EXPIRED")]
    assert replay_range(runtime, ADA, ALL, REASON) == []


def test_a_bad_event_among_the_lost_becomes_a_dead_letter(runtime: Runtime, owner: Owner) -> None:
    lose(runtime)
    events = told_hubs(runtime).events[HUB, "0"]
    events[6] = replace(events[6], body=b"{}", properties={"x-correlation-id": "c-6"})
    (done,) = replay_range(runtime, ADA, ALL, REASON)
    assert done.events == {"applied": 4, "dead_lettered": 1}
    rows = owner.execute("SELECT sequence_number, correlation_id, event_offset FROM dead_letters").fetchall()
    assert rows == [(6, "c-6", str(6 * 64))]


def test_named_ranges_are_read_and_nothing_else(runtime: Runtime, owner: Owner) -> None:
    take(runtime, [10])
    take(runtime, [14, 20])
    hold(runtime, 0, 25)
    wish = Wish("ledger", "0", ((8, 8), (12, 12), (14, 14), (19, 24), (30, 40)))
    (done,) = replay_range(runtime, ADA, wish, REASON)
    assert (done.wanted, done.missing) == (((8, 8), (12, 12), (19, 19), (21, 24)), ())
    assert done.unread == ((25, 25),)
    assert received(owner) == ["{[8,9),[10,11),[12,13),[14,15),[19,25)}"]


def test_a_lost_last_batch_is_named_and_can_be_read(runtime: Runtime, owner: Owner) -> None:
    take(runtime, range(5))
    hold(runtime, 0, 9)
    for read in READS:
        (told,) = read(runtime)
        assert (told.wanted, told.missing, told.unread, told.events) == ((), (), ((5, 9),), {})
    assert received(owner) == ["{[0,5)}"]
    (done,) = replay_range(runtime, ADA, Wish("ledger", "0", told.unread), REASON)
    assert (done.wanted, done.missing, done.unread, done.events) == (((5, 9),), (), (), {"applied": 5})
    assert totals(owner) == {"applied": 10}
    # Should the stream come to them after all, nothing changes.
    take(runtime, range(5, 10))
    assert totals(owner) == {"applied": 10, "redelivered": 5}
    assert replay_range(runtime, ADA, ALL, REASON) == []


def test_of_a_tail_that_expired_the_named_numbers_are_said_to_be_gone(runtime: Runtime) -> None:
    take(runtime, range(5))
    hold(runtime, 8, 7)
    (done,) = foresee_replay(runtime, ADA, Wish("ledger", "0", ((5, 20),)))
    assert (done.wanted, done.expired, done.unread) == (((5, 7),), ((5, 7),), ())


def test_far_ranges_are_read_in_pieces(runtime: Runtime, owner: Owner) -> None:
    take(runtime, [0, 2])
    take(runtime, [4000, 4002])
    hubs = told_hubs(runtime)
    hold(runtime, 0, 4002)
    hubs.events[HUB, "0"] = [event_of(number) for number in (0, 1, 2, 4000, 4001, 4002)]
    wish = Wish("ledger", "0", ((1, 1), (4001, 4001)))
    (done,) = replay_range(runtime, ADA, wish, REASON)
    assert (done.events, done.missing) == ({"applied": 2}, ())


def test_a_dry_run_says_what_it_would_read_and_changes_nothing(runtime: Runtime, owner: Owner) -> None:
    lose(runtime)
    (done,) = foresee_replay(runtime, ADA, ALL)
    assert (done.wanted, done.events, done.missing) == (((5, 9),), {}, ((5, 9),))
    assert gaps(owner) == []
    assert totals(owner) == {"applied": 8}


def test_an_accepted_gap_is_left_alone_unless_it_is_named(runtime: Runtime, owner: Owner) -> None:
    lose(runtime)
    watch_sync(runtime)
    owner.execute(
        "UPDATE sequence_gaps SET state = 'ACCEPTED', accepted_at = now(), accepted_by = 'a', accepted_reason = 'b'"
    )
    assert replay_range(runtime, ADA, ALL, REASON) == []
    replay_range(runtime, ADA, Wish("ledger", "0", ((5, 9),)), REASON)
    assert gaps(owner) == [(5, 9, "{}", "{}", "CLOSED")]


@pytest.mark.parametrize(
    "wish",
    [
        Wish("payment_order", None, None),
        Wish("ledger", "7", None),
        Wish(None, None, ((5, 9),)),
    ],
)
def test_what_cannot_be_read_as_asked_is_refused(runtime: Runtime, wish: Wish) -> None:
    lose(runtime)
    take(runtime, [0], "1")
    with pytest.raises(ReplayRefused):
        replay_range(runtime, ADA, wish, REASON)


def test_numbers_of_another_generation_are_never_read(runtime: Runtime, owner: Owner) -> None:
    lose(runtime)
    told_hubs(runtime).created[HUB] = NOON
    with pytest.raises(ReplayRefused):
        replay_range(runtime, ADA, ALL, REASON)
    watch_sync(runtime)
    assert replay_range(runtime, ADA, ALL, REASON) == []
    assert totals(owner) == {"applied": 8}
    assert [row[-1] for row in gaps(owner)] == ["OPEN"]


def test_without_a_broker_nothing_is_done(runtime: Runtime, owner: Owner) -> None:
    lose(runtime)
    told_hubs(runtime).reachable = False
    for read in READS:
        with pytest.raises(HubUnreachable):
            read(runtime)
    assert gaps(owner) == []


@dataclass
class OneAway(ToldHubs):
    """A broker of which one hub does not answer."""

    away: str = ORDER_HUB

    def describe(self, hubs: Sequence[str], seconds_max: float) -> Mapping[str, HubState | None]:
        told = super().describe(hubs, seconds_max)
        return {hub: None if hub == self.away else state for hub, state in told.items()}


def test_another_streams_hub_need_not_answer(runtime: Runtime, owner: Owner) -> None:
    lose(runtime)
    told = told_hubs(runtime)
    built = replace(runtime, hubs=OneAway(told.created, told.states, told.events))
    with pytest.raises(HubUnreachable):
        replay_range(built, ADA, ALL, REASON)
    (done,) = replay_range(built, ADA, Wish("ledger"), REASON)
    assert (done.events, done.missing) == ({"applied": 5}, ())
    assert gaps(owner) == [(5, 9, "{}", "{}", "CLOSED")]


def test_progress_and_telemetry_are_those_of_the_ingest(runtime: Runtime) -> None:
    lose(runtime)
    told: list[tuple[str, str, int, int]] = []
    replay_range(runtime, ADA, ALL, REASON, on_taken=lambda *each: told.append(each))
    # Two at a time, and from the first missing number on.
    assert told == [("ledger", "0", 2, 5), ("ledger", "0", 4, 5), ("ledger", "0", 5, 5)]
    assert isinstance(runtime.telemetry, KeptTelemetry)
    lines = [fields for name, fields in runtime.telemetry.events if name == "batch"]
    assert [line["received"] for line in lines[-3:]] == [2, 2, 1]


def recorded(owner: Owner) -> list[tuple[Any, ...]]:
    return owner.execute(
        "SELECT actor, role, action, target_id, outcome, reason, (after::jsonb) ->> 'events',"
        " (after::jsonb) ->> 'code' FROM audit_entries WHERE chain = 'control' ORDER BY position"
    ).fetchall()


def test_every_replay_leaves_one_entry_and_a_rehearsal_a_record_of_a_read(
    runtime: Runtime, owner: Owner
) -> None:
    lose(runtime)
    foresee_replay(runtime, ADA, ALL)
    assert recorded(owner) == []
    records = "SELECT actor, permission, status, result_count FROM access_records"
    assert owner.execute(records).fetchall() == [("ada", "site:batch:run", 200, 1)]
    replay_range(runtime, ADA, ALL, f" {REASON} ")
    told_hubs(runtime).reachable = False
    with pytest.raises(HubUnreachable):
        replay_range(runtime, ADA, Wish("ledger", "0"), REASON)
    action = "operator:event_range:replay"
    assert recorded(owner) == [
        ("ada", "operator", action, "all", "DONE", REASON, "5", None),
        ("ada", "operator", action, "ledger/0", "FAILED", REASON, None, HubUnreachable.code),
    ]


def test_a_replay_that_cannot_be_recorded_does_not_begin(runtime: Runtime, owner: Owner) -> None:
    lose(runtime)
    owner.execute("ALTER TABLE audit_entries ADD CHECK (action <> 'operator:event_range:replay') NOT VALID")
    with pytest.raises(Exception, match="audit_entries"):
        replay_range(runtime, ADA, ALL, REASON)
    assert gaps(owner) == []
    assert totals(owner) == {"applied": 8}


def test_who_holds_some_sites_only_reads_nothing_again(runtime: Runtime, owner: Owner) -> None:
    """A hub carries the events of all sites."""
    lose(runtime)
    some = operating("bob", "KR-SEOUL", "JP-TOKYO", "EU-PARIS")
    with pytest.raises(NotAllowed):
        foresee_replay(runtime, some, ALL)
    with pytest.raises(NotAllowed):
        replay_range(runtime, some, ALL, REASON)
    assert [(row[0], row[4]) for row in recorded(owner)] == [("bob", "DENIED")]
    assert gaps(owner) == []
    assert totals(owner) == {"applied": 8}


@pytest.fixture
def token(owner: Owner, tmp_path: Path) -> tuple[str, str]:
    """The words by which ada gives a command."""
    return ("--token-file", str(token_file(owner, tmp_path, "ada")))


@pytest.fixture
def environ(database_url: str) -> Mapping[str, str]:
    """The settings of an app whose broker is not there."""
    return {**BASE_SETTINGS, "DATABASE_URL": database_url}


def test_the_command_accepts_a_gap(
    runtime: Runtime,
    owner: Owner,
    environ: Mapping[str, str],
    token: tuple[str, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    lose(runtime)
    watch_sync(runtime)
    ((gap_id,),) = owner.execute("SELECT gap_id FROM sequence_gaps").fetchall()
    words = [*token, "--accept", str(gap_id), "--reason", "test events", "--json"]
    assert main(words, environ) == 0
    assert json.loads(capsys.readouterr().out) == {"accepted": gap_id, "by": "ada", "reason": "test events"}
    assert [row[-1] for row in gaps(owner)] == ["ACCEPTED"]
    assert main(words, environ) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1


def test_the_command_says_that_the_broker_is_away(
    environ: Mapping[str, str], token: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*token, "--json", "--reason", REASON], environ) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert HUB in told.err


@pytest.mark.parametrize(
    "words",
    [
        ["--ranges", "1-5"],
        ["--ranges", "1-5", "--stream", "ledger"],
        ["--ranges", "5-1", "--stream", "ledger", "--partition", "0"],
        ["--accept", "1"],
        ["--accept", "1", "--reason", " "],
        ["--accept", "1", "--reason", "x", "--stream", "ledger"],
        ["--accept", "1", "--reason", "x", "--dry-run"],
        ["--stream", "orders"],
        ["--stream", "ledger"],
        ["--reason", " "],
        ["--partition", ""],
        ["--partition", " ", "--dry-run"],
    ],
)
def test_half_a_command_is_refused(words: list[str], environ: Mapping[str, str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words, environ)
    assert ended.value.code == 2


def test_a_wrong_setting_is_named(
    environ: Mapping[str, str], database: ClonedDatabase, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--dry-run"], {**environ, "EVENT_REPLAY_CONSUMER_GROUP": "counterfoil"}) == 2
    assert "EVENT_REPLAY_CONSUMER_GROUP" in capsys.readouterr().err

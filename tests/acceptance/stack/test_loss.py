"""The platform loses a batch, as it does once retries end: found, told, shown, read again through the real command.

One host with its fault switches open tells the stories in turn; events of a batch are numbered in their ids, so that
what is missing is seen in the rows and not in our own account of it.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.functions.conftest import LEDGER_HUB, ORDER_HUB, install
from tests.support.acceptance_events import Payment
from tests.support.amqp_client import publish_batch
from tests.support.callers import token_file
from tests.support.eventhubs import LocalEventHubs, local_event_hubs
from tests.support.functions_host import LocalFunctionsHost, local_functions_host
from tests.support.identity import RunningIssuer, running_issuer
from tests.support.migrated import libpq, prepare_migrated
from tests.support.postgres import SharedPostgres
from tests.support.schedules import never
from tests.support.stack import ROOT, plain_environment
from tests.support.stack_processes import SECONDS_TO_HAPPEN, eventually

# Timers run when a story says so.


@dataclass
class Site:
    """The installation, and what was published to the ledger's only partition so far."""

    host: LocalFunctionsHost
    broker: LocalEventHubs
    issuer: RunningIssuer
    database_url: str
    settings: dict[str, str]
    telemetry: Path
    token: Path
    published: int = 0

    def publish(self, count: int) -> None:
        """Ledger events numbered on from the last, whose ids tell their numbers."""
        numbers = range(self.published, self.published + count)
        publish_batch(self.broker.port, LEDGER_HUB, *map(self._body, numbers))
        self.published += count

    def _body(self, number: int) -> bytes:
        return Payment(f"{number:06}", datetime.now(UTC)).entry("PAYMENT")

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            return connection.execute(statement, values).fetchall()

    def missing(self) -> list[int]:
        """Numbers published of which there is no row."""
        rows = self.rows("SELECT tx_id FROM ledger_entries")
        stored = {int(tx_id.split("-")[1]) for (tx_id,) in rows}
        return sorted(set(range(self.published)) - stored)

    def wait_taken(self) -> None:
        """Until the host has put everything published behind it, taken or lost."""
        self.host.wait_for_checkpoint(LEDGER_HUB, self.published - 1)

    def watch(self) -> dict[str, Any]:
        """Run the timer and wait for the line it leaves."""
        before = len(self._watches())
        self.host.admin("POST", "functions/timer_watch_sync", {}).raise_for_status()
        found = eventually(lambda: self._watches()[before:], "the watch", lambda: self.host.log_text)
        return dict(found[0])

    def _watches(self) -> list[dict[str, Any]]:
        lines = self.telemetry.read_text("utf-8").splitlines() if self.telemetry.exists() else []
        return [each for each in map(json.loads, lines) if each.get("event") == "watch"]

    def status(self) -> dict[str, Any]:
        """The whole answer of the status."""
        answer = self.host.get("/api/sync/status", headers={"Authorization": f"Bearer {self.issuer.mint()}"})
        return dict(answer.raise_for_status().json())

    def ledger(self) -> dict[str, Any]:
        """The ledger's partition in the status."""
        (found,) = [each for each in self.status()["partitions"] if each["stream"] == "ledger"]
        return dict(found)

    def alerts(self, code: str) -> list[dict[str, Any]]:
        rows = self.rows("SELECT payload FROM outbox WHERE payload ->> 'code' = %s ORDER BY outbox_id", code)
        return [row[0] for row in rows]

    def replay(self, *words: str) -> tuple[int, Any]:
        """The real command line in a process of its own: exit status and what it said."""
        usual = ("--token-file", str(self.token), "--json", "--reason", "a story")
        done = subprocess.run(
            [sys.executable, "-m", "shared.sync.replay", *usual, *words],
            cwd=ROOT,
            env=plain_environment(self.settings),
            capture_output=True,
            text=True,
            timeout=SECONDS_TO_HAPPEN,
            check=False,
        )
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("loss")
    hubs = {LEDGER_HUB: 1, ORDER_HUB: 1}
    with (
        SharedPostgres.of_session().create_database_from("migrated", prepare_migrated) as database,
        local_event_hubs(folder / "broker", hubs) as broker,
        running_issuer(folder / "issuer") as issuer,
    ):
        settings, telemetry = install(folder, database, broker, issuer)
        settings |= {
            "EVENT_CONSUMER_GROUP": "counterfoil",
            **never(),
            "WATCH_STALL_SECONDS": "1",
        }
        with psycopg.connect(libpq(database.url), autocommit=True) as owner:
            token = token_file(owner, folder, "ada")
        with local_functions_host(ROOT, folder, settings) as host:
            yield Site(host, broker, issuer, libpq(database.url), settings, telemetry, token)


def ranges(numbers: list[int]) -> list[list[int]]:
    """Numbers as the ranges they form."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found


def lose_a_batch(site: Site, count: int) -> list[int]:
    """Let the host skip a batch, with events before and after it; the numbers that are missing now."""
    site.publish(20)
    site.wait_taken()
    site.host.fault(lose_batch="stream_ledger")
    site.publish(count)
    site.wait_taken()
    site.publish(20)
    site.wait_taken()
    return site.missing()


def test_a_lost_batch_is_found_shown_read_again_and_closed(site: Site) -> None:
    lost = lose_a_batch(site, 40)
    assert lost
    assert set(lost) <= set(range(20, 60))
    site.watch()
    (told,) = site.alerts("SYNC_SEQUENCE_GAP")
    assert told["missing"] == ranges(lost)
    shown = site.ledger()
    assert [(gap["state"], gap["missing"]) for gap in shown["gaps"]] == [("OPEN", ranges(lost))]
    assert (shown["received"], shown["missing_events"]) == (80 - len(lost), len(lost))

    assert site.replay("--dry-run")[0] == 0
    assert site.missing() == lost
    status, said = site.replay("--reason", "the host lost a batch")
    (part,) = said["partitions"]
    assert (status, part["events"], part["missing"]) == (0, {"applied": len(lost)}, [])

    assert site.missing() == []
    closed = site.ledger()
    assert [(gap["state"], gap["missing"]) for gap in closed["gaps"]] == [("CLOSED", [])]
    assert closed["gaps"][0]["replayed_by"] == "ada"
    entries = "SELECT actor, action, outcome, reason FROM audit_entries WHERE chain = 'control'"
    assert site.rows(entries) == [("ada", "operator:event_range:replay", "DONE", "the host lost a batch")]
    assert (closed["received"], closed["applied"], closed["redelivered"]) == (80, 80, 0)
    assert site.replay() == (0, {"dry_run": False, "partitions": []})
    assert len(site.alerts("SYNC_SEQUENCE_GAP")) == 1


def test_a_lost_last_batch_is_named_and_read_when_it_is_asked_for(site: Site) -> None:
    last = site.published
    site.host.fault(lose_batch="stream_ledger")
    site.publish(1)
    site.wait_taken()
    assert site.missing() == [last]
    status, said = site.replay()
    (part,) = said["partitions"]
    assert (status, part["wanted"], part["unread"], part["events"]) == (0, [], [[last, last]], {})
    assert site.missing() == [last]

    status, said = site.replay("--stream", "ledger", "--partition", "0", "--ranges", f"{last}-{last}")
    (part,) = said["partitions"]
    assert (status, part["events"], part["unread"]) == (0, {"applied": 1}, [])
    assert site.missing() == []
    assert site.replay() == (0, {"dry_run": False, "partitions": []})


def test_lag_is_known_while_the_broker_answers(site: Site) -> None:
    """The first question of a process may take longer than it is given; then the answer is unknown, and never 0."""
    known = eventually(lambda: _known(site.ledger()), "a status that knows the lag")
    assert (known["lag_events"], known["lag_seconds"]) == (0, 0.0)
    assert known["hub_head"] == known["head"] == site.published - 1


def _known(partition: dict[str, Any]) -> dict[str, Any] | None:
    return partition if partition["lag_events"] is not None else None


def test_a_paused_function_is_a_stall(site: Site) -> None:
    site.host.fault(pause="stream_ledger")
    try:
        site.publish(5)
        eventually(lambda: site.watch()["partitions_stalled"] == 1, "the stall is seen")
        waiting = eventually(lambda: _known(site.ledger()), "a status that knows the lag")
        assert waiting["lag_events"] == 5
    finally:
        site.host.fault(resume="stream_ledger")
    site.wait_taken()
    assert [(told["own_number"], told["unread_events"]) for told in site.alerts("SYNC_STALLED")] == [
        (site.published - 6, 5)
    ]
    assert site.watch()["partitions_stalled"] == 0


def test_a_broker_that_is_down_is_unknown_and_the_watch_goes_on(site: Site) -> None:
    lost = lose_a_batch(site, 10)
    site.broker.stop()
    try:
        line = site.watch()
        assert (line["partitions_unknown"], line["missing_events"]) == (1, len(lost))
        shown = site.ledger()
        assert (shown["lag_events"], shown["lag_seconds"], shown["hub_head"]) == (None, None, None)
        assert shown["freshness_seconds"] > 0
        assert [gap["missing"] for gap in shown["gaps"] if gap["state"] == "OPEN"] == [ranges(lost)]
    finally:
        site.broker.start()


def test_a_hub_made_anew_is_another_generation_and_old_gaps_stay_readable(site: Site) -> None:
    old = [gap["missing"] for gap in site.ledger()["gaps"] if gap["state"] == "OPEN"]
    assert old
    site.broker.stop()
    shutil.rmtree(site.broker.data / LEDGER_HUB)
    site.broker.start()
    site.published = 0
    site.publish(30)
    # The checkpoint of the old hub lies beyond the new one's end; a host that starts sees that.
    site.host.restart()
    eventually(lambda: site.ledger()["generation"] == 2, "the new generation", lambda: site.host.log_text)
    eventually(lambda: site.ledger()["received"] == 30, "its events", lambda: site.host.log_text)
    site.watch()
    (earlier,) = site.status()["earlier_generations"]
    assert [gap["missing"] for gap in earlier["gaps"] if gap["state"] == "OPEN"] == old
    (changed,) = site.alerts("SYNC_GENERATION_CHANGED")
    assert (changed["generation_before"], changed["generation"]) == (1, 2)
    # Nobody reads old numbers from the new hub; a person can accept that they are gone.
    assert site.replay() == (0, {"dry_run": False, "partitions": []})
    (gap_id,) = [gap["gap_id"] for gap in earlier["gaps"] if gap["state"] == "OPEN"]
    assert site.replay("--accept", str(gap_id), "--reason", "the hub is gone")[0] == 0
    (accepted,) = site.status()["earlier_generations"]
    assert "OPEN" not in [gap["state"] for gap in accepted["gaps"]]

"""Housekeeping: partitions ahead, keys that are over, what nobody sealed, and settings that changed."""

import json
from datetime import UTC, datetime
from typing import Any

import psycopg

from shared.audit.keep_request_rows import keep_request_rows
from shared.audit.model import Action
from shared.runtime import Runtime
from shared.spine.commands import run_command
from shared.spine.refusals import count_refusal
from tests.support.access import read, seal, spoil
from tests.support.audit import stored
from tests.support.runtime import StandingClock, runtime_for
from tests.support.spine import Renaming, command, count, keyed

Owner = psycopg.Connection[Any]


def days(owner: Owner) -> int:
    found = owner.execute(
        "SELECT count(*) FROM pg_inherits WHERE inhparent = 'access_records'::regclass"
    ).fetchone()
    return int(found[0]) if found else 0


def test_partitions_are_made_ahead_and_once(runtime: Runtime, owner: Owner) -> None:
    before = days(owner)
    assert isinstance(runtime.clock, StandingClock)
    runtime.clock.instant = datetime(2040, 2, 20, 23, 59, tzinfo=UTC)
    assert [keep_request_rows(runtime).partitions_made for _ in range(2)] == [14, 0]
    runtime.clock.move(minutes=2)
    assert keep_request_rows(runtime).partitions_made == 1
    assert days(owner) == before + 15


def test_only_what_is_over_goes(runtime: Runtime, owner: Owner) -> None:
    run_command(runtime, keyed("old"), command(), Renaming())
    run_command(runtime, keyed("new"), command(), Renaming())
    owner.execute(
        "UPDATE idempotency_keys SET created_at = now() - interval '24 hours 1 second' WHERE idempotency_key = 'old'"
    )
    count_refusal(runtime, "192.0.2.7", "RATE_LIMITED")
    count_refusal(runtime, "192.0.2.8", "RATE_LIMITED")
    owner.execute("UPDATE refusal_counts SET minute = now() - interval '91 days' WHERE address = '192.0.2.7'")
    kept = keep_request_rows(runtime)
    assert (kept.keys_expired, kept.refusals_expired) == (1, 1)
    assert (count(owner, "idempotency_keys"), count(owner, "refusal_counts")) == (1, 1)


def test_records_nobody_sealed_are_told_once_an_hour(runtime: Runtime, owner: Owner) -> None:
    read(runtime, 2)
    assert keep_request_rows(runtime).unsealed == 0
    spoil(owner, "UPDATE access_records SET recorded_at = recorded_at - interval '301 seconds'")
    assert [keep_request_rows(runtime).unsealed for _ in range(3)] == [2, 2, 2]
    told = owner.execute("SELECT payload FROM outbox WHERE kind = 'ALERT'").fetchall()
    assert [(row[0]["code"], row[0]["records"]) for row in told] == [("AUDIT_RECORDS_UNSEALED", 2)]
    seal(runtime)
    assert keep_request_rows(runtime).unsealed == 0


def test_changed_settings_are_an_entry(runtime: Runtime, owner: Owner) -> None:
    assert [keep_request_rows(runtime).settings_changed for _ in range(2)] == [True, False]
    other = runtime_for(
        runtime.settings.database_url,
        EVENT_REJECT_SHARE_MAX="0.25",
        CURSOR_SIGNING_KEY="another-cursor-signing-key-of-32-chars",
    )
    try:
        assert [keep_request_rows(other).settings_changed for _ in range(2)] == [True, False]
    finally:
        other.database.dispose()
    first, second = stored(owner)
    assert (second.action, second.outcome) == (Action.SETTINGS_CHANGE, "DONE")
    assert second.before is not None
    assert second.after is not None
    shown = ["CURSOR_SIGNING_KEY=***", "EVENT_REJECT_SHARE_MAX=0.5"]
    assert json.loads(second.before) == {"settings": shown}
    assert json.loads(second.after) == {"settings": [shown[0], "EVENT_REJECT_SHARE_MAX=0.25"]}
    assert first.after is not None
    kept = "".join(row[0] for row in owner.execute("SELECT document FROM settings_digests").fetchall())
    for text in (first.after, second.after, kept):
        assert "signing-key-of-32" not in text

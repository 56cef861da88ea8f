"""Refusals: counted while nobody is known, recorded afterwards, and for a command an entry."""

from typing import Any

import psycopg

from shared.audit.model import Action
from shared.runtime import Runtime
from shared.spine.refusals import count_refusal, deny, record_refusal
from tests.support.audit import stored
from tests.support.spine import context, count

Owner = psycopg.Connection[Any]


def test_unknown_callers_cost_one_row_a_minute(runtime: Runtime, owner: Owner) -> None:
    for _ in range(20):
        count_refusal(runtime, "192.0.2.7", "AUTH_TOKEN_MISSING")
    count_refusal(runtime, "192.0.2.7", "RATE_LIMITED")
    count_refusal(runtime, None, "AUTH_TOKEN_MISSING")
    count_refusal(runtime, "x" * 5_000, "AUTH_TOKEN_MISSING")
    rows = owner.execute(
        "SELECT left(address, 9), code, sum(refusals)::int FROM refusal_counts GROUP BY 1, 2 ORDER BY 1, 2"
    ).fetchall()
    assert rows == [
        ("192.0.2.7", "AUTH_TOKEN_MISSING", 20),
        ("192.0.2.7", "RATE_LIMITED", 1),
        ("unknown", "AUTH_TOKEN_MISSING", 1),
        ("xxxxxxxxx", "AUTH_TOKEN_MISSING", 1),
    ]
    # A minute may have turned in between.
    assert count(owner, "refusal_counts") <= 8


def test_a_refusal_of_somebody_known_is_an_access_record(runtime: Runtime, owner: Owner) -> None:
    record_refusal(runtime, context(), 403, "AUTH_FORBIDDEN", 0.012)
    rows = owner.execute(
        "SELECT actor, status, code, result_count, duration_us FROM access_records"
    ).fetchall()
    assert rows == [("oid:7f1c", 403, "AUTH_FORBIDDEN", 0, 12_000)]


def test_a_denied_command_is_an_entry(runtime: Runtime, owner: Owner) -> None:
    deny(runtime, context(), Action.GAP_ACCEPT, "sequence_gap", "17\0", "AUTH_FORBIDDEN")
    (entry,) = stored(owner)
    assert (entry.outcome, entry.reason, entry.target_id) == ("DENIED", None, "17")
    assert (entry.after, entry.request_id) == ('{"code":"AUTH_FORBIDDEN"}', "req-1")

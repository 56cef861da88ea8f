"""The sync status for who sees some sites only: the hubs' numbers, but not what persons wrote about gaps."""

from dataclasses import asdict
from typing import Any

import psycopg

from shared.runtime import Runtime
from shared.sync.accept_gap import accept_gap
from shared.sync.describe_sync import describe_sync
from shared.sync.watch_sync import watch_sync
from tests.support.callers import operating
from tests.support.lookups import looking
from tests.support.loss import hold, take

Owner = psycopg.Connection[Any]
PERSONS = {"accepted_by", "accepted_reason", "replayed_by"}


def accepted(runtime: Runtime) -> None:
    """A gap that somebody accepted, with words about one site."""
    take(runtime, [1])
    take(runtime, [4])
    hold(runtime, 0, 4)
    watch_sync(runtime)
    accept_gap(runtime, operating("ops-kr"), 1, "Seoul lost them for good")


def gap_of(runtime: Runtime, *sites: str) -> dict[str, Any]:
    (partition,) = describe_sync(runtime, looking(*sites), 1.0).partitions
    (gap,) = partition.gaps
    return asdict(gap)


def test_who_sees_all_sites_reads_who_accepted_a_gap_and_why(runtime: Runtime) -> None:
    accepted(runtime)
    gap = gap_of(runtime)
    assert (gap["state"], gap["accepted_by"], gap["accepted_reason"]) == (
        "ACCEPTED", "ops-kr", "Seoul lost them for good",
    )  # fmt: skip


def test_who_sees_some_reads_the_numbers_only(runtime: Runtime) -> None:
    accepted(runtime)
    whole, part = gap_of(runtime), gap_of(runtime, "JP-TOKYO")
    assert {name for name in whole if whole[name] != part[name]} == {"accepted_by", "accepted_reason"}
    assert all(part[name] is None for name in PERSONS)
    whole_status, part_status = (describe_sync(runtime, looking(*s), 1.0) for s in ((), ("JP-TOKYO",)))
    numbers = [
        {name: value for name, value in asdict(each).items() if name != "gaps"}
        for status in (whole_status, part_status)
        for each in status.partitions
    ]
    assert numbers[0] == numbers[1]


def test_reading_the_status_leaves_its_record(runtime: Runtime, owner: Owner) -> None:
    take(runtime, [1])
    describe_sync(runtime, looking("JP-TOKYO", resource="http_sync_status"), 1.0)
    rows = owner.execute("SELECT resource, status, result_count, site_id FROM access_records").fetchall()
    assert rows == [("http_sync_status", 200, 1, None)]

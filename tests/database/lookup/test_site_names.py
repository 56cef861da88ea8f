"""A site's name is a name, whatever else it may mean to the database."""

from typing import Any

import psycopg
import pytest

from shared.lookup.errors import TransactionNotFound
from shared.lookup.find_transaction import find_transaction
from shared.runtime import Runtime
from tests.support.lookups import looking
from tests.support.sync_events import entry, ingest

Owner = psycopg.Connection[Any]


@pytest.mark.parametrize("site", ["NULL", "null", "0"])
def test_a_site_of_any_name_is_seen_by_its_own(runtime: Runtime, owner: Owner, site: str) -> None:
    owner.execute(
        "INSERT INTO sites (site_id, name, time_zone, pair_window_seconds, silence_window_seconds, created_at,"
        " updated_at) SELECT %s, %s, time_zone, pair_window_seconds, silence_window_seconds, created_at, updated_at"
        " FROM sites LIMIT 1",
        [site, site],
    )
    ingest(runtime, entry(1, "t-1", site_id=site))
    assert find_transaction(runtime, looking(site), "t-1").site == site
    with pytest.raises(TransactionNotFound):
        find_transaction(runtime, looking("KR-SEOUL"), "t-1")

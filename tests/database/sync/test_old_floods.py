"""Floods older than any hub keeps events hold nothing, and are not read."""

import pytest

from shared.runtime import Runtime
from shared.sync.errors import RejectFlood
from shared.sync.rejects.list_ceilings import FLOOD_AGE_MAX, list_ceilings
from tests.support.floods import batch
from tests.support.interleaving import know_partitions
from tests.support.lookups import looking
from tests.support.loss import clock_of
from tests.support.runtime import NOON
from tests.support.sync_events import ingest


def test_a_flood_is_listed_for_as_long_as_a_hub_can_keep_its_events(runtime: Runtime) -> None:
    know_partitions(runtime, "0")
    with pytest.raises(RejectFlood):
        ingest(runtime, *batch(10, 20, 0, "0"))
    clock_of(runtime).instant = NOON + FLOOD_AGE_MAX
    assert [flood["partition_id"] for flood in list_ceilings(runtime, looking()).held] == ["0"]
    clock_of(runtime).move(seconds=1)
    assert list_ceilings(runtime, looking()).held == []

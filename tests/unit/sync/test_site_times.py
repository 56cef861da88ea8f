"""Until when a batch has heard of a site: its last event there, however each event is read."""

from shared.sync.read_batch import refuse_unknown_sites
from tests.support.sync_events import Sent, entry, ledger_body, read


def test_an_event_read_carefully_sets_no_time_back() -> None:
    odd = Sent("ledger", 1, ledger_body("t-1", zz={"n": []}))
    found = read(odd, entry(2, "t-2"), entry(3, "t-3"))
    refuse_unknown_sites(found, frozenset({"KR-SEOUL"}))
    assert list(found.site_times.values()) == [found.records[-1].revision.enqueued_at]
    assert [record.event_index for record in found.records] == [0, 1, 2]
    assert len({record.revision.enqueued_at for record in found.records}) == 3

"""The sample and the contract agree: what is sound is read, what is malformed is refused."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

from infra.local.sample import SampleEvent, generate
from infra.local.sample.malformed import MALFORMED, OVERSIZED
from infra.local.sample.model import LEDGER, MALFORMED_PREFIX, PAYMENT_ORDER, Stream
from shared.sync.events.contract import Defaults
from shared.sync.model import Event, EventBatch
from shared.sync.read_batch import ReadBatch, read_batch

DAY = date(2026, 11, 23)
ARRIVAL = datetime(2026, 11, 24, 8, tzinfo=UTC)
# The fields that some producers send under another name, by stream.
ALIASED: dict[Stream, set[str]] = {
    LEDGER: {"entry_type", "event_time", "version"},
    PAYMENT_ORDER: {"version"},
}


def read(stream: Stream, events: list[SampleEvent]) -> ReadBatch:
    received = [
        Event(event.body, number, ARRIVAL, str(number), event.partition_key, event.properties)
        for number, event in enumerate(events)
    ]
    batch = EventBatch(stream, "hub", "group", "0", received)
    return read_batch(batch, Defaults("KRW", "KR-SEOUL"), timedelta(days=1))


def test_sound_events_are_read_and_malformed_ones_refused() -> None:
    events = list(generate(31, 3_000, DAY, malformed_share=0.05))
    refused: Counter[str] = Counter()
    for stream in (LEDGER, PAYMENT_ORDER):
        own = [event for event in events if event.stream == stream]
        found = read(stream, own)
        kinds = [own[rejection.event.sequence_number].kind for rejection in found.rejections]
        assert all(kind.startswith(MALFORMED_PREFIX) for kind in kinds)
        refused.update(kind.removeprefix(MALFORMED_PREFIX) for kind in kinds)
        assert found.alias_hits.keys() == ALIASED[stream]
        assert 0.01 < found.alias_hits.total() / len(found.records) < 0.08
    # Which sites there are only the database knows.
    assert refused.keys() == {kind for kind, _ in MALFORMED} - {"unknown_site"} | {OVERSIZED}
    sent = Counter(
        e.kind.removeprefix(MALFORMED_PREFIX) for e in events if e.kind.startswith(MALFORMED_PREFIX)
    )
    del sent["unknown_site"]
    assert refused == sent

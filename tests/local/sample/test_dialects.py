"""The sample in every dialect: what is sound is read, what is malformed refused, and files tell their streams."""

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from infra.local.sample import SampleReport, generate, generate_exactly
from infra.local.sample.dialects import DIALECTS, dialect_of
from infra.local.sample.lines import read_line, read_lines, write_line
from infra.local.sample.malformed import OVERSIZED, TRANSLATED
from infra.local.sample.model import LEDGER, MALFORMED_PREFIX, PAYMENT_ORDER
from shared.sync.events.contract import Defaults
from shared.sync.model import Event, EventBatch
from shared.sync.profiles.load_profile import CANONICAL, profile_names
from shared.sync.read_batch import read_batch
from tests.support.dialects import examples

DAY = date(2026, 11, 23)
ARRIVAL = datetime(2026, 11, 24, 8, tzinfo=UTC)
OTHERS = [name for name in DIALECTS if name != CANONICAL]


def test_every_profile_has_a_dialect() -> None:
    assert sorted(DIALECTS) == profile_names()
    with pytest.raises(LookupError):
        dialect_of("my-shop-v1")


@pytest.mark.parametrize("profile", OTHERS)
def test_sound_events_are_read_and_malformed_ones_refused(profile: str) -> None:
    events = list(generate(31, 2_000, DAY, malformed_share=0.08, profile=profile))
    refused: Counter[str] = Counter()
    for stream in (LEDGER, PAYMENT_ORDER):
        own = [event for event in events if event.stream == stream]
        received = [Event(e.body, number, ARRIVAL, properties=e.properties) for number, e in enumerate(own)]
        batch = EventBatch(stream, "hub", "group", "0", received)
        found = read_batch(batch, Defaults("KRW", "KR-SEOUL"), timedelta(days=1), profile)
        kinds = [own[each.event.sequence_number].kind for each in found.rejections]
        assert all(kind.startswith(MALFORMED_PREFIX) for kind in kinds)
        refused.update(kind.removeprefix(MALFORMED_PREFIX) for kind in kinds)
        assert found.unknown_fields == 0
    sent = Counter(
        e.kind.removeprefix(MALFORMED_PREFIX) for e in events if e.kind.startswith(MALFORMED_PREFIX)
    )
    # Which sites there are only the database knows.
    del sent["unknown_site"]
    assert refused == sent
    assert refused.keys() == {kind for kind, _ in TRANSLATED} - {"unknown_site"} | {OVERSIZED}


@pytest.mark.parametrize("profile", DIALECTS)
def test_a_dialect_draws_exactly_as_many_events(profile: str) -> None:
    report = SampleReport()
    assert len(list(generate_exactly(3, 700, DAY, report=report, profile=profile))) == 700 == report.sent


@pytest.mark.parametrize("profile", profile_names())
def test_bare_lines_tell_their_stream_and_key(profile: str) -> None:
    for body in examples(profile, "ledger"):
        event = read_line(json.dumps(body).encode(), profile)
        assert (event.stream, event.partition_key) == (LEDGER, "ord-1")
    for body in examples(profile, "payment_order"):
        event = read_line(json.dumps(body).encode(), profile)
        assert (event.stream, event.partition_key) == (PAYMENT_ORDER, "ord-1")


@pytest.mark.parametrize("profile", OTHERS)
def test_a_written_sample_is_read_again(tmp_path: Path, profile: str) -> None:
    events = list(generate(5, 100, DAY, profile=profile))
    file = tmp_path / "day.ndjson"
    file.write_bytes(b"".join(map(write_line, events)))
    assert [event[:4] for event in read_lines(file, profile)] == [event[:4] for event in events]

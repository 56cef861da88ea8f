import hashlib
import json
from collections import Counter
from datetime import date

from infra.local.sample import SITES, SampleReport, generate, generate_exactly
from infra.local.sample.delivery import WINDOW_ORDERS
from infra.local.sample.malformed import MALFORMED, OVERSIZED
from infra.local.sample.model import LEDGER, MALFORMED_PREFIX
from tests.support.sample_fold import FoldedState

DAY = date(2026, 11, 23)


def digest_of(seed: int, day: date = DAY) -> str:
    digest = hashlib.sha256()
    for event in generate(seed, 400, day):
        digest.update(repr(event).encode())
    return digest.hexdigest()


def test_the_same_seed_gives_the_same_bytes_in_the_same_order() -> None:
    assert digest_of(7) == digest_of(7)


def test_another_seed_or_day_gives_other_bytes() -> None:
    assert len({digest_of(7), digest_of(8), digest_of(7, date(2026, 11, 22))}) == 3


def test_the_bytes_do_not_depend_on_the_python_release() -> None:
    assert digest_of(1) == "89fddff6799d6eab7ad209eaabe3e0ef17952f203daa24de6bd27440025105d4"


def test_an_order_has_about_three_events_and_all_sites_take_part() -> None:
    report = SampleReport()
    sites = Counter(
        site.site_id
        for event in generate(3, 3_000, DAY, report=report)
        for site in SITES
        if site.site_id.encode() in event.body
    )
    assert 2.9 < report.sent / 3_000 < 3.3
    assert sites.keys() == {site.site_id for site in SITES}
    assert set(report.events) == {"ledger", "payment_order"}


def test_every_mistake_occurs_in_its_share() -> None:
    report = SampleReport()
    for _ in generate(5, 6_000, DAY, malformed_share=0.01, report=report):
        pass
    assert set(report.malformed) == {kind for kind, _ in MALFORMED} | {OVERSIZED}
    assert 0.008 < report.dead_letters / report.sent < 0.012


def test_a_day_without_malformed_events_can_be_had() -> None:
    assert all(not e.kind.startswith(MALFORMED_PREFIX) for e in generate(5, 500, DAY, malformed_share=0.0))


def test_the_report_tells_the_final_pairs() -> None:
    report = SampleReport()
    state = FoldedState(generate(11, 3_000, DAY, report=report))
    assert state.pair_states() == report.pair_states
    assert report.pair_states.total() == 3_000


def test_late_swapped_stale_repeated_and_repointed_events_occur() -> None:
    report = SampleReport()
    events = list(generate(13, 3_000, DAY, report=report))
    assert min(report.kinds[kind] for kind in ("repeated", "stale", "repointed", "top_up", "fee")) > 0
    versions: dict[str, list[int]] = {}
    for event in events:
        if event.kind in ("order", "stale") and not event.body.startswith(b'{"specversion"'):
            body = json.loads(event.body)
            version = body["source_version"] if "source_version" in body else body["version"]
            versions.setdefault(body["order_id"], []).append(version)
    assert any(seen != sorted(seen) for seen in versions.values())


def test_events_carry_versions_but_for_a_few() -> None:
    bodies = [
        json.loads(event.body)
        for event in generate(17, 2_000, DAY, malformed_share=0.0)
        if event.stream == LEDGER and not event.body.startswith(b'{"specversion"')
    ]
    bare = [body for body in bodies if "updated_at" not in body]
    assert 0 < len(bare) < len(bodies) * 0.03


def test_both_cloud_event_forms_and_correlations_are_used() -> None:
    events = list(generate(19, 500, DAY, malformed_share=0.0))
    names = {name for event in events for name in event.properties}
    assert {"cloudEvents:specversion", "cloudEvents_specversion", "traceparent", "x-correlation-id"} <= names
    assert any(event.body.startswith(b'{"specversion"') for event in events)


def test_events_under_way_stay_within_the_window() -> None:
    """What bounds the memory: no event of an order is sent after a later order that is far away."""
    orders = 20_000
    newest = 0
    for event in generate(23, orders, DAY):
        number = int(event.partition_key.split("-")[2])
        newest = max(newest, number)
        assert newest - number <= 3 * WINDOW_ORDERS


def test_exactly_the_number_of_events_asked_for() -> None:
    for wanted in (0, 1, 7, 600):
        report = SampleReport()
        assert sum(1 for _ in generate_exactly(29, wanted, DAY, report=report)) == wanted
        assert report.sent == wanted
    report = SampleReport()
    state = FoldedState(generate_exactly(29, 600, DAY, report=report))
    assert state.pair_states().total() == report.pair_states.total()

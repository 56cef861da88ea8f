"""The world is a function of the plan; and the oracle reads its events as the product does, with other code."""

from collections import Counter

from infra.local.eventhubs.routing import partition_of
from infra.local.sample.model import LEDGER, SampleEvent
from infra.local.simulate.oracle import version_of
from infra.local.simulate.plan import Options, Plan, chosen_kinds, make_plan
from infra.local.simulate.reading import Kept
from infra.local.simulate.world import POISON_EVENTS, events_of, is_poison
from tests.support.oracle import DEFAULTS
from tests.support.runtime import NOON
from tests.support.sync_events import Sent, read

PARTITIONS = 4


def small(seed: int, faults: str = "poison,reorder,repeat") -> Plan:
    return make_plan(seed, Options(minutes=0.5, rate=100, orders=20, kinds=chosen_kinds(faults)))


def kept_of(event: SampleEvent, number: int) -> Kept:
    return Kept(event.stream, "hub", "0", number, NOON, event.body, event.properties)


def test_a_plan_gives_the_same_bytes_each_time() -> None:
    assert list(events_of(small(3))) == list(events_of(small(3)))
    assert list(events_of(small(3))) != list(events_of(small(4)))


def test_exactly_as_many_events_as_planned() -> None:
    for seed in range(5):
        plan = small(seed)
        assert sum(1 for _ in events_of(plan)) == plan.events


def test_faults_in_the_events_are_where_the_plan_has_them() -> None:
    calm, plan = list(events_of(small(8, "none"))), small(8)
    events = list(events_of(plan))
    first = plan.faults[0].after_events
    assert events[:first] == calm[:first]
    assert events[first] != calm[first]
    planned = Counter(fault.kind for fault in plan.faults)
    poison = sum(is_poison(event) for event in events) - sum(is_poison(event) for event in calm)
    assert planned["poison"]
    assert abs(poison - planned["poison"] * POISON_EVENTS) <= 5, "a repetition may bring some again"


def test_the_events_of_one_key_race_on_several_partitions() -> None:
    places: dict[str, set[int]] = {}
    for event in events_of(small(2)):
        if event.kind == "tangled" and event.stream == LEDGER:
            key = kept_of(event, 1).told().body["tx_id"]
            places.setdefault(key, set()).add(partition_of(event.partition_key, PARTITIONS))
    assert sum(len(each) > 1 for each in places.values()) > len(places) / 2


def test_the_oracle_and_the_product_read_every_sound_event_alike_and_refuse_the_same() -> None:
    kinds = Counter[str]()
    for number, event in enumerate(events_of(small(6)), 1):
        batch = read(Sent(event.stream, number, event.body, "0", NOON, event.properties))
        if is_poison(event):
            # Whether a site is known, only the database can say.
            assert batch.rejections or event.kind.endswith("unknown_site"), event
            continue
        (record,) = batch.records
        version = version_of(kept_of(event, number).told(), DEFAULTS)
        assert version.digest == record.revision.digest, event
        assert (version.row["correlation_id"] or "") == record.correlation_id, event
        kinds[event.kind] += 1
    assert {"tangled", "order", "payment", "receive", "repeated"} <= kinds.keys()

"""The fast decode beside the library's own: equal batches, and what one refuses the other refuses too."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import pytest
from azure.functions.eventhub import EventHubTriggerConverter
from azure.functions.meta import Datum
from hypothesis import given
from hypothesis import strategies as st

from functions.edge.fast_decode import TRIGGER, Delivery, LateConverter, choose_decode, doubt
from functions.edge.stream import Undecoded, batch_of, prepare_decode, take
from shared.sync.model import EventBatch
from tests.support.runtime import BASE_SETTINGS, KeptTelemetry, runtime_for

ROOT = Path(__file__).resolve().parents[3]
PLACE = {"EventHubName": "hub", "ConsumerGroup": "group", "PartitionId": "3"}
USUAL = {
    "SequenceNumber": 7,
    "Offset": "512",
    "PartitionKey": "k",
    "EnqueuedTimeUtc": "2026-11-23T11:59:58.25",
}
MISSING = object()


def delivered(
    system: list[Any] | str, bodies: list[bytes] | None = None, **metadata: Any
) -> tuple[Datum, dict[str, Datum]]:
    """What the worker hands the converter; a text stands for metadata that is no list."""
    count = len(system) if isinstance(system, list) else 1
    kept = [b"{}"] * count if bodies is None else bodies
    told = {"PartitionContext": PLACE, "SystemPropertiesArray": system, **metadata}
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in told.items()}
    return Datum(SimpleNamespace(bytes=kept), "collection_bytes"), {
        name: Datum(text, "json") for name, text in texts.items()
    }


def ingested(converter: Any, data: Datum, metadata: dict[str, Datum]) -> EventBatch | None:
    """The batch as our edge makes it of what the converter gives; None where there is nothing to do."""
    events: Any = converter.decode(data, trigger_metadata=metadata)
    if not events:
        return None
    return batch_of("ledger", events) if isinstance(events, list) else events.batch("ledger")


def outcome(converter: Any, data: Datum, metadata: dict[str, Datum]) -> str:
    """Shown in full, so that 1, 1.0 and True are three things; a refusal by its kind."""
    try:
        return repr(ingested(converter, data, metadata))
    except (
        ValueError,
        TypeError,
        KeyError,
        NameError,
        AttributeError,
        AssertionError,
        RecursionError,
    ) as error:
        return f"refused: {type(error).__name__}"


def both(data: Datum, metadata: dict[str, Datum]) -> tuple[str, str]:
    return outcome(EventHubTriggerConverter, data, metadata), outcome(LateConverter, data, metadata)


moments = st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31, 23, 59, 59))  # noqa: DTZ001


@st.composite
def usual_times(draw: st.DrawFn) -> str:
    """Naive UTC, Z and offsets of nought, with and without a fraction of one to seven digits."""
    moment = draw(moments).isoformat(timespec="seconds")
    fraction = draw(st.one_of(st.just(""), st.from_regex(r"\.[0-9]{1,7}", fullmatch=True)))
    return moment + fraction + draw(st.sampled_from(["", "Z", "+00:00", "-00:00"]))


odd_times = st.one_of(
    st.sampled_from(
        [
            "", "now", "2026-11-23", "2026-11-23T11:59:60", "2026-11-23T24:00:00", "2026-02-30T00:00:00",
            "2026-11-23 11:59:58", "2026-11-23t11:59:58z", "2026-1-3T1:2:3", "11/23/2026 11:59:58Z", "2026-11-23T11:59",
            "2026-11-23T11:59:58+09:00", "2026-11-23T11:59:58,5", "2026-11-23T11:59:58.", "11/23/2026T11:59:58",
            "2026-11-23T11:59:58.1234567tail", "2026-11-23T11:59:58.12345678901+00:00", " 2026-11-23T11:59:58",
            "2026-11-23T11:59:58\n", "٢٠٢٦-11-23T11:59:58", "0000-01-01T00:00:00", "2026-W48-1T00:00:00",
            "20261123T115958",
        ]
    ),
    st.text(max_size=30),
)  # fmt: skip
odd_values = st.one_of(
    st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=5), st.just([]), st.just({"a": 1})
)
numbers = st.integers(min_value=0, max_value=2**63 - 1)
offsets = st.one_of(numbers.map(str), numbers, st.none(), st.just(MISSING))
keys = st.one_of(st.text(max_size=8), st.none(), st.just(MISSING))
odd_offsets = st.one_of(
    odd_values, st.sampled_from(["", " 12 ", "1_000", "0042", "0", "-1", "٣", "a b", "12:34\n", "9" * 5000])
)


def kept_as_text(offset: Any) -> bool:
    """Offsets that name a place without being numbers; the library refuses them."""
    if not isinstance(offset, str) or not offset.isascii() or not 0 < len(offset) <= 100:
        return False
    try:
        int(offset)
    except ValueError:
        return all("!" <= character <= "~" for character in offset)
    return False


def places(times: Any, sequence: Any, offset: Any, key: Any) -> Any:
    """System properties of one event, some of them absent, some beside them unknown."""
    fields = {"EnqueuedTimeUtc": times, "SequenceNumber": sequence, "Offset": offset, "PartitionKey": key}
    more = st.one_of(st.none(), st.integers(), st.text(max_size=5), st.just({"a": [1.5]}))
    extra = st.dictionaries(st.sampled_from(["iothub-x", "x-opt", "sequencenumber"]), more, max_size=1)
    told = st.fixed_dictionaries(fields).map(lambda d: {n: v for n, v in d.items() if v is not MISSING})
    return st.builds(lambda known, more: {**known, **more}, told, extra)


usual = places(usual_times(), numbers, offsets, keys)
odd = st.one_of(
    places(st.one_of(usual_times(), odd_times, odd_values, st.just(MISSING)), numbers, offsets, keys),
    places(usual_times(), st.one_of(odd_values, numbers.map(str), st.just(MISSING)), offsets, keys),
    places(
        usual_times(),
        numbers,
        odd_offsets.filter(lambda each: not kept_as_text(each)),
        st.one_of(keys, odd_values),
    ),
    odd_values,
)
properties = st.one_of(
    st.none(), st.dictionaries(st.text(max_size=4), st.one_of(st.integers(), st.text()), max_size=2)
)


@given(st.lists(st.tuples(usual, st.binary(max_size=4), properties), min_size=1, max_size=5), st.booleans())
def test_usual_metadata_comes_out_alike_and_never_needs_the_library(
    events: list[tuple[dict[str, Any], bytes, Any]], with_properties: bool
) -> None:
    system, bodies, own = (list(column) for column in zip(*events, strict=True))
    more = {"PropertiesArray": own} if with_properties else {}
    data, metadata = delivered(system, bodies, **more)
    library, fast = both(data, metadata)
    assert fast == library
    assert not fast.startswith("refused")
    assert len(Delivery(data, metadata)._usual()[1]) == len(events)


@given(st.lists(st.one_of(usual, odd), min_size=1, max_size=3), st.integers(-1, 1), properties)
def test_whatever_the_metadata_the_two_agree(system: list[Any], more_bodies: int, own: Any) -> None:
    bodies = [b""] * (len(system) + more_bodies)
    library, fast = both(*delivered(system, bodies, PropertiesArray=[own] * len(system)))
    assert fast == library


@pytest.mark.parametrize(
    "system",
    [
        "", "null", "{}", "[]", "[1]", "[null]", "[{}", "[{}]]", "\ufeff[{}]", '[{"SequenceNumber":NaN}]',
        '[{"SequenceNumber":1,"EnqueuedTimeUtc":"2026-11-23T11:59:58","x":NaN}]',
        '[{"SequenceNumber":1,"EnqueuedTimeUtc":"2026-11-23T11:59:58","x":"\\ud800"}]',
        '[{"SequenceNumber":1,"SequenceNumber":2,"EnqueuedTimeUtc":"2026-11-23T11:59:58"}]',
        '[{"SequenceNumber":1.0,"EnqueuedTimeUtc":"2026-11-23T11:59:58"}]',
        '[{"SequenceNumber":1e2,"EnqueuedTimeUtc":"2026-11-23T11:59:58"}]',
        '[{"SequenceNumber":-0,"EnqueuedTimeUtc":"2026-11-23T11:59:58"}]',
        '[{"SequenceNumber":1,"EnqueuedTimeUtc":"2026-11-23T11:59:58","Offset":1.0}]',
        '[{"SequenceNumber":1,"EnqueuedTimeUtc":"2026-11-23T11:59:58","PartitionKey":"\\ud800"}]',
        '[{"SequenceNumber":1,"EnqueuedTimeUtc":"2026-11-23T11:59:58","x":' + "[" * 9000 + "]" * 9000 + "}]",
    ],
    ids=lambda text: str(text[:70]),
)  # fmt: skip
def test_json_at_its_edges_is_the_same_to_both(system: str) -> None:
    library, fast = both(*delivered(system))
    assert fast == library


@pytest.mark.parametrize(
    "metadata",
    [
        {"PartitionContext": "{"},
        {"PartitionContext": {}},
        {"PartitionContext": {**PLACE, "PartitionId": 3}},
        {"PropertiesArray": "["},
        {"PropertiesArray": [{}, {}]},
        {"PropertiesArray": []},
        {"PropertiesArray": None},
        {"PropertiesArray": ["text"]},
        {"EnqueuedTimeUtcArray": "not json"},
        {"SystemProperties": {}},
    ],
    ids=str,
)
def test_the_rest_of_the_metadata_is_the_same_to_both(metadata: dict[str, Any]) -> None:
    library, fast = both(*delivered([USUAL], **metadata))
    assert fast == library


def test_other_forms_than_a_batch_of_bytes_are_decoded_by_the_library() -> None:
    _data, metadata = delivered([USUAL])
    single = {"SystemProperties": Datum("{}", "json"), "SequenceNumber": Datum(7, "int")}
    forms = [
        (Datum(SimpleNamespace(string=["{}"]), "collection_string"), metadata),
        (Datum('[{"a":1}]', "json"), metadata),
        (Datum(b"{}", "bytes"), single),
    ]
    for data, told in forms:
        decoded = LateConverter.decode(data, trigger_metadata=told)
        expected = EventHubTriggerConverter.decode(data, trigger_metadata=told)
        assert type(decoded) is type(expected)
        assert repr(decoded)[:30] == repr(expected)[:30]
    with pytest.raises(NotImplementedError):
        LateConverter.decode(Datum(b"{}", "bytes"), trigger_metadata={})


def test_the_hubs_milliseconds_and_an_offset_of_nought() -> None:
    times = ["2026-11-23T11:59:58.1239999", "2026-11-23T11:59:58.1Z", "2026-11-23T11:59:58"]
    data, metadata = delivered([{**USUAL, "EnqueuedTimeUtc": time, "Offset": "0"} for time in times])
    batch = Delivery(data, metadata).batch("ledger")
    found = [event.enqueued_at for event in batch.events]
    assert found == [datetime(2026, 11, 23, 11, 59, 58, micros, UTC) for micros in (123000, 100000, 0)]
    assert {event.offset for event in batch.events} == {""}


@pytest.mark.parametrize("offset", ["3:512:17", "1.0", "a-b", "~"])
def test_an_offset_that_is_no_number_is_kept_where_the_library_refuses_it(offset: str) -> None:
    data, metadata = delivered([USUAL, {**USUAL, "SequenceNumber": 8, "Offset": offset}])
    assert outcome(EventHubTriggerConverter, data, metadata) == "refused: ValueError"
    batch = LateConverter.decode(data, trigger_metadata=metadata).batch("ledger")
    assert [event.offset for event in batch.events] == ["512", offset]


@pytest.mark.parametrize("offset", ["", "a b", "12:34\n", "3:\x00", "é:1", "a" * 101])
def test_an_offset_that_is_no_plain_text_is_refused(offset: str) -> None:
    library, fast = both(*delivered([{**USUAL, "Offset": offset}]))
    assert fast == library == "refused: ValueError"


def test_a_delivery_goes_through_the_edge() -> None:
    """Without a database the edge fails as it does for decoded events: after it has read them."""
    data, metadata = delivered([USUAL])
    delivery: Undecoded = Delivery(data, metadata)
    assert len(delivery) == 1
    runtime = runtime_for(BASE_SETTINGS["DATABASE_URL"])
    with pytest.raises(Exception, match=r"."):
        take(runtime, "ledger", delivery)
    runtime.database.dispose()


@pytest.fixture
def registry() -> Iterator[Any]:
    """The worker's registry, left as the default setting leaves it."""
    yield func.get_binding_registry()  # type: ignore[no-untyped-call]
    choose_decode(runtime_for(BASE_SETTINGS["DATABASE_URL"]))


def test_the_setting_chooses_the_converter(registry: Any) -> None:
    for value, converter in (
        ("false", EventHubTriggerConverter),
        ("true", LateConverter),
        ("false", EventHubTriggerConverter),
    ):
        runtime = runtime_for(BASE_SETTINGS["DATABASE_URL"], EVENT_FAST_DECODE=value)
        choose_decode(runtime)
        assert registry.get(TRIGGER) is converter
        assert isinstance(runtime.telemetry, KeptTelemetry)
        told = [("start", {"event_decode": "fast", "reason": ""})] if value == "true" else []
        assert runtime.telemetry.events == told


@pytest.mark.parametrize("release", ["1.25.0", "1.27.0", "2.2.0", "2.30.0", "3.0.0", ""])
def test_another_release_of_the_library_decodes_for_itself(registry: Any, release: str) -> None:
    runtime = runtime_for(BASE_SETTINGS["DATABASE_URL"], EVENT_FAST_DECODE="true")
    choose_decode(runtime, release)
    assert registry.get(TRIGGER) is EventHubTriggerConverter
    assert isinstance(runtime.telemetry, KeptTelemetry)
    ((name, fields),) = runtime.telemetry.events
    assert (name, fields["event_decode"], bool(fields["reason"])) == ("start", "library", True)


def test_the_release_installed_here_was_compared() -> None:
    assert doubt(func.__version__, func.get_binding_registry()) == ""  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    "other",
    [
        SimpleNamespace(),
        SimpleNamespace(_bindings=None),
        SimpleNamespace(_bindings={}),
        SimpleNamespace(_bindings={TRIGGER: object}),
    ],
    ids=str,
)
def test_a_registry_of_another_shape_is_left_alone(other: Any) -> None:
    assert doubt("1.26.0", other) != ""


STRANGE_LIBRARY = """
import sys, types
import azure.functions as func
sys.modules["azure.functions.eventhub"] = types.ModuleType("azure.functions.eventhub")
from functions import register_all
from tests.support.runtime import BASE_SETTINGS, runtime_for
runtime = runtime_for(BASE_SETTINGS["DATABASE_URL"], EVENT_FAST_DECODE="true")
app = register_all(func.FunctionApp(), runtime)
((name, fields),) = runtime.telemetry.events
print(name, fields["event_decode"], bool(fields["reason"]), len(app.get_functions()) > 0)
"""


def test_a_library_without_the_parts_it_needs_does_not_stop_the_start() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STRANGE_LIBRARY],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split() == ["start", "library", "True", "True"]


@pytest.mark.parametrize(("setting", "told"), [("false", 0), ("true", 1)])
def test_the_decode_is_prepared_when_the_setting_asks_for_it(registry: Any, setting: str, told: int) -> None:
    runtime = runtime_for(BASE_SETTINGS["DATABASE_URL"], EVENT_FAST_DECODE=setting)
    prepare_decode(runtime)
    assert isinstance(runtime.telemetry, KeptTelemetry)
    assert len(runtime.telemetry.events) == told
    assert (registry.get(TRIGGER) is LateConverter) is bool(told)

"""The dialects: four shapes of one payment load to the same rows, in every envelope."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.sync.events import CONTRACTS
from shared.sync.events.contract import Stream
from shared.sync.events.times import TIME_FORMATS
from shared.sync.profiles.load_profile import CANONICAL, load_profile, profile_names
from shared.sync.read_batch import reader_of
from tests.support.dialects import DEFAULTS, code_of, examples, read_in, rows
from tests.support.steady import STEADY

STREAMS: tuple[Stream, ...] = ("ledger", "payment_order")
CLOUD_EVENT = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}
OTHERS = [name for name in profile_names() if name != CANONICAL]
MISSING, INVALID, CONFLICT = "CONTRACT_FIELD_MISSING", "CONTRACT_FIELD_INVALID", "CONTRACT_ALIAS_CONFLICT"


def changed(body: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {**body, **fields}


def camel(**fields: Any) -> dict[str, Any]:
    return changed(examples("camelcase-v1", "ledger")[0], **fields)


def transfer(**fields: Any) -> dict[str, Any]:
    return changed(examples("transfers-v1", "ledger")[0], **fields)


def change(**fields: Any) -> dict[str, Any]:
    """A change message; fields of the row."""
    (message, _) = examples("cdc-v1", "ledger")
    payload = message["payload"]
    return {"payload": {**payload, "after": {**payload["after"], **fields}}}


@pytest.mark.parametrize("profile", OTHERS)
@pytest.mark.parametrize("stream", STREAMS)
def test_every_dialect_loads_to_the_same_rows(profile: str, stream: Stream) -> None:
    wanted = rows(read_in(CANONICAL, stream, *examples(CANONICAL, stream)))
    found = read_in(profile, stream, *examples(profile, stream))
    assert rows(found) == wanted
    assert len(wanted) == (2 if stream == "ledger" else 1)
    assert found.unknown_fields == 0
    digests = [record.revision.digest for record in found.records]
    assert digests == [
        r.revision.digest for r in read_in(CANONICAL, stream, *examples(CANONICAL, stream)).records
    ]


@pytest.mark.parametrize("profile", profile_names())
@pytest.mark.parametrize("stream", STREAMS)
def test_cloud_events_carry_every_dialect(profile: str, stream: Stream) -> None:
    bodies = examples(profile, stream)
    wanted = rows(read_in(profile, stream, *bodies))
    structured = [{**CLOUD_EVENT, "data": body} for body in bodies]
    assert rows(read_in(profile, stream, *structured)) == wanted
    for prefix in ("cloudEvents:", "cloudEvents_"):
        properties = {f"{prefix}{name}": value for name, value in CLOUD_EVENT.items()}
        assert rows(read_in(profile, stream, *bodies, properties=properties)) == wanted


@pytest.mark.parametrize("profile", OTHERS)
def test_the_canonical_entry_is_no_event_of_another_dialect(profile: str) -> None:
    """Else the comparison above would compare one dialect with itself."""
    found = read_in(profile, "ledger", examples(CANONICAL, "ledger")[0])
    assert [each.error.code for each in found.rejections] != []


def test_only_plain_events_take_the_fast_way() -> None:
    has_fast_way = {
        (name, contract.stream)
        for name in profile_names()
        for contract in CONTRACTS
        if reader_of(contract.stream, DEFAULTS, name).usual is not None
    }
    assert has_fast_way == {
        (CANONICAL, "ledger"),
        (CANONICAL, "payment_order"),
        ("transfers-v1", "payment_order"),
    }


@pytest.mark.parametrize("name", ["created_at", "timestamp"])
def test_a_fast_way_passes_over_no_other_name(name: str) -> None:
    """Orders of transfers are read fast, and the fallback is still seen."""
    order = {"order_id": "o", "amount": 1, "status": "NEW", name: "2026-11-23T10:00:00Z"}
    both = {**order, "created_at": "2026-11-23T10:00:00Z", "timestamp": "2026-11-23T09:00:00Z"}
    (row, other) = rows(read_in("transfers-v1", "payment_order", order, both))
    assert row == other
    assert "2026-11-23T10:00:00" in row


@pytest.mark.parametrize("operation", ["c", "u", "r", None])
def test_a_change_is_taken(operation: str | None) -> None:
    message = change()
    message["payload"]["op"] = operation
    assert rows(read_in("cdc-v1", "ledger", message)) == rows(read_in("cdc-v1", "ledger", change()))


@pytest.mark.parametrize("operation", ["d", "t", "m", "", "C", 1, ["c"], {"c": 1}, False])
@pytest.mark.parametrize("after", [None, {"tx_id": "t-1"}])
def test_any_other_operation_is_refused_by_its_own_code(operation: object, after: object) -> None:
    for message in ({"op": operation, "after": after}, {"payload": {"op": operation, "after": after}}):
        code, field = code_of(read_in("cdc-v1", "ledger", message))
        assert code == "CONTRACT_OPERATION_UNSUPPORTED"
        assert field == ("$.op" if "op" in message else "$.payload.op")


@pytest.mark.parametrize(
    "message", [{}, {"payload": 1}, {"payload": {"op": "c", "after": None}}, {"after": [1]}]
)
def test_a_message_without_a_row_is_no_object(message: dict[str, Any]) -> None:
    assert code_of(read_in("cdc-v1", "ledger", message)) == ("CONTRACT_NOT_AN_OBJECT", "payload.after")


def test_the_revision_of_a_change_is_the_rows_else_the_sources_else_the_messages() -> None:
    def updated_at(message: dict[str, Any]) -> str:
        (record,) = read_in("cdc-v1", "ledger", message).records
        return record.revision.updated_at

    with_row = change(updated_at="2026-11-23T11:00:00Z")
    assert updated_at(with_row) == "2026-11-23T11:00:00"
    assert updated_at(change()) == "2026-11-23T10:20:35"
    message = change()
    del message["payload"]["source"]
    assert updated_at(message) == "2026-11-23T10:20:35.12"
    del message["payload"]["ts_ms"]
    assert updated_at(message) == ""


def test_the_user_of_an_entry_is_its_wallet_and_of_an_order_its_user() -> None:
    entry = read_in("camelcase-v1", "ledger", camel(userId="u-1"))
    order = read_in("camelcase-v1", "payment_order", examples("camelcase-v1", "payment_order")[0])
    assert rows(entry)[0][1] == "u-1"
    assert rows(order)[0][5] == "usr-7"


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"sender": None}, MISSING, "wallet_id"),
        ({"receiver": " "}, MISSING, "wallet_id"),
        ({"tx_id": "x" * 199}, INVALID, "tx_id"),
        ({"timestamp": 1795429234500}, INVALID, "timestamp"),
        ({"version": 1, "source_version": 2}, CONFLICT, "version"),
        ({"amount": "-1"}, INVALID, "amount"),
    ],
)
def test_a_transfer_is_refused_whole(fields: dict[str, Any], code: str, field: str) -> None:
    assert code_of(read_in("transfers-v1", "ledger", transfer(**fields))) == (code, field)


def test_a_transfer_makes_two_records_of_one_event_and_is_noticed_once() -> None:
    found = read_in(
        "transfers-v1", "ledger", transfer(source_version=3, colour="red"), transfer(tx_id="tx-2")
    )
    assert [(r.key, r.event_index) for r in found.records] == [
        ("tx-1:P", 0),
        ("tx-1:R", 0),
        ("tx-2:P", 1),
        ("tx-2:R", 1),
    ]
    assert (found.unknown_fields, dict(found.alias_hits), found.versions_missing) == (1, {"version": 1}, 1)


def test_the_type_and_sign_of_a_transfer_say_nothing() -> None:
    plain = rows(read_in("transfers-v1", "ledger", transfer()))
    assert rows(read_in("transfers-v1", "ledger", transfer(type="RECEIVE", amount_signed="-5"))) == plain


# Alias conflicts: what is compared are values, however they are written.

MOMENTS = st.integers(0, 26 * 365 * 86_400_000).map(
    lambda ms: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
)
SPELLINGS = st.sampled_from(["Z", "+00:00", "+09:00", "-03:30", ""])


def spelt(moment: datetime, zone: str) -> str:
    offsets = {"+09:00": timedelta(hours=9), "-03:30": -timedelta(hours=3, minutes=30)}
    local = (moment + offsets.get(zone, timedelta())).replace(tzinfo=None)
    return local.isoformat(timespec="milliseconds") + zone


@given(MOMENTS, MOMENTS, SPELLINGS, st.booleans())
@STEADY
def test_two_names_of_a_time_agree_exactly_when_their_instants_do(
    one: datetime, other: datetime, zone: str, same: bool
) -> None:
    second = one if same else other
    milliseconds = round(one.timestamp() * 1000)
    found = read_in("camelcase-v1", "ledger", camel(timestamp=milliseconds, eventTime=spelt(second, zone)))
    if one == second:
        assert not found.rejections
    else:
        assert code_of(found) == (CONFLICT, "event_time")


VERSIONS = st.integers(0, 2**63 - 1)


@given(
    VERSIONS,
    st.one_of(st.none(), VERSIONS),
    st.sampled_from([int, str, lambda n: f" {n} ", lambda n: f"00{n}"]),
)
@STEADY
def test_two_names_of_a_version_agree_exactly_when_their_numbers_do(
    one: int, other: int | None, write: Any
) -> None:
    second = one if other is None else other
    entry = examples(CANONICAL, "ledger")[0]
    found = read_in(CANONICAL, "ledger", changed(entry, version=one, source_version=write(second)))
    if one == second:
        assert [record.revision.version for record in found.records] == [one]
    else:
        assert code_of(found) == (CONFLICT, "version")


@given(MOMENTS, st.sampled_from([("epoch_s", 1), ("epoch_ms", 1000), ("epoch_us", 1_000_000)]), st.booleans())
@STEADY
def test_every_time_format_tells_the_same_instant(
    moment: datetime, unit: tuple[str, int], as_text: bool
) -> None:
    name, per_second = unit
    whole = moment.replace(microsecond=0) if per_second == 1 else moment
    count = round(whole.timestamp() * 1000) * per_second // 1000
    told = TIME_FORMATS[name](str(count) if as_text else count)
    assert told == TIME_FORMATS["iso8601"](spelt(whole, "Z"))


@given(st.one_of(st.floats(), st.booleans(), st.text(), st.lists(st.integers()), st.integers(), st.none()))
@STEADY
def test_an_epoch_of_any_shape_is_read_or_named(value: object) -> None:
    body = json.dumps(camel(timestamp=value)).encode()
    found = read_in("camelcase-v1", "ledger", body)
    assert len(found.records) + len(found.rejections) == 1
    assert all(each.error.code.startswith("CONTRACT_") for each in found.rejections)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("epoch_s", 1795429234, "2026-11-23T10:20:34"),
        ("epoch_s", "1795429234.5", "2026-11-23T10:20:34.5"),
        ("epoch_s", "1795429234.1234567", "2026-11-23T10:20:34.123456"),
        ("epoch_ms", 1795429234500, "2026-11-23T10:20:34.5"),
        ("epoch_us", 1795429234500001, "2026-11-23T10:20:34.500001"),
        ("epoch_ms", 0, "1970-01-01T00:00:00"),
        ("epoch_ms", " ", None),
    ],
)
def test_epochs_by_example(name: str, value: object, text: str | None) -> None:
    assert TIME_FORMATS[name](value) == text


@pytest.mark.parametrize(
    "value", [True, None, [], "x", "1e9", "2026-11-23T10:00:00Z", 10**19, "٣", "--1", "1."]
)
def test_what_is_no_epoch_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        TIME_FORMATS["epoch_ms"](value)


def test_the_canonical_profile_is_what_stands_without_a_setting() -> None:
    assert load_profile(CANONICAL).name == CANONICAL

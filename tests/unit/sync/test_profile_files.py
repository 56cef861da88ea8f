"""Profile files: what a file may say, and that each mistake in one is named with its key."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared.sync.errors import ProfileInvalid
from shared.sync.events import CONTRACTS
from shared.sync.events.contract import Defaults, Parsed
from shared.sync.events.reader import EventReader
from shared.sync.profiles.check import main
from shared.sync.profiles.load_profile import FOLDER, load_profile, profile_names, read_profile
from tests.support.dialects import examples
from tests.unit.docs.markdown import DOCS, fences

PLAIN: dict[str, Any] = {
    "name": "own-v1",
    "meaning": "for tests",
    "ledger": {"hub": "own.entries"},
    "payment_order": {"hub": "own.orders"},
}
ENTRY = {
    "tx_id": "t-1",
    "wallet_id": "w",
    "entry_type": "PAYMENT",
    "amount": 1,
    "event_time": "2026-11-23T10:00:00Z",
}
LATEST = "2026-11-24T00:00:00"


def written(folder: Path, ledger: dict[str, Any] | None = None, **keys: Any) -> Path:
    file = folder / "own-v1.json"
    document = {**PLAIN, "ledger": {**PLAIN["ledger"], **(ledger or {})}, **keys}
    file.write_text(json.dumps(document))
    return file


def entries(file: Path, body: dict[str, Any]) -> list[Parsed]:
    """The records of one ledger event with that profile."""
    reader = EventReader(CONTRACTS[0], Defaults("EUR", "S"), read_profile(file).ledger)
    return reader.read(json.dumps(body).encode(), LATEST)


def test_every_file_of_the_folder_is_a_sound_profile() -> None:
    assert profile_names() == sorted(file.stem for file in FOLDER.glob("*.json"))
    assert [load_profile(name).name for name in profile_names()] == profile_names()


def test_the_example_of_the_page_is_a_profile_and_reads_what_it_says(tmp_path: Path) -> None:
    (fence,) = [each for each in fences(DOCS / "profiles.md") if each.info == "json"]
    file = tmp_path / "my-shop-v1.json"
    file.write_text(fence.text)
    money = {"Value": "3.50", "Currency": "eur"}
    row = {"Reference": 7, "WalletId": "w", "EntryType": "d", "Money": money, "EventTime": 1795429234}
    (found,) = entries(file, {"message": {"body": row}})
    assert found.business[:6] == ("7", "w", "PAYMENT", "3.5", "", "EUR")
    assert found.business[8] == "2026-11-23T10:20:34"
    assert (found.unknown_fields, found.alias_hits) == (0, ())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"aliasses": {}}, ["aliasses", "ledger"]),
        ({"nmaes": {}}, ["nmaes", "did you mean names"]),
        ({"names": {"tx_idd": ["x"]}}, ["ledger.names.tx_idd", "tx_id"]),
        ({"fallbacks": {"colour": ["x"]}}, ["ledger.fallbacks.colour"]),
        ({"names": {"tx_id": "x"}}, ["names"]),
        ({"names": {"tx_id": ["a..b"]}}, ["names"]),
        ({"names": {"tx_id": []}}, ["ledger.names.tx_id"]),
        ({"names": {"tx_id": ["a", "a"]}}, ["ledger.names.tx_id"]),
        ({"names": {"tx_id": ["a"]}, "fallbacks": {"tx_id": ["a"]}}, ["ledger.names.tx_id"]),
        ({"hub": "no hub"}, ["hub"]),
        ({"hub": "own.orders"}, ["ledger.hub", "payment_order.hub"]),
        ({"key_case": "Title Case"}, ["key_case"]),
        ({"time_format": "unix"}, ["time_format"]),
        ({"time_formats": {"event_tme": "epoch_ms"}}, ["ledger.time_formats.event_tme"]),
        ({"time_formats": {"amount": "epoch_ms"}}, ["ledger.time_formats.amount"]),
        ({"values": {"amount": {"a": "1"}}}, ["ledger.values.amount"]),
        ({"values": {"event_time": {"a": "1"}}}, ["ledger.values.event_time"]),
        ({"values": {"currency": {"euro": "EUR"}}}, ["ledger.values.currency"]),
        ({"values": {"entry_type": {"D": " "}}}, ["ledger.values.entry_type"]),
        ({"constants": {"currency": "eur"}}, ["ledger.constants.currency", "EUR"]),
        ({"constants": {"currency": "euro"}}, ["ledger.constants.currency"]),
        ({"constants": {"tx_id": "t"}}, ["ledger.constants.tx_id"]),
        ({"envelope": ["$.after"]}, ["ledger.envelope"]),
        ({"operation": {"at": ["op"], "taken": ["c"]}}, ["ledger.operation.at"]),
        ({"operation": {"at": [], "taken": ["c"]}}, ["operation.at"]),
        ({"split": [{"suffix": ":P"}]}, ["ledger.split"]),
        ({"split": [{"suffix": ":P"}, {"suffix": ":P"}]}, ["ledger.split"]),
        (
            {"split": [{"suffix": ":P", "names": {"walet": ["a"]}}, {"suffix": ":R"}]},
            ["split[0].names.walet"],
        ),
        ({"split": [{"suffix": "", "names": {}}, {"suffix": ":R"}]}, ["suffix"]),
    ],
)
def test_a_mistake_is_named_with_file_and_key(
    tmp_path: Path, changes: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(ProfileInvalid) as caught:
        read_profile(written(tmp_path, changes))
    assert "own-v1.json" in caught.value.detail
    assert [word for word in words if word not in caught.value.detail] == []


def test_every_mistake_of_a_file_is_named_at_once(tmp_path: Path) -> None:
    file = written(tmp_path, {"names": {"tx_id": []}, "envelope": ["$.a"]}, name="other-v1")
    with pytest.raises(ProfileInvalid) as caught:
        read_profile(file)
    assert caught.value.detail.count("own-v1.json: ") == 3


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"name": "own-v1", "name": "own-v1"}', "\xff", "[" * 50_000, "null"]
)
def test_what_is_no_json_object_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "own-v1.json"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(ProfileInvalid):
        read_profile(file)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProfileInvalid):
        read_profile(tmp_path / "own-v1.json")
    with pytest.raises(ProfileInvalid):
        load_profile("../canonical-v1")


@pytest.mark.parametrize(
    ("case", "name"),
    [
        ("snake_case", "event_time"),
        ("camelCase", "eventTime"),
        ("PascalCase", "EventTime"),
        ("kebab-case", "event-time"),
        ("UPPER_CASE", "EVENT_TIME"),
    ],
)
def test_names_are_cased(tmp_path: Path, case: str, name: str) -> None:
    def cased(field: str) -> str:
        words = field.split("_")
        joined = {"snake_case": "_".join, "kebab-case": "-".join, "UPPER_CASE": lambda w: "_".join(w).upper()}
        pascal: Callable[[list[str]], str] = lambda w: "".join(map(str.capitalize, w))  # noqa: E731
        camel: Callable[[list[str]], str] = lambda w: w[0] + pascal(w[1:])  # noqa: E731
        return {**joined, "PascalCase": pascal, "camelCase": camel}[case](words)

    assert cased("event_time") == name
    body = {cased(field): value for field, value in ENTRY.items()}
    (found,) = entries(written(tmp_path, {"key_case": case}), body)
    assert found.business[:4] == ("t-1", "w", "PAYMENT", "1")
    assert found.unknown_fields == 0


@pytest.mark.parametrize(
    ("raw", "text"), [("d", "PAYMENT"), (" D ", "PAYMENT"), (1, "RECEIVE"), (True, "FEE"), ("HOLD", "HOLD")]
)
def test_words_are_mapped_and_others_pass(tmp_path: Path, raw: object, text: str) -> None:
    file = written(tmp_path, {"values": {"entry_type": {"d": "payment", "1": "RECEIVE", "true": "FEE"}}})
    (found,) = entries(file, {**ENTRY, "entry_type": raw})
    assert found.business[2] == text


def test_a_constant_stands_whatever_the_event_says(tmp_path: Path) -> None:
    file = written(tmp_path, {"constants": {"currency": "CHF"}})
    (found,) = entries(file, {**ENTRY, "currency": "EUR"})
    assert found.business[5] == "CHF"


def test_ignored_and_named_keys_are_known_and_others_are_counted(tmp_path: Path) -> None:
    file = written(tmp_path, {"ignored": ["note"], "names": {"amount": ["money.value", "amount"]}})
    (found,) = entries(file, {**ENTRY, "note": 1, "money": {"value": "1"}, "colour": 1, "size": 2})
    assert found.unknown_fields == 2


# The command.


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(arguments)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.mark.parametrize("profile", profile_names())
def test_the_check_shows_what_each_example_loads_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], profile: str
) -> None:
    events = [*examples(profile, "ledger"), *examples(profile, "payment_order")]
    sample = tmp_path / "events.ndjson"
    sample.write_text("\n".join(map(json.dumps, events)) + "\n\n")
    status, out, _ = said(capsys, profile, "--sample", str(sample), "--json")
    document = json.loads(out)
    assert (status, document["profile"], len(document["events"])) == (0, profile, len(events))
    records = [record for event in document["events"] for record in event["records"]]
    assert [record.get("tx_id") for record in records] == ["tx-1:P", "tx-1:R", None]
    assert {record["amount"] for record in records} == {"12.5"}
    assert [event["stream"] for event in document["events"]][-1] == "payment_order"


def test_the_check_names_what_does_not_load(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sample = tmp_path / "events.ndjson"
    sample.write_text(json.dumps({**ENTRY, "amount": "x"}) + '\n{"colour": 1}\nno json\n' + json.dumps(ENTRY))
    status, out, _ = said(capsys, "canonical-v1", "--sample", str(sample), "--json")
    told = [(event["line"], event.get("refused")) for event in json.loads(out)["events"]]
    assert status == 1
    assert told == [
        (1, "CONTRACT_FIELD_INVALID"),
        (2, "STREAM_UNKNOWN"),
        (3, "CONTRACT_JSON_INVALID"),
        (4, None),
    ]
    status, out, _ = said(capsys, "canonical-v1", "--sample", str(sample))
    assert (status, out.count("refused, ")) == (1, 3)


def test_the_check_refuses_a_wrong_profile_and_a_missing_sample(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(capsys, str(written(tmp_path, {"nmaes": {}})))[0] == 2
    assert said(capsys, "canonical-v9")[0] == 2
    status, out, err = said(capsys, "canonical-v1", "--sample", str(tmp_path / "none"))
    assert (status, out, "none" in err) == (2, "", True)
    assert said(capsys, str(written(tmp_path)))[0] == 0

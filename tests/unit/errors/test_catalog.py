"""The catalog and the error classes name the same codes."""

import importlib
import pkgutil
from collections import Counter
from collections.abc import Iterator

import pytest

import shared
from shared.errors.base import CounterfoilError
from shared.errors.catalog import CATALOG, CatalogEntry, entry_of
from shared.sync.errors import EventRejected, GenerationSuspect


def error_classes(base: type[CounterfoilError] = CounterfoilError) -> Iterator[type[CounterfoilError]]:
    for child in base.__subclasses__():
        yield child
        yield from error_classes(child)


@pytest.fixture(scope="module")
def classes_by_code() -> dict[str, list[type[CounterfoilError]]]:
    """The classes of the product that carry a code of their own."""
    for module in pkgutil.walk_packages(shared.__path__, "shared."):
        importlib.import_module(module.name)
    found: dict[str, list[type[CounterfoilError]]] = {}
    for each in error_classes():
        if "code" in vars(each) and each.__module__.startswith("shared."):
            found.setdefault(each.code, []).append(each)
    return found


def test_every_class_has_its_entry_and_every_entry_its_class(
    classes_by_code: dict[str, list[type[CounterfoilError]]],
) -> None:
    assert {entry.code for entry in CATALOG} == set(classes_by_code)


def test_a_code_belongs_to_one_class(classes_by_code: dict[str, list[type[CounterfoilError]]]) -> None:
    assert {code: each for code, each in classes_by_code.items() if len(each) > 1} == {}


def test_every_verdict_on_an_event_has_a_code_of_its_own() -> None:
    verdicts = list(error_classes(EventRejected))
    assert len({verdict.code for verdict in verdicts}) == len(verdicts) >= 10
    assert all(entry_of(verdict.code).http_status == 422 for verdict in verdicts)


def test_what_never_leaves_its_room_has_no_code() -> None:
    assert GenerationSuspect.code == ""


def test_codes_are_listed_once() -> None:
    counts = Counter(entry.code for entry in CATALOG)
    assert [code for code, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("entry", CATALOG, ids=lambda entry: entry.code)
def test_an_entry_is_complete(entry: CatalogEntry) -> None:
    assert entry_of(entry.code) is entry
    assert 400 <= entry.http_status <= 599
    for text in (entry.title, entry.user_text, entry.operator_text, entry.action_guide, entry.runbook):
        assert text.strip() == text != ""
    assert entry.auto_alert <= (entry.alert_level != "NONE")


def test_an_unknown_code_is_a_defect() -> None:
    with pytest.raises(KeyError):
        entry_of("NO_SUCH_CODE")

"""Registries are tuples one can read, and no file stands outside its tuple."""

import importlib
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import Table

from functions import BLUEPRINTS
from functions.edge.endpoint import Endpoint
from functions.schedule import SCHEDULE
from shared.approvals.effects import EFFECTS
from shared.approvals.kinds.kind import Kind
from shared.settings import setting_names
from shared.sync.events import CONTRACTS
from shared.sync.events.contract import Contract
from shared.tables import METADATA, ROOMS
from tests.house.sources import ROOT, Source, python_sources
from tests.house.test_arrows import is_use_case

TRIGGER_FOLDERS = ("functions/streams", "functions/http")
# Timers are declared from SCHEDULE, all in one file.
TIMERS = "functions.edge.timer"


def modules_in(folder: Path, package: str) -> set[str]:
    """The modules of a folder and the folders in it, packages themselves excepted."""
    files = [
        file.relative_to(folder).with_suffix("") for file in folder.rglob("*.py") if file.stem != "__init__"
    ]
    return {".".join((package, *file.parts)) for file in files}


def trigger_modules() -> set[str]:
    return set().union(*(modules_in(ROOT / folder, folder.replace("/", ".")) for folder in TRIGGER_FOLDERS))


def defined_in(modules: Iterable[str], kind: type) -> list[object]:
    """The module-level values of that type, also inside a module-level tuple."""
    found: list[object] = []
    for module in modules:
        for value in vars(importlib.import_module(module)).values():
            members = value if isinstance(value, tuple) else (value,)
            found += [each for each in members if isinstance(each, kind) and each not in found]
    return found


def is_duty(source: Source) -> bool:
    """A use case that needs nothing but a runtime: only a clock can be meant to call it."""
    if not is_use_case(source):
        return False
    module: ModuleType = importlib.import_module(source.module)
    code = getattr(module, source.name).__code__
    return bool(code.co_argcount + code.co_kwonlyargcount == 1)


def test_every_trigger_file_is_in_blueprints_and_nothing_else_is() -> None:
    assert sorted(blueprint.__module__ for blueprint in BLUEPRINTS) == sorted({*trigger_modules(), TIMERS})


def test_every_endpoint_is_listed_by_its_file() -> None:
    for name in sorted(module for module in trigger_modules() if module.startswith("functions.http.")):
        listed = importlib.import_module(name).ENDPOINTS
        assert defined_in([name], Endpoint) == list(listed)
        assert listed, name


def test_every_duty_file_is_in_the_schedule() -> None:
    files = [source.module for source in python_sources("shared") if is_duty(source)]
    assert sorted(duty.use_case.__module__ for duty in SCHEDULE) == sorted(files)


@pytest.mark.parametrize("duty", SCHEDULE, ids=lambda duty: duty.name)
def test_a_duty_is_named_after_its_use_case(duty: object) -> None:
    (listed,) = (each for each in SCHEDULE if each is duty)
    name = listed.use_case.__module__.rpartition(".")[2]
    assert (listed.name, listed.schedule) == (f"timer_{name}", f"{name.upper()}_SCHEDULE")
    assert listed.schedule in setting_names()


def test_every_event_contract_is_in_contracts() -> None:
    files = modules_in(ROOT / "shared/sync/events", "shared.sync.events")
    assert defined_in(sorted(files), Contract) == list(CONTRACTS)


def test_every_kind_of_approval_is_in_effects() -> None:
    files = modules_in(ROOT / "shared/approvals/kinds", "shared.approvals.kinds")
    declared = defined_in(sorted(files), Kind)
    assert {id(each) for each in declared} == {id(each) for each in EFFECTS}
    assert len({each.kind for each in EFFECTS}) == len(EFFECTS)


def test_every_tables_file_is_in_rooms_and_every_table_in_the_metadata() -> None:
    files = {source.module for source in python_sources("shared") if source.name == "tables"} - {
        "shared.tables"
    }
    assert sorted(room.__name__ for room in ROOMS) == sorted(files)
    declared = {table.name for table in defined_in(sorted(files), Table) if isinstance(table, Table)}
    assert declared == set(METADATA.tables)


def test_an_unlisted_file_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("__init__.py", "ledger.py", "deep/refunds.py", "notes.txt"):
        (tmp_path / name).touch()
    assert modules_in(tmp_path, "functions.streams") == {
        "functions.streams.ledger",
        "functions.streams.deep.refunds",
    }


def test_an_unlisted_value_would_be_found() -> None:
    contracts = defined_in(["shared.sync.events.ledger_entry", "shared.sync.events"], Contract)
    assert contracts == list(CONTRACTS)
    assert defined_in(["shared.sync.events.values"], Contract) == []


def test_a_use_case_with_arguments_is_no_duty() -> None:
    by_name = {source.name: source for source in python_sources("shared")}
    assert is_duty(by_name["watch_sync"])
    assert not is_duty(by_name["ingest_events"])
    assert not is_duty(by_name["find_transaction"])
    assert not is_duty(by_name["engine"])

"""Arrows between the parts of the product: who may import whom.

functions → use cases, runtime, errors · use case → its own room, the spine, other rooms' models and stores · spine →
stores, models, appending to the audit · store → tables and models · model → standard library and other models ·
adapters are the one place for Azure's SDKs, mail and HTTP.
"""

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import pytest

from tests.house.sources import PRODUCT, Source, python_sources

# The file names of a room that mean the same everywhere; `events` is a room's sub-registry of contracts, `profiles`
# holds the dialects in which they are spoken.
FILE_KINDS = {
    "model": "model",
    "errors": "room errors",
    "tables": "tables",
    "store": "store",
    "statements": "statements",
    "answer": "answer",
}
TOP_KINDS = {
    "function_app": "app",
    "shared": "shared",
    "shared.runtime": "runtime",
    "shared.settings": "settings",
    "shared.wiring": "wiring",
    "shared.commands": "command line",
    "shared.schema": "schema",
    "shared.database.statement": "hot statement",
    "shared.tables": "table registry",
}
# Around every request; its tables, store and duties are what they are in every room.
SPINE_ROOM = "shared.spine"
PACKAGE_KINDS = {"shared.database": "database", "shared.adapters": "adapter", "shared.errors": "errors"}

_SPINE = {
    "runtime",
    "settings",
    "errors",
    "adapter",
    "database",
    "model",
    "room errors",
    "store",
    "step",
    "spine",
}
_USE_CASE = {*_SPINE, "answer", "contract", "statements", "hot statement"}  # fmt: skip
MAY: Mapping[str, set[str]] = {
    "app": {"functions", "settings", "wiring"},
    "functions": {"functions", "runtime", "errors", "room errors", "model", "answer", "contract", "use case"},
    "shared": set(),
    "runtime": {"settings", "database", "adapter"},
    # A setting names the profile, and the profile names the hubs.
    "settings": {"errors", "room errors", "contract"},
    "wiring": {"runtime", "settings", "database", "adapter"},
    "schema": set(),
    "table registry": {"schema", "tables"},
    "errors": {"errors"},
    "database": {"database", "adapter", "settings", "errors", "hot statement"},
    # A statement as text, which knows neither engine nor session.
    "hot statement": set(),
    "adapter": {"adapter", "settings", "errors"},
    "model": {"model", "contract", "room errors"},
    # What callers see: the edge declares it, use cases make it.
    "answer": {"answer", "model", "contract", "room errors", "errors"},
    "contract": {"contract", "model", "room errors"},
    "room errors": {"errors", "model"},
    "tables": {"schema"},
    "statements": {"contract", "model", "tables", "hot statement"},
    "store": {
        "tables",
        "model",
        "statements",
        "contract",
        "room errors",
        "errors",
        "database",
        "hot statement",
    },
    "use case": _USE_CASE,
    # What stands around use cases: it opens the transaction of a read and of a write, and records both.
    "spine": _SPINE,
    # A part of a use case, or a pure helper of the room.
    "step": _USE_CASE,
    # What commands share: it starts the app as the host does. A command calls use cases as a function does.
    "command line": {"runtime", "settings", "wiring", "errors"},
    "command": {
        "command line",
        "runtime",
        "settings",
        "errors",
        "room errors",
        "model",
        "answer",
        "contract",
        "use case",
        "spine",
    },
}
# What a room may take from another; a tables file only to read (its writes are held apart by another rule).
ACROSS_ROOMS = {"model", "answer", "store", "tables", "spine"}
# Appending an entry is a step of the audit room, and every command takes it.
ACROSS_FROM_SPINE = {*ACROSS_ROOMS, "step", "room errors"}

# Packages beside the standard library. A dotted entry allows that one module or name and nothing beside it.
EXTERNAL: Mapping[str, set[str]] = {
    "app": {"azure.functions"},
    "functions": {"azure.functions", "msgspec"},
    "settings": {"msgspec"},
    "schema": {"sqlalchemy"},
    "database": {"sqlalchemy", "psycopg"},
    "contract": {"msgspec"},
    "tables": {"sqlalchemy"},
    "store": {"sqlalchemy", "psycopg"},
    # Tokens are read and checked here; the keys come through the runtime.
    "use case": {"sqlalchemy.Connection", "jwt"},
    "step": {"sqlalchemy.Connection", "jwt"},
    "spine": {"sqlalchemy.Connection", "msgspec"},
}
NETWORK = {
    "asyncio",
    "ftplib",
    "http",
    "imaplib",
    "poplib",
    "smtplib",
    "socket",
    "socketserver",
    "ssl",
    "urllib.request",
}

# Deliberate deviations, each with its reason; one that is no longer needed fails a test.
EXCEPTIONS: Mapping[tuple[str, str], str] = {
    ("shared.sync.replay_range", "shared.sync.ingest_events"): "the same ingest, one transaction per batch",
    ("shared.approvals.errors", "shared.security.errors"): "who may not decide lacks a right like any other",
    (
        "shared.approvals.kinds.chain_segment",
        "shared.audit.keys",
    ): "a boundary is signed by the audit record's keys",
    (
        "shared.audit.reading.verify_record",
        "shared.audit.verify_chain",
    ): "the same verification, with what is beside",
    ("shared.audit.segments.propose_segment", "shared.audit.verify_chain"): "what is closed is what it finds",
    ("shared.audit.publish_anchors", "shared.audit.publish_anchor"): "the same anchor, for both chains",
    ("shared.audit.archive_chains", "shared.audit.archive_month"): "the same archive, month by month",
    ("shared.audit.verify", "shared.audit.verify_files"): "it is run where there is no runtime",
    (
        "functions.edge.refused",
        "shared.spine.refusals",
    ): "the record a refusal leaves is the edge's to ask for",
    ("shared.security.admit_holder", "shared.security.authenticate"): "as every request is let in",
    ("shared.sync.ceiling", "shared.security.admit_holder"): "a command knows its caller as the API does",
    ("shared.sync.replay", "shared.security.admit_holder"): "a command knows its caller as the API does",
    ("shared.security.admin", "shared.sites.create_site"): "one command for all that access is made of",
    ("shared.security.admin", "shared.sites.list_sites"): "one command for all that access is made of",
    ("functions.edge.correlation", "shared.adapters.ids"): "the type of runtime.ids",
    ("functions.edge.paging", "shared.database.cursor"): "how long a cursor may be",
    ("functions.http.health", "shared.database.readiness"): "a use case of no room",
}


class Import(NamedTuple):
    """One imported thing: the module it comes from, and the whole name."""

    module: str
    name: str
    place: str


def imports(source: Source, modules: Mapping[str, str]) -> Iterator[Import]:
    """Everything a file imports, wherever in it; `from package import module` names the module."""
    for node in source.nodes():
        if isinstance(node, ast.Import):
            for each in node.names:
                yield Import(each.name, each.name, source.at(node))
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            for each in node.names:
                whole = f"{base}.{each.name}"
                yield Import(whole if whole in modules else base, whole, source.at(node))


def kind_of(source: Source) -> str:
    """What a file of the product is, by its place; a use case by its function of the same name that takes a runtime."""
    module = source.module
    if module in TOP_KINDS:
        return TOP_KINDS[module]
    if module.split(".")[0] == "functions":
        return "functions"
    package = ".".join(module.split(".")[:2])
    if package in PACKAGE_KINDS:
        return PACKAGE_KINDS[package]
    if is_command(source):
        return "command"
    if ".events" in module or ".profiles" in module:
        return "contract"
    if source.name in FILE_KINDS:
        return FILE_KINDS[source.name]
    if is_use_case(source):
        return "use case"
    return "spine" if package == SPINE_ROOM else "step"


def is_command(source: Source) -> bool:
    """Whether the file is run with `python -m`."""
    last = source.tree.body[-1] if source.tree.body else None
    return isinstance(last, ast.If) and ast.unparse(last.test) == "__name__ == '__main__'"


def is_use_case(source: Source) -> bool:
    for node in source.tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == source.name and node.args.args:
            annotation = node.args.args[0].annotation
            return isinstance(annotation, ast.Name) and annotation.id == "Runtime"
    return False


def room_of(module: str) -> str | None:
    parts = module.split(".")
    is_room = parts[0] == "shared" and len(parts) > 2 and ".".join(parts[:2]) not in PACKAGE_KINDS
    return parts[1] if is_room else None


def against_the_arrows(sources: Iterable[Source]) -> list[str]:
    """What each file imports and must not, one sentence each."""
    sources = list(sources)
    kinds = {source.module: kind_of(source) for source in sources}
    found: list[str] = []
    for source in sources:
        for each in imports(source, kinds):
            if (source.module, each.module) in EXCEPTIONS:
                continue
            if reason := _refusal(source.module, kinds[source.module], each, kinds):
                found.append(f"{each.place}: {kinds[source.module]} imports {each.name}: {reason}")
    return found


def _refusal(module: str, kind: str, wanted: Import, kinds: Mapping[str, str]) -> str:
    if wanted.module not in kinds:
        return _refusal_outside(kind, wanted)
    target = kinds[wanted.module]
    if target not in MAY[kind]:
        return f"a {kind} may not import a {target}"
    own, other = room_of(module), room_of(wanted.module)
    across = ACROSS_FROM_SPINE if kind == "spine" else ACROSS_ROOMS
    if own and other and own != other and target not in across:
        return f"the {target} of another room"
    return ""


def _refusal_outside(kind: str, wanted: Import) -> str:
    top = wanted.module.split(".")[0]
    if top in ("infra", "tests", "migrations", "functions", "shared", "function_app", ""):
        return "not a part the product may import"
    if kind == "adapter":
        return "triggers belong to functions" if wanted.name.startswith("azure.functions") else ""
    if top in sys.stdlib_module_names:
        names = {wanted.module, wanted.name, top}
        return "the network belongs to adapters" if names & NETWORK else ""
    allowed = EXTERNAL.get(kind, set())
    if any(
        wanted.module == name or wanted.module.startswith(f"{name}.") or wanted.name == name
        for name in allowed
    ):
        return ""
    return f"a {kind} may not use {top}"


def test_the_arrows_hold() -> None:
    assert against_the_arrows(python_sources(*PRODUCT)) == []


def test_every_exception_is_needed() -> None:
    sources = python_sources(*PRODUCT)
    modules = {source.module: "" for source in sources}
    used = {(source.module, each.module) for source in sources for each in imports(source, modules)}
    assert set(EXCEPTIONS) - used == set()


COMMAND = "\n\ndef main() -> int: ...\n\n\nif __name__ == '__main__':\n    main()\n"
USE_CASE = "from shared.runtime import Runtime\n\n\ndef pay(runtime: Runtime) -> None: ...\n"
ROOM = {
    "shared/runtime.py": "",
    "shared/money/pay.py": USE_CASE,
    "shared/money/count.py": "",
    "shared/money/store.py": "",
    "shared/money/model.py": "",
    "shared/audit/store.py": "",
    "shared/audit/model.py": "",
    "shared/audit/errors.py": "",
    "shared/audit/append.py": "",
    "shared/spine/model.py": "",
    "shared/spine/reads.py": "",
    "shared/spine/store.py": "",
    "shared/adapters/clock.py": "",
    "shared/settings.py": "",
    "shared/wiring.py": "",
    "shared/commands.py": "",
    "functions/http/money.py": "",
}


def tree(path: str, text: str) -> list[Source]:
    """A small product, with that text at the end of one file."""
    files = {**ROOM, path: ROOM.get(path, "") + text}
    return [Source(name, content) for name, content in files.items()]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("functions/http/money.py", "from shared.money.store import insert"),
        ("functions/http/money.py", "from shared.money import store"),
        ("functions/http/money.py", "import sqlalchemy"),
        ("functions/http/money.py", "from psycopg import connect"),
        ("functions/http/money.py", "from shared.adapters.clock import Clock"),
        ("functions/http/money.py", "from infra.local.host import worker"),
        ("functions/http/money.py", "def f() -> None:\n    import shared.money.store"),
        ("functions/edge/other.py", "from shared.money.count import total"),
        ("shared/money/pay.py", "from azure.identity import DefaultAzureCredential"),
        ("shared/money/pay.py", "import azure.functions as func"),
        ("shared/money/pay.py", "import smtplib"),
        ("shared/money/pay.py", "from http.client import HTTPSConnection"),
        ("shared/money/pay.py", "from urllib import request"),
        ("shared/money/pay.py", "import httpx"),
        ("shared/money/pay.py", "from sqlalchemy import text"),
        ("shared/money/pay.py", "from shared.audit.errors import Forked"),
        ("shared/money/pay.py", "from functions.http import money"),
        ("shared/audit/write.py", "from shared.money.pay import pay"),
        ("shared/money/count.py", "from shared.money.pay import pay"),
        ("shared/money/store.py", "from shared.runtime import Runtime"),
        ("shared/money/store.py", "from shared.adapters.clock import Clock"),
        ("shared/money/store.py", "from shared.money.pay import pay"),
        ("shared/money/store.py", "from shared.settings import Settings"),
        ("shared/money/model.py", "import sqlalchemy"),
        ("shared/money/model.py", "from shared.money.store import row"),
        ("shared/money/model.py", "from shared.runtime import Runtime"),
        ("shared/adapters/clock.py", "import azure.functions"),
        ("shared/adapters/clock.py", "from shared.money.model import Coin"),
        ("shared/settings.py", "from infra import local"),
        ("shared/money/paying.py", f"from shared.money.store import row{COMMAND}"),
        ("shared/money/paying.py", f"import sqlalchemy{COMMAND}"),
        ("shared/money/count.py", "from shared.wiring import build_runtime"),
        ("shared/money/pay.py", "from .store import row"),
        ("shared/spine/reads.py", "from shared.money.pay import pay"),
        ("shared/spine/reads.py", "from functions.http import money"),
        ("shared/spine/reads.py", "import sqlalchemy"),
        ("shared/spine/model.py", "from shared.spine.reads import read"),
        ("shared/money/store.py", "from shared.spine.reads import read"),
        ("functions/http/money.py", "from shared.spine.reads import read"),
        ("functions/http/money.py", "from shared.spine.store import row"),
    ],
)  # fmt: skip
def test_an_arrow_the_wrong_way_is_found(path: str, line: str) -> None:
    assert len(against_the_arrows(tree(path, line))) == 1


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("functions/http/money.py", "from shared.money.pay import pay\nimport azure.functions as func"),
        ("shared/money/pay.py", "from shared.money import store\nfrom shared.audit import store as audit"),
        ("shared/money/pay.py", "from sqlalchemy import Connection\nfrom shared.adapters.clock import Clock"),
        ("shared/money/store.py", "from sqlalchemy import text\nfrom shared.audit.model import Entry"),
        (
            "shared/money/pay.py",
            "from shared.spine.reads import read\nfrom shared.spine.model import Context",
        ),
        ("shared/spine/reads.py", "from shared.audit.append import append\nfrom shared.spine import store"),
        ("functions/http/money.py", "from shared.spine.model import Context"),
        ("shared/money/model.py", "from dataclasses import dataclass\nfrom shared.audit.model import Entry"),
        ("shared/adapters/clock.py", "import smtplib\nfrom azure.identity import DefaultAzureCredential"),
        (
            "shared/money/paying.py",
            f"from shared.commands import run_command\nfrom shared.money.pay import pay{COMMAND}",
        ),
    ],
)
def test_an_arrow_the_right_way_passes(path: str, line: str) -> None:
    assert against_the_arrows(tree(path, line)) == []

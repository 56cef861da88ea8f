"""SQL stands in stores and their statements only, and a room writes only its own tables."""

import ast
import importlib
import re
from collections.abc import Iterator

import pytest
from sqlalchemy import Table

from shared.sync.store import STATEMENTS
from shared.tables import METADATA, ROOMS
from tests.house.sources import PRODUCT, Source, python_sources
from tests.house.test_arrows import room_of

SPEAKERS = {"store", "statements"}
# Places of no room: one asks whether a migration has been there, one calls a session's own routines.
ALSO = {"shared/database/readiness.py", "shared/database/statement.py"}

_SQL = re.compile(
    r"(?:^|\n)\s*(?:SELECT\s|WITH\s+\w+\s+AS\s|INSERT\s+INTO\s|UPDATE\s+\w+\s|DELETE\s+FROM\s|MERGE\s+INTO\s|TRUNCATE\s"
    r"|CREATE\s+(?:TABLE|INDEX|FUNCTION|ROLE|TEMP)|ALTER\s+(?:TABLE|ROLE)|DROP\s+TABLE|LOCK\s+TABLE|COPY\s+\w+)"
)
_WRITE = re.compile(
    r"\b(?:INSERT\s+INTO|DELETE\s+FROM|MERGE\s+INTO|TRUNCATE(?:\s+TABLE)?|COPY"
    r"|(?<!FOR )(?<!DO )UPDATE)\s+(?:ONLY\s+)?(\w+|\{\})"
)
_CORE_WRITES = {"insert", "update", "delete"}


def texts(source: Source) -> Iterator[tuple[ast.AST, str]]:
    """Every text of a file except docstrings; a placeholder of an f-string is shown as {}."""
    docs = {id(node.value) for node in source.nodes() if isinstance(node, ast.Expr)}
    inner: set[int] = set()
    for node in source.nodes():
        if isinstance(node, ast.JoinedStr):
            inner.update(id(part) for part in node.values)
            yield node, "".join(str(p.value) if isinstance(p, ast.Constant) else "{}" for p in node.values)
        elif (
            isinstance(node, ast.Constant) and isinstance(node.value, str) and not {id(node)} & (docs | inner)
        ):
            yield node, node.value


def misplaced_sql(source: Source) -> list[str]:
    """SQL outside the places where it belongs."""
    if source.name in SPEAKERS or source.path in ALSO:
        return []
    return [f"{source.at(node)}: {text.strip()[:40]}" for node, text in texts(source) if _SQL.search(text)]


def written_tables(source: Source) -> list[tuple[str, str]]:
    """Place and table of every write; {} is a table given by a placeholder."""
    found = [(source.at(node), table) for node, text in texts(source) for table in _WRITE.findall(text)]
    for node in source.nodes():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _CORE_WRITES:
            found.append((source.at(node), ast.unparse(node.args[0]) if node.args else ""))
    return found


def tables_of(room: str) -> set[str]:
    """The tables a room declares."""
    modules = {each.__name__: each for each in ROOMS}
    declared = vars(modules.get(f"shared.{room}.tables", object)).values()
    return {each.name for each in declared if isinstance(each, Table)}


def foreign_writes(source: Source) -> list[str]:
    """Writes to tables of another room; a placeholder may stand only in statements.py, whose result is read below."""
    own = tables_of(room_of(source.module) or "")
    allowed = own | {"{}"} if source.name == "statements" else own
    return [f"{place} writes {table}" for place, table in written_tables(source) if table not in allowed]


def ended_transactions(source: Source) -> list[str]:
    """Commits and rollbacks: the database layer ends a transaction, whoever opened it."""
    return [
        f"{source.at(node)}: {node.func.attr}"
        for node in source.nodes()
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("commit", "rollback", "begin")
        and not source.path.startswith("shared/database/")
    ]


def test_only_the_database_layer_begins_and_ends_transactions() -> None:
    assert [finding for source in python_sources(*PRODUCT) for finding in ended_transactions(source)] == []


@pytest.mark.parametrize(
    "line", ["connection.commit()", "with connection.begin():\n    pass", "engine.rollback()"]
)
def test_a_transaction_ended_elsewhere_is_found(line: str) -> None:
    assert len(ended_transactions(Source("shared/pairing/store.py", line))) == 1
    assert ended_transactions(Source("shared/database/database.py", line)) == []


def test_only_stores_say_sql() -> None:
    assert [finding for source in python_sources(*PRODUCT) for finding in misplaced_sql(source)] == []


def test_a_room_writes_only_its_own_tables() -> None:
    speakers = [source for source in python_sources("shared") if source.name in SPEAKERS]
    assert [finding for source in speakers for finding in foreign_writes(source)] == []
    writes = {table for source in speakers for _, table in written_tables(source)}
    assert {"dead_letters", "pairs", "outbox", "stream_positions", "{}"} <= writes


def test_the_built_statements_write_only_the_sync_rooms_tables() -> None:
    written = {
        table
        for built in STATEMENTS.values()
        for table in _WRITE.findall(built.upsert + built.upsert_one + built.classify)
    }
    assert written == {"ledger_entries", "payment_orders", "applied_records"}
    assert written <= tables_of("sync")


def test_every_table_has_one_owner() -> None:
    rooms = [tables_of(room.__name__.split(".")[1]) for room in ROOMS]
    assert sum(map(len, rooms)) == len(set().union(*rooms)) == len(METADATA.tables)
    assert all(importlib.import_module(room.__name__) is room for room in ROOMS)


@pytest.mark.parametrize(
    "text",
    [
        'query = "SELECT 1"',
        'query = f"""\n    WITH touched AS (SELECT {x})"""',
        "run('UPDATE pairs SET state = 1')",
        "run('delete')\nrun('''\n  DELETE FROM pairs''')",
        "run('CREATE TABLE x ()')",
    ],
)
def test_sql_in_a_use_case_is_found(text: str) -> None:
    assert len(misplaced_sql(Source("shared/pairing/repair.py", text))) == 1
    assert misplaced_sql(Source("shared/pairing/store.py", text)) == []


@pytest.mark.parametrize(
    "text", ['"""SELECT what you like."""', "x = 'Select a site'", "x = 'Update the field'"]
)
def test_a_sentence_is_not_sql(text: str) -> None:
    assert misplaced_sql(Source("functions/http/tx.py", text)) == []


@pytest.mark.parametrize(
    ("room", "text", "findings"),
    [
        ("pairing", "q = 'INSERT INTO pairs (a) SELECT 1 ON CONFLICT DO UPDATE SET a = 1'", 0),
        ("pairing", "q = 'SELECT 1 FROM ledger_entries FOR UPDATE SKIP LOCKED'", 0),
        ("pairing", "q = 'INSERT INTO ledger_entries AS e (a) VALUES (1)'", 1),
        ("pairing", "q = 'UPDATE ledger_entries SET a = 1'", 1),
        ("pairing", "q = '''WITH x AS (\n  DELETE FROM ONLY outbox RETURNING 1) SELECT 1'''", 1),
        ("pairing", "q = f'INSERT INTO {table} (a) VALUES (1)'", 1),
        ("pairing", "connection.execute(insert(ledger_entries))", 1),
        ("pairing", "connection.execute(update(pairs))", 0),
        ("alerts", "q = 'TRUNCATE pairs'", 1),
        ("nowhere", "q = 'INSERT INTO pairs (a) VALUES (1)'", 1),
    ],
)
def test_a_write_to_another_rooms_table_is_found(room: str, text: str, findings: int) -> None:
    assert len(foreign_writes(Source(f"shared/{room}/store.py", text))) == findings

"""The tables of the data model: who owns which, what it is for, and what the database refuses in it."""

import re
from collections.abc import Iterator

from sqlalchemy import CheckConstraint, Table

from infra.local.docs.data_model import room_of
from infra.local.docs.tables import codes, markdown_table
from shared.tables import METADATA

_ROW = re.compile(r"^\| `([^`]+)` \| .*? \| .*? \| (.*) \|$", re.MULTILINE)


def _tables() -> list[Table]:
    return sorted(METADATA.tables.values(), key=lambda table: (room_of(table), table.name))


def purposes_table(current: str) -> str:
    """One row per table; what it is for is kept from the page. Raises LookupError where nobody has written it."""
    purposes = dict(_ROW.findall(current))
    if missing := [table.name for table in _tables() if not purposes.get(table.name, "").strip()]:
        raise LookupError(f"write what {', '.join(missing)} is for into the table of docs/data-model.md")
    rows = [
        (
            f"`{table.name}`",
            f"`shared/{room_of(table)}/`",
            _key(table),
            purposes[table.name].replace(r"\|", "|"),
        )
        for table in _tables()
    ]
    return markdown_table(("table", "owner", "key", "what it is for"), rows)


def _key(table: Table) -> str:
    return codes(column.name for column in table.primary_key.columns) or "none: append-only"


def invariants_list() -> str:
    """What the database itself refuses, table by table."""
    parts = []
    for table in _tables():
        rows = [(f"`{name}`", f"`{rule}`") for name, rule in _rules(table)]
        if rows:
            parts.append(f"### `{table.name}`\n\n{markdown_table(('constraint', 'holds'), rows)}")
    return "\n\n".join(parts)


def _rules(table: Table) -> Iterator[tuple[str, str]]:
    for index in sorted(table.indexes, key=lambda each: str(each.name)):
        if index.unique:
            yield str(index.name), f"unique ({', '.join(column.name for column in index.columns)})"
    for key in sorted(table.foreign_key_constraints, key=lambda each: str(each.name)):
        yield str(key.name), f"{', '.join(key.column_keys)} is in {key.referred_table.name}"
    checks = [each for each in table.constraints if isinstance(each, CheckConstraint)]
    for check in sorted(checks, key=lambda each: str(each.name)):
        yield str(check.name), str(check.sqltext)

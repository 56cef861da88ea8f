"""Every SQL statement a page tells an operator to run works, as the role the page runs it as."""

import re
from typing import Any, NamedTuple

import psycopg
import pytest

from infra.local.stack.psql import ROLES
from tests.unit.docs.markdown import ROOT, commands, pages

_PSQL = re.compile(r'make psql (?:ROLE=(\w+) )?SQL="([^"]+)"')


class Told(NamedTuple):
    """A statement and the role it is run as, the auditor unless named."""

    page: str
    role: str
    statement: str


def told() -> list[Told]:
    return [
        Told(page.relative_to(ROOT).as_posix(), role or "auditor", statement)
        for page in pages()
        for line in commands(page)
        for role, statement in _PSQL.findall(line)
    ]


@pytest.mark.parametrize("each", told(), ids=lambda each: f"{each.page}-{each.statement[:40]}")
def test_a_statement_works(owner: psycopg.Connection[Any], each: Told) -> None:
    assert each.role in ROLES
    if each.role != "postgres":
        owner.execute(f"SET ROLE counterfoil_{each.role}")  # a role of the list above
    cursor = owner.execute(each.statement)  # the text of a page of ours
    assert cursor.description


def test_there_are_some_and_none_changes_anything() -> None:
    assert len(told()) > 10
    assert all(re.match(r"(?i)select\b", each.statement) for each in told())

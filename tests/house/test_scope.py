"""A caller's sites enter a WHERE clause in one way: stores never compare the site column with a value of their own."""

import ast
import re

import pytest

from shared.database.scope import scope_values, site_condition
from shared.security.model import EVERYTHING, NOTHING, Scope
from tests.house.sources import Source, python_sources
from tests.house.test_sql import SPEAKERS, texts

# The rooms that answer callers. Events, pairs and their watches are the system's own work, and see every site.
ROOMS = ("approvals", "audit", "corrections", "lookup", "security", "sites")
# A comparison with a parameter or a literal; the site of one row beside that of another is no question of scope.
_COMPARED = re.compile(
    r"\bsite_id\b(?:\s*::\s*\w+)?\s*(?:=|<>|!=|<|>|~|(?:NOT\s+)?(?:IN|LIKE)\b|IS\s+(?:NOT\s+)?DISTINCT\s+FROM)"
    r"\s*(?:(?:ANY|ALL)\b\s*)?\(*\s*(?:%\(|%s|:\w|'|\$\d)",
    re.IGNORECASE,
)
# Reads of one site's own rows, which stand in no other room.
_SITE_TABLES = re.compile(
    r"\bFROM\s+(approvals|corrections|audit_entries|access_records|ledger_entries|payment_orders|pairs|sites"
    r"|principals|grants)\b"
)
# The sites' own key: beside the scope, behind a lock that was taken with it, and where a page goes on.
KEYS = {"shared/sites/store.py": 3}
# Who reads past every scope, and why that discloses nothing.
UNSCOPED = {
    "shared/audit/access/store.py": "seals, archives and partitions take every record",
    "shared/audit/segments/store.py": "a boundary lies between entries, whoever they are of",
    "shared/audit/store.py": "the chain is one: it is verified whole or not at all",
    "shared/security/store.py": "who calls is found before its scope is known",
}


def compared_sites(source: Source) -> list[str]:
    """Every comparison of a site column that is written out."""
    return [source.at(node) for node, text in texts(source) for _ in _COMPARED.findall(text)]


def reads_without_scope(source: Source) -> bool:
    """Whether a store reads rows that belong to sites and never asks for the scope."""
    reads = any(_SITE_TABLES.search(text) for _, text in texts(source))
    asks = any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == site_condition.__name__
        for node in source.nodes()
    )
    return reads and not asks


def stores() -> list[Source]:
    places = tuple(f"shared/{room}" for room in ROOMS)
    return [source for source in python_sources(*places) if source.name in SPEAKERS]


def test_the_site_column_is_compared_by_the_scope_alone() -> None:
    found = {source.path: len(compared_sites(source)) for source in stores() if compared_sites(source)}
    assert found == KEYS


def test_every_store_that_reads_sites_rows_asks_for_the_scope() -> None:
    assert {source.path for source in stores() if reads_without_scope(source)} == set(UNSCOPED)


def test_every_room_is_looked_at() -> None:
    assert {source.path.split("/")[1] for source in stores()} == set(ROOMS)


@pytest.mark.parametrize(
    "condition",
    [
        "site_id = %(site)s",
        "e.site_id = ANY (%(sites)s)",
        "site_id=ANY(%s)",
        "site_id::text = %(site)s",
        "site_id IN ('KR-SEOUL')",
        "site_id NOT IN (:one)",
        "site_id <> 'KR-SEOUL'",
        "site_id IS NOT DISTINCT FROM %(site)s",
        "site_id LIKE 'KR-%%'",
    ],
)
def test_a_comparison_of_its_own_is_found(condition: str) -> None:
    for text in (f"q = 'SELECT 1 FROM pairs WHERE {condition}'", f"q = f'SELECT 1 WHERE {condition} {{x}}'"):
        source = Source("shared/lookup/store.py", text.replace("''", "'"))
        if "'KR" in condition:
            source = Source("shared/lookup/store.py", f'q = "SELECT 1 FROM pairs WHERE {condition}"')
        assert len(compared_sites(source)) == 1


@pytest.mark.parametrize(
    "text",
    ["q = 'SELECT site_id FROM pairs'", "q = 'WHERE o.site_id = e.site_id'", "q = 'site_id IS NOT NULL'"],
)
def test_what_is_no_question_of_scope_passes(text: str) -> None:
    assert compared_sites(Source("shared/lookup/store.py", text)) == []


def test_a_read_without_the_scope_is_found() -> None:
    read = "q = 'SELECT 1 FROM pairs'"
    assert reads_without_scope(Source("shared/lookup/store.py", read))
    assert not reads_without_scope(Source("shared/lookup/store.py", f"{read}\nw = site_condition('site_id')"))
    assert not reads_without_scope(Source("shared/lookup/store.py", "q = 'SELECT 1 FROM roles'"))


def test_the_condition_and_its_values_belong_together() -> None:
    names = set(re.findall(r"%\((\w+)\)s", site_condition("o.site_id", "asked")))
    assert names == scope_values(EVERYTHING, "asked").keys()
    assert scope_values(NOTHING) == {"scope_all": False, "scope_sites": []}
    assert scope_values(Scope(frozenset({"b", "a"}))) == {"scope_all": False, "scope_sites": ["a", "b"]}

"""A folder of the test's own, and an environment without any setting of the app."""

from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from infra.local.stack.layout import Layout
from shared.settings import setting_names
from tests.support.postgres import ClonedDatabase


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*setting_names(), "MIGRATOR_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    folder = tmp_path / "local"
    folder.mkdir()
    return Layout(folder)


@pytest.fixture
def empty(database: ClonedDatabase, owner: psycopg.Connection[Any]) -> ClonedDatabase:
    """A database that belongs to the migrator and has no tables."""
    owner.execute("DROP OWNED BY counterfoil_migrator")
    statement = sql.SQL("ALTER DATABASE {} OWNER TO counterfoil_migrator")
    owner.execute(statement.format(sql.Identifier(database.name)))
    return database

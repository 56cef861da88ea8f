"""Preparing a database: roles, migrations, sites, and data another version wrote."""

from pathlib import Path
from typing import Any

import psycopg
import pytest

from infra.local.postgres.claims import free_port
from infra.local.postgres.server import LocalPostgres
from infra.local.sample.sites import SITES
from infra.local.stack.credentials import Credentials
from infra.local.stack.database import insert_sites, migrate, pending_migrations, prepare_server, url_of
from infra.local.stack.errors import StackError
from infra.local.stack.layout import ROOT, Layout
from tests.support.migrated import libpq, migrator_url
from tests.support.postgres import ClonedDatabase

MIGRATIONS = len(list((ROOT / "migrations" / "versions").glob("[!_]*.py")))


def test_migrations_are_counted_and_applied_one_by_one(empty: ClonedDatabase) -> None:
    url = migrator_url(empty.url)
    assert pending_migrations(url) == MIGRATIONS > 0
    applied: list[str] = []
    migrate(url, lambda: applied.append("one"))
    assert len(applied) == MIGRATIONS
    assert pending_migrations(url) == 0
    migrate(url, lambda: applied.append("another"))
    assert len(applied) == MIGRATIONS


def test_data_of_a_newer_version_are_refused(
    database: ClonedDatabase, owner: psycopg.Connection[Any]
) -> None:
    owner.execute("UPDATE alembic_version SET version_num = 'from_the_future'")
    with pytest.raises(StackError):
        pending_migrations(migrator_url(database.url))
    with pytest.raises(StackError):
        migrate(migrator_url(database.url), lambda: None)


@pytest.mark.parametrize("url", ["nonsense", "postgresql+nothing://a:b@127.0.0.1/c"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(StackError):
        pending_migrations(url)


def test_a_database_that_is_away_is_refused_in_one_line() -> None:
    with pytest.raises(StackError) as refused:
        pending_migrations(url_of("app", "secret-password", free_port()))
    assert "\n" not in str(refused.value)
    assert "secret-password" not in str(refused.value)


def test_sites_of_the_sample_are_added_and_those_that_stand_are_left_alone(
    database_url: str, owner: psycopg.Connection[Any]
) -> None:
    first, *others = SITES
    owner.execute("DELETE FROM sites")
    owner.execute(
        "INSERT INTO sites (site_id, name, time_zone, is_active) VALUES (%s, 'Renamed', 'UTC', false)",
        [first.site_id],
    )
    insert_sites(database_url)
    insert_sites(database_url)
    found = owner.execute("SELECT site_id, name, is_active FROM sites").fetchall()
    expected = {(first.site_id, "Renamed", False), *((site.site_id, site.name, True) for site in others)}
    assert set(found) == expected
    assert len(found) == len(SITES)


def test_a_server_is_prepared_once_and_gets_new_passwords(layout: Layout, tmp_path: Path) -> None:
    credentials = Credentials.load(layout)
    server = LocalPostgres(tmp_path / "postgres", notice=lambda _sentence: None)
    try:
        server.start(fsync="off")
        port, password_file = server.port, server.password_file
        for _ in range(2):
            prepare_server(port, password_file, credentials)
        changed = Credentials("m", "a-new-password", "b", "r", "c", "d")
        prepare_server(port, password_file, changed)
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(libpq(url_of("app", credentials.app, port)))
        with psycopg.connect(libpq(url_of("app", changed.app, port))) as connection:
            found = connection.execute(
                "SELECT current_database(), current_user, pg_get_userbyid(datdba) FROM pg_database"
                " WHERE datname = current_database()"
            ).fetchone()
    finally:
        server.destroy()
    assert found == ("counterfoil", "counterfoil_app", "counterfoil_migrator")

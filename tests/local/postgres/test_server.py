"""The life of a local server: begin, serve, stop, crash, recover."""

import os
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, text

from infra.local.postgres import LocalPostgres, LocalPostgresError
from infra.local.postgres.account import AccountKind, choose_account


def available_accounts() -> list[AccountKind]:
    """Every way in which the current user can run a server on this machine."""
    if os.geteuid() != 0:
        return ["plain"]
    kinds: list[AccountKind] = []
    for kind in ("namespace", "nobody"):
        try:
            kinds.append(choose_account(kind).kind)
        except LocalPostgresError:
            continue
    return kinds


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPostgres]:
    """A started server; a test that stops it starts it again."""
    local = LocalPostgres(tmp_path_factory.mktemp("server") / "postgres")
    local.start()
    yield local
    local.destroy()


def ask(local: LocalPostgres, question: str) -> object:
    with psycopg.connect(local.dsn(), autocommit=True) as connection:
        row = connection.execute(question.encode()).fetchone()
    assert row is not None
    return row[0]


def do(local: LocalPostgres, statement: str) -> None:
    with psycopg.connect(local.dsn(), autocommit=True) as connection:
        connection.execute(statement.encode())


def wait_until_stopped(local: LocalPostgres) -> None:
    deadline = time.monotonic() + 10
    while local.is_running():
        assert time.monotonic() < deadline, "the killed server is still there"
        time.sleep(0.02)


def test_it_answers_over_libpq_and_sqlalchemy(server: LocalPostgres) -> None:
    engine = create_engine(server.url())
    with engine.connect() as connection:
        assert connection.execute(text("SELECT current_user")).scalar_one() == "postgres"
    engine.dispose()
    assert ask(server, "SELECT inet_server_port()") == server.port


def test_it_is_safe_by_default(server: LocalPostgres) -> None:
    for setting, value in {
        "fsync": "on",
        "data_checksums": "on",
        "TimeZone": "UTC",
        "server_encoding": "UTF8",
        "listen_addresses": "127.0.0.1",
        "password_encryption": "scram-sha-256",
    }.items():
        assert ask(server, f"SHOW {setting}") == value


def test_the_password_is_private_and_needed(server: LocalPostgres) -> None:
    assert stat.S_IMODE(server.password_file.stat().st_mode) == 0o600
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.dsn(password="wrong"))


def test_the_unix_socket_also_needs_the_password(server: LocalPostgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(host=str(server.socket_folder), port=server.port, user="postgres", dbname="postgres")


def test_strange_characters_survive_in_the_url(server: LocalPostgres) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("CREATE ROLE \"odd/name\" LOGIN PASSWORD 'p@ss:w/rd %'")
        connection.execute('CREATE DATABASE "odd name"')
    engine = create_engine(server.url("odd name", "odd/name", "p@ss:w/rd %"))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT current_database()")).scalar_one() == "odd name"
    engine.dispose()


def test_data_and_settings_after_stop_and_start(server: LocalPostgres) -> None:
    do(server, "CREATE TABLE kept AS SELECT 7 AS number")
    server.stop()
    assert not server.is_running()
    assert server.pid is None
    server.start(application_name="it's quoted")
    assert ask(server, "SELECT number FROM kept") == 7
    assert ask(server, "SELECT reset_val FROM pg_settings WHERE name = 'application_name'") == "it's quoted"


def test_it_recovers_after_a_kill(server: LocalPostgres) -> None:
    do(server, "CREATE TABLE committed AS SELECT 11 AS number")
    killed = server.pid
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    wait_until_stopped(server)
    server.start()
    assert server.pid != killed
    assert ask(server, "SELECT number FROM committed") == 11


def test_a_new_owner_replaces_a_server_left_behind(server: LocalPostgres) -> None:
    left_behind = server.pid
    server.release()
    with LocalPostgres(server.home) as second:
        assert second.pid not in (None, left_behind)
        assert ask(second, "SELECT 1") == 1
    server.start()


def test_two_owners_at_once_are_refused(server: LocalPostgres) -> None:
    with pytest.raises(
        LocalPostgresError, match=r"Another process already runs PostgreSQL on .*stop that one"
    ):
        LocalPostgres(server.home).start()
    with pytest.raises(LocalPostgresError, match="Another process already"):
        LocalPostgres(server.home).destroy()
    assert ask(server, "SELECT 1") == 1


def test_a_busy_port_is_named(server: LocalPostgres, tmp_path: Path) -> None:
    other = LocalPostgres(tmp_path / "postgres", port=server.port)
    with pytest.raises(LocalPostgresError, match=f"Port {server.port} on 127.0.0.1 is busy: stop"):
        other.start()
    assert not other.is_running()
    other.destroy()


def test_a_wrong_setting_is_quoted_from_the_log(server: LocalPostgres) -> None:
    with pytest.raises(LocalPostgresError, match=r"did not start: .*shared_bufers.*server\.log"):
        server.start(shared_bufers="1MB")
    server.start()
    assert ask(server, "SELECT 1") == 1


@pytest.mark.parametrize("kind", available_accounts())
def test_every_available_account_can_run_it(kind: AccountKind, tmp_path: Path) -> None:
    told: list[str] = []
    local = LocalPostgres(tmp_path / "postgres", account=kind, notice=told.append).start()
    try:
        assert ask(local, "SELECT 1") == 1
        assert (local.cluster / "PG_VERSION").stat().st_uid == choose_account(kind).owner
        assert bool(told) == (local.home != tmp_path / "postgres")
    finally:
        local.destroy()
    assert not local.home.exists()

"""The files behind the containers, as far as they can be tried without containers."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from infra.local.postgres import LocalPostgres
from tests.support.processes import ROOT

FOLDER = ROOT / "infra" / "local"
COMPOSE = (FOLDER / "compose.yaml").read_text()
GUIDE = (ROOT / "docs" / "core-tools.md").read_text()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPostgres]:
    """A server initialised by the same scripts as the container, in their order."""
    local = LocalPostgres(tmp_path_factory.mktemp("compose") / "postgres")
    local.start()
    with psycopg.connect(local.dsn(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE counterfoil")
    for script in (ROOT / "migrations" / "roles.sql", FOLDER / "compose" / "logins.sql"):
        with psycopg.connect(local.dsn("counterfoil"), autocommit=True) as connection:
            connection.execute(script.read_bytes())
    yield local
    local.destroy()


def test_the_emulator_gets_the_hubs_the_app_needs() -> None:
    config = json.loads((FOLDER / "compose" / "eventhubs.json").read_text())["UserConfig"]
    (namespace,) = config["NamespaceConfig"]
    # The emulator accepts one namespace of this name, counts as strings, and no explicit $default group.
    assert (namespace["Type"], namespace["Name"]) == ("EventHub", "emulatorNs1")
    hubs = {hub["Name"]: hub for hub in namespace["Entities"]}
    assert set(hubs) == {"ledger.entry.upserted", "payment.order.upserted", "ops.commands"}
    for hub in hubs.values():
        assert hub["PartitionCount"] == "4"
        assert [group["Name"] for group in hub["ConsumerGroups"]] == ["counterfoil", "replay"]


@pytest.mark.parametrize("role", ["migrator", "app"])
def test_the_logins_of_the_guide_work(server: LocalPostgres, role: str) -> None:
    found = re.search(rf"postgresql\+psycopg://(counterfoil_{role}):([^@]+)@127\.0\.0\.1:5432/(\w+)", GUIDE)
    assert found is not None
    user, password, database = found.groups()
    with psycopg.connect(server.dsn(database, user=user, password=password)) as connection:
        assert connection.execute("SELECT current_user").fetchone() == (user,)


def test_only_the_migrator_may_create_tables(server: LocalPostgres) -> None:
    migrator = server.dsn("counterfoil", user="counterfoil_migrator", password="local-migrator")
    with psycopg.connect(migrator) as connection:
        connection.execute("CREATE TABLE tried (id integer)")
        connection.rollback()
    app = server.dsn("counterfoil", user="counterfoil_app", password="local-app")
    with (
        psycopg.connect(app) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("CREATE TABLE tried (id integer)")


def test_every_mounted_file_exists() -> None:
    mounted = re.findall(r"- (\.[^:]+):/", COMPOSE)
    assert len(mounted) == 3
    for path in mounted:
        assert (FOLDER / path).is_file(), path


def test_every_port_is_open_on_loopback_only() -> None:
    ports = re.findall(r'- "([^"]+:\d+)"', COMPOSE)
    assert len(ports) == 6
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_images_are_pinned() -> None:
    images = re.findall(r"image: (\S+)", COMPOSE)
    assert len(images) == 4
    assert all(re.search(r":\d[\d.]*$", image) for image in images)


def test_the_guide_names_the_files_it_needs() -> None:
    for path in ("infra/local/compose.yaml", "local.settings.sample.json"):
        assert path in GUIDE
    assert Path(ROOT / "infra/local/compose.yaml").is_file()

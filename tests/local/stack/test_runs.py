"""Runs in processes of their own: what stops one before anything is made, and servers that are somebody else's."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.sample.model import LEDGER
from infra.local.stack.layout import Layout
from tests.support.acceptance import HUBS, Target
from tests.support.acceptance_events import Payment
from tests.support.eventhubs import LocalEventHubs, local_event_hubs
from tests.support.migrated import app_url, migrator_url
from tests.support.postgres import ClonedDatabase
from tests.support.stack import LocalStack, run_command
from tests.support.stack_processes import eventually, free_port_row


def files_in(layout: Layout) -> set[str]:
    return {path.name for path in layout.folder.iterdir()}


def test_a_busy_port_stops_the_run_before_anything_is_made(layout: Layout) -> None:
    first = free_port_row()
    with socket.create_server(("127.0.0.1", first + 3)):
        ended = run_command(layout.folder, "run", "--port", str(first))
    assert ended.returncode == 1
    assert str(first + 3) in ended.stderr
    assert "Traceback" not in ended.stderr
    assert files_in(layout) == {"lock"}


def test_data_of_another_version_stop_the_run_and_are_not_touched(layout: Layout) -> None:
    for file in (layout.state_file, layout.credentials):
        file.write_text(json.dumps({"format": 99, "secret": "of the other version"}))
    ended = run_command(layout.folder, "run", "--port", "0")
    assert ended.returncode == 1
    assert str(layout.folder) in ended.stderr
    assert "Traceback" not in ended.stderr
    assert files_in(layout) == {"lock", "stack.json", "credentials.json"}
    for file in (layout.state_file, layout.credentials):
        assert json.loads(file.read_text())["secret"] == "of the other version"


def test_a_fresh_run_removes_data_of_another_version(layout: Layout) -> None:
    layout.state_file.write_text('{"format": 99}')
    layout.event_hubs.mkdir()
    # A wrong setting ends the run as soon as it has begun.
    wrong = {"EVENT_DEFAULT_CURRENCY": "euro"}
    ended = run_command(layout.folder, "run", "--port", "0", "--fresh", environment=wrong)
    assert ended.returncode == 1
    assert "EVENT_DEFAULT_CURRENCY" in ended.stderr
    assert files_in(layout) == {"lock", "stack.json", "credentials.json", "secrets", "audit-public-key.pem"}


def test_a_database_without_tables_needs_its_owner(layout: Layout, empty: ClonedDatabase) -> None:
    ended = run_command(
        layout.folder, "run", "--port", "0", "--events", "0", environment={"DATABASE_URL": app_url(empty)}
    )
    assert ended.returncode == 1
    assert "MIGRATOR_DATABASE_URL" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[LocalEventHubs]:
    with local_event_hubs(tmp_path / "broker", dict.fromkeys(HUBS.values(), 2)) as running:
        yield running


@pytest.fixture
def on_others(tmp_path: Path, empty: ClonedDatabase, broker: LocalEventHubs) -> Iterator[LocalStack]:
    """A stack on a database and hubs that are not its own."""
    environment = {
        "DATABASE_URL": app_url(empty),
        "MIGRATOR_DATABASE_URL": migrator_url(empty.url),
        "EventHubs": broker.connection_string,
    }
    stack = LocalStack(tmp_path / "stack", events=0, environment=environment)
    try:
        stack.start()
        stack.wait_ready()
        yield stack
    finally:
        stack.close()


def test_servers_of_the_environment_are_used_and_none_of_its_own_starts(
    on_others: LocalStack, empty: ClonedDatabase, broker: LocalEventHubs
) -> None:
    layout = on_others.layout
    assert on_others.state.postgres_port == 0
    assert not layout.postgres.exists()
    assert not layout.event_hubs.exists()
    assert {path.stem for path in layout.logs.iterdir()} == {"identity", "sinks", "host"}
    assert layout.connection.read_text().strip() == broker.connection_string

    target = Target.of_stack(on_others)
    assert target.database_url == app_url(empty)
    payment = Payment()
    target.publish(LEDGER, [payment.entry("PAYMENT")], payment.order_id)
    eventually(
        lambda: target.found(f"tx/{payment.tx_id('PAYMENT')}"), "the event is taken", lambda: on_others.output
    )

    for command in ("run", "psql"):
        more = ["--port", "0"] if command == "run" else []
        refused = run_command(layout.folder, command, *more)
        assert refused.returncode == 1
        assert "Traceback" not in refused.stderr
    assert target.get("health/ready", token="").status_code == 200
    on_others.interrupt()
    assert on_others.wait() == 0
    assert on_others.left_over() == set()

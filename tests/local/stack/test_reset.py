"""Removing the stored data, wherever it lies."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.postgres.claims import FolderLock
from infra.local.postgres.server import LocalPostgres
from infra.local.stack.claims import exclusive
from infra.local.stack.errors import StackError
from infra.local.stack.layout import Layout, State
from infra.local.stack.reset import reset


def fill(layout: Layout) -> None:
    """One file in every place a run writes to."""
    for folder in (layout.event_hubs, layout.identity, layout.host, layout.sinks, layout.logs):
        folder.mkdir()
        (folder / "file").touch()
    for file in (layout.settings, layout.connection, layout.token, layout.credentials, layout.telemetry):
        file.touch()
    State(fed="done").write(layout)


def server_of(layout: Layout) -> LocalPostgres:
    return LocalPostgres(layout.postgres, notice=lambda _sentence: None)


def test_everything_stored_is_removed_and_measurements_are_kept(layout: Layout) -> None:
    fill(layout)
    layout.postgres.mkdir()
    (layout.folder / "bench").mkdir()
    removed = reset(layout)
    assert {path.name for path in layout.folder.iterdir()} == {"bench", "lock"}
    assert set(removed) >= {layout.event_hubs, layout.postgres, layout.credentials, layout.state_file}
    assert State.read(layout) == State()
    assert reset(layout) == []


def test_there_is_nothing_to_remove_where_nothing_was_made(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "none")
    assert reset(layout) == []
    assert not layout.folder.exists()


def test_data_of_another_version_can_be_removed(layout: Layout) -> None:
    layout.state_file.write_text('{"format": -1}')
    assert reset(layout) == [layout.state_file]


def test_nothing_is_removed_while_it_runs(layout: Layout) -> None:
    fill(layout)
    with exclusive(layout):
        with pytest.raises(StackError):
            reset(layout)
        assert (layout.event_hubs / "file").exists()


def test_a_server_that_was_left_running_is_stopped_and_its_data_removed(layout: Layout) -> None:
    with server_of(layout) as server:
        assert server.is_running()
        server.release()
        assert server.home in reset(layout)
        assert not server.is_running()
        assert not server.home.exists()


def test_data_another_process_looks_after_is_left_alone(layout: Layout) -> None:
    home = server_of(layout).home
    (home / "cluster").mkdir(parents=True)
    lock = FolderLock(home)
    lock.take()
    with pytest.raises(StackError):
        reset(layout)
    assert (home / "cluster").exists()
    lock.release()
    assert reset(layout) == [home]


@pytest.fixture
def without_namespaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """As on a machine where root can only lend PostgreSQL the unprivileged account: the closed folder's name."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with tempfile.TemporaryDirectory() as programs:
        Path(programs).chmod(0o755)
        (Path(programs) / "true").symlink_to(str(shutil.which("true")))
        monkeypatch.setenv("PATH", programs)
        yield closed
        shutil.rmtree(server_of(Layout(closed / "local")).home, ignore_errors=True)


def test_data_placed_where_the_servers_account_can_reach_it_are_removed_too(without_namespaces: Path) -> None:
    layout = Layout(without_namespaces / "local")
    layout.folder.mkdir()
    home = server_of(layout).home
    # Only root's server needs a place of its own.
    assert (home == layout.postgres) == (os.geteuid() != 0)
    home.mkdir()
    (home / "cluster").mkdir()
    assert reset(layout) == [home]
    assert not home.exists()

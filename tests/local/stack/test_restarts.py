"""A host that ends is started again, as the platform does; one that does not stay up ends the run."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from infra.local.stack.errors import StackError
from infra.local.stack.layout import Layout, Ports
from infra.local.stack.stack import RESTARTS_MAX, Stack
from tests.support.acceptance import HUBS
from tests.support.eventhubs import local_event_hubs
from tests.support.migrated import app_url, migrator_url
from tests.support.postgres import ClonedDatabase
from tests.support.stack_processes import Process, eventually, process_tree


@pytest.fixture
def stack(
    layout: Layout, tmp_path: Path, empty: ClonedDatabase, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stack]:
    """Issuer, sinks and host of this process; database and hubs are others'."""
    with local_event_hubs(tmp_path / "broker", dict.fromkeys(HUBS.values(), 2)) as broker:
        monkeypatch.setenv("DATABASE_URL", app_url(empty))
        monkeypatch.setenv("MIGRATOR_DATABASE_URL", migrator_url(empty.url))
        monkeypatch.setenv("EventHubs", broker.connection_string)
        stack = Stack(layout, Ports.from_first(0), lambda: False)
        try:
            stack.start(lambda _name: None, lambda _count: None)
            yield stack
        finally:
            stack.stop()


def host_of(layout: Layout) -> Process | None:
    """The one that runs now; other tests of this process may have hosts of their own."""
    for process in process_tree(os.getpid()):
        line = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        if b"\0infra.local.host\0" in line and str(layout.folder).encode() in line:
            return process
    return None


def kill_host(layout: Layout) -> Process:
    host = host_of(layout)
    assert host is not None
    host.kill()
    eventually(lambda: not host.runs(), "the host is gone")
    return host


def watch_until(stack: Stack, said: list[str], count: int) -> None:
    """The kernel hands a killed process over a moment after it is gone, so look more than once."""

    def look() -> bool:
        stack.watch(said.append)
        return len(said) == count

    eventually(look, f"restart {count}")


def test_a_host_that_does_not_stay_up_is_given_up(stack: Stack, layout: Layout) -> None:
    said: list[str] = []
    stack.watch(said.append)
    assert said == []
    killed = set()
    for number in range(1, RESTARTS_MAX + 1):
        killed.add(kill_host(layout))
        watch_until(stack, said, number)
        assert httpx.get(f"{stack.url}/api/health/live").status_code == 200
    killed.add(kill_host(layout))
    assert len(killed) == RESTARTS_MAX + 1
    with pytest.raises(StackError):
        watch_until(stack, said, RESTARTS_MAX + 1)
    assert len(said) == RESTARTS_MAX
    assert host_of(layout) is None

"""One stack per folder, and commands that need a running one."""

import pytest

from infra.local.stack.claims import exclusive, running_state
from infra.local.stack.errors import StackError
from infra.local.stack.layout import Layout, State
from infra.local.stack.psql import psql

RUNNING = State(fed="done", pid=4321, url="http://127.0.0.1:7071", postgres_port=7074)


def test_a_second_run_on_a_folder_is_refused_and_told_of_the_first(layout: Layout) -> None:
    with exclusive(layout):
        RUNNING.write(layout)
        with pytest.raises(StackError) as refused, exclusive(layout):
            pass
    assert "4321" in str(refused.value)
    assert RUNNING.url in str(refused.value)
    with exclusive(layout):
        pass


def test_folders_do_not_disturb_each_other(layout: Layout) -> None:
    other = Layout(layout.folder / "deeper" / "other")
    with exclusive(layout), exclusive(other):
        assert other.lock.exists()


def test_the_state_is_read_only_while_a_run_holds_the_folder(layout: Layout) -> None:
    with pytest.raises(StackError):
        running_state(layout)
    RUNNING.write(layout)
    with pytest.raises(StackError):
        running_state(layout)
    with exclusive(layout):
        assert running_state(layout) == RUNNING
        assert running_state(layout) == RUNNING
    with pytest.raises(StackError):
        running_state(layout)


def test_psql_needs_a_running_stack_with_its_own_database(layout: Layout) -> None:
    with pytest.raises(StackError):
        psql(layout, "auditor", "SELECT 1")
    with exclusive(layout):
        State(fed="done", pid=1, url="http://127.0.0.1:1", postgres_port=0).write(layout)
        with pytest.raises(StackError, match="DATABASE_URL"):
            psql(layout, "auditor", "SELECT 1")

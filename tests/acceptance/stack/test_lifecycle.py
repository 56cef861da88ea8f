"""How a run ends and how the next one goes on: kill, Ctrl-C, a wrong setting, a part that dies."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path

import pytest

from infra.local.sample import generate_exactly
from infra.local.stack.layout import State
from tests.support.acceptance import Target
from tests.support.acceptance_rows import check_rows
from tests.support.stack import LocalStack
from tests.support.stack_processes import eventually, free_port_row, is_free
from tests.support.stack_sending import finish, sending, write_events

PORTS = 8
EVENTS = 60
SECOND_START_SECONDS = 60
NewStack = Callable[..., LocalStack]


@pytest.fixture
def new_stack(tmp_path: Path) -> Iterator[NewStack]:
    """Makes a stack of the test's own, ended and removed afterwards."""
    made: list[LocalStack] = []

    def make(*, events: int, port: int = 0, environment: Mapping[str, str] | None = None) -> LocalStack:
        made.append(LocalStack(tmp_path / "local", events=events, port=port, environment=environment))
        made[-1].start()
        return made[-1]

    yield make
    for stack in made:
        stack.close()


def kill_and_start_again(stack: LocalStack) -> None:
    """SIGKILL to the runner: its parts notice and stop; then the next run on the same folder."""
    assert len(stack.processes()) > PORTS
    stack.kill()
    eventually(lambda: not stack.left_over(), "every part stops by itself", lambda: str(stack.left_over()))
    began = time.monotonic()
    stack.start()
    stack.wait_ready()
    assert time.monotonic() - began < SECOND_START_SECONDS


def test_a_killed_run_leaves_no_process_the_next_one_goes_on_and_ctrl_c_ends_it(
    new_stack: NewStack, tmp_path: Path
) -> None:
    first = free_port_row(PORTS)
    stack = new_stack(events=EVENTS, port=first)
    stack.wait_ready()
    target = Target.of_stack(stack)
    fed = target.outcomes()
    path = stack.commands()[0][0].partition("/api/")[2]

    kill_and_start_again(stack)
    assert target.outcomes() == fed, "the sample was fed again"
    assert fed.received == EVENTS
    assert target.get(path).raise_for_status().json()["pairing_status"] == "COMPLETE"

    events = list(generate_exactly(14, 3_000, date(2024, 5, 6)))
    with sending(stack, write_events(tmp_path / "events.ndjson", events)) as process:
        eventually(lambda: target.outcomes().received > EVENTS, "the first events are taken")
        kill_and_start_again(stack)
        # The sender was never stopped: the hubs came back at the same place.
        assert finish(process) == 0
    # What was under way may have been sent twice.
    assert target.outcomes().received >= EVENTS + len(events)
    check_rows(target, events)
    check_ctrl_c(stack, first)


def check_ctrl_c(stack: LocalStack, first: int) -> None:
    """It stops everything, with status 0, and frees the ports."""
    ports = range(first, first + PORTS)
    assert stack.url == f"http://127.0.0.1:{first}"
    assert not any(map(is_free, ports))
    stack.interrupt()
    assert stack.wait() == 0
    assert stack.left_over() == set()
    assert all(map(is_free, ports))
    assert State.read(stack.layout) == State(fed="done")


def test_ctrl_c_while_it_starts_stops_what_has_started(new_stack: NewStack) -> None:
    stack = new_stack(events=0)
    eventually(lambda: len(stack.processes()) > 2, "the first parts start")
    stack.interrupt()
    assert stack.wait() == 0
    assert stack.left_over() == set()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("EVENT_DEFAULT_CURRENCY", "euro"),
        ("EVENT_DEFAULT_CURENCY", "EUR"),
    ],
)
def test_a_wrong_setting_stops_the_start_and_is_named(new_stack: NewStack, setting: str, value: str) -> None:
    stack = new_stack(events=0, environment={setting: value})
    assert stack.wait() == 1
    assert setting in stack.output
    assert "Traceback" not in stack.output
    assert stack.left_over() == set()
    assert State.read(stack.layout) == State()


def test_a_database_that_dies_stops_everything(new_stack: NewStack) -> None:
    stack = new_stack(events=0)
    stack.wait_ready()
    stack.part("postgres").kill()
    assert stack.wait() == 1
    assert stack.left_over() == set()

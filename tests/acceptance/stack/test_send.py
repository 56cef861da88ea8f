"""Sending a file of events: through a host that dies meanwhile, and stopped by the person who sends."""

import signal
from datetime import date
from pathlib import Path

import pytest

from infra.local.sample import generate_exactly
from tests.support.acceptance import Target
from tests.support.acceptance_rows import check_rows
from tests.support.stack import LocalStack
from tests.support.stack_processes import eventually, is_connected
from tests.support.stack_sending import finish, sending, write_events


@pytest.fixture(scope="module")
def own(stack: LocalStack) -> Target:
    return Target.of_stack(stack)


def test_a_killed_host_comes_back_and_every_event_is_accounted_for(
    stack: LocalStack, own: Target, tmp_path: Path
) -> None:
    events = list(generate_exactly(11, 5_000, date(2024, 4, 2)))
    before = own.outcomes()
    with sending(stack, write_events(tmp_path / "events.ndjson", events)) as process:
        eventually(lambda: own.outcomes().received > before.received, "the first events are taken")
        host = stack.part("host")
        host.kill()
        assert own.outcomes().received < before.received + len(events), "the host was killed too late"
        assert finish(process) == 0
    assert stack.part("host") != host
    eventually(lambda: own.get("health/ready", token="").status_code == 200, "the host answers again")
    assert own.outcomes().received == before.received + len(events)
    check_rows(own, events)


def test_ctrl_c_ends_a_send_though_the_broker_is_frozen(
    stack: LocalStack, own: Target, tmp_path: Path
) -> None:
    file = write_events(tmp_path / "events.ndjson", list(generate_exactly(13, 600, date(2024, 4, 4))))
    port = int(own.connection.partition("sb://127.0.0.1:")[2].partition(";")[0])
    broker = stack.part("eventhubs")
    broker.send_signal(signal.SIGSTOP)
    try:
        with sending(stack, file) as process:
            eventually(lambda: is_connected(process.pid, port), "it waits for the broker")
            process.send_signal(signal.SIGINT)
            assert finish(process) == 1
    finally:
        broker.send_signal(signal.SIGCONT)

"""Parts: their announcement, their last words, and those that do not behave."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.foreground import process_alive
from infra.local.stack.errors import StackError
from infra.local.stack.parts import LOG_BYTES_MAX, Part, PartSpec, StackCancelled

MODULE = "tests.support.stack_part"


def spec(mode: str, *more: str, environment: dict[str, str] | None = None) -> PartSpec:
    return PartSpec("The part", MODULE, (mode, *more), environment or {}, ready_seconds=60, stop_seconds=0.3)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Part]]:
    """The parts of a test, all ended afterwards."""
    parts: list[Part] = []
    yield parts
    for part in parts:
        part.stop()


def start(started: list[Part], logs: Path, wanted: PartSpec) -> Part:
    part = Part(wanted, logs)
    started.append(part)
    part.start()
    return part


def test_a_part_announces_itself_and_stops_when_told(started: list[Part], tmp_path: Path) -> None:
    part = start(started, tmp_path / "logs", spec("serve"))
    ready, pid = part.wait_ready(lambda: False), part.pid
    assert (ready["port"], ready["pid"]) == (4711, pid)
    assert part.ended() is None
    assert part.log_file.name == "stack_part.log"
    part.stop()
    assert not process_alive(pid)
    part.stop()


def test_a_parts_own_variables_win_and_blank_ones_are_not_inherited(
    started: list[Part], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTERFOIL_TEST_VALUE", "inherited")
    for environment, expected in (({}, "inherited"), ({"COUNTERFOIL_TEST_VALUE": "own"}, "own")):
        part = start(started, tmp_path, spec("serve", "COUNTERFOIL_TEST_VALUE", environment=environment))
        assert part.wait_ready(lambda: False)["value"] == expected
    monkeypatch.setenv("COUNTERFOIL_TEST_VALUE", "")
    part = start(started, tmp_path, spec("serve", "COUNTERFOIL_TEST_VALUE"))
    assert part.wait_ready(lambda: False)["value"] is None


def test_a_part_that_refuses_is_quoted(started: list[Part], tmp_path: Path) -> None:
    part = start(started, tmp_path, spec("refuse"))
    with pytest.raises(StackError, match="The part has no wish to start"):
        part.wait_ready(lambda: False)
    assert part.last_words() == "The part has no wish to start."
    assert "3" in str(part.ended())


def test_a_part_that_never_announces_itself_is_given_up(started: list[Part], tmp_path: Path) -> None:
    quick = PartSpec("The part", MODULE, ("dumb",), ready_seconds=0.5, stop_seconds=0.3)
    part = start(started, tmp_path, quick)
    with pytest.raises(StackError, match=str(part.log_file)):
        part.wait_ready(lambda: False)
    assert part.ended() is None


def test_waiting_for_a_part_ends_when_the_person_asks_to_stop(started: list[Part], tmp_path: Path) -> None:
    part = start(started, tmp_path, spec("dumb"))
    with pytest.raises(StackCancelled):
        part.wait_ready(lambda: True)


def test_a_stubborn_part_is_killed(started: list[Part], tmp_path: Path) -> None:
    part = start(started, tmp_path, spec("stubborn"))
    part.wait_ready(lambda: False)
    pid = part.pid
    began = time.monotonic()
    part.stop()
    assert time.monotonic() - began >= 0.3
    assert not process_alive(pid)


def test_how_a_part_ended_is_known(started: list[Part], tmp_path: Path) -> None:
    part = start(started, tmp_path, spec("stubborn"))
    part.wait_ready(lambda: False)
    os.kill(part.pid, 9)
    while part.ended() is None:
        time.sleep(0.01)
    assert "SIGKILL" in str(part.ended())


def test_a_log_goes_on_over_starts_and_is_set_aside_when_it_is_large(
    started: list[Part], tmp_path: Path
) -> None:
    for _ in range(2):
        part = start(started, tmp_path, spec("refuse"))
        with pytest.raises(StackError):
            part.wait_ready(lambda: False)
    assert part.log_file.read_text().count("refuse begins") == 2
    with part.log_file.open("a") as log:
        log.truncate(LOG_BYTES_MAX + 1)
    part = start(started, tmp_path, spec("refuse"))
    with pytest.raises(StackError):
        part.wait_ready(lambda: False)
    assert part.log_file.read_text().count("refuse begins") == 1
    assert part.log_file.with_suffix(".log.1").stat().st_size == LOG_BYTES_MAX + 1


def test_an_empty_log_is_pointed_to(tmp_path: Path) -> None:
    part = Part(spec("serve"), tmp_path)
    part.log_file.touch()
    assert str(part.log_file) in part.last_words()
    with pytest.raises(RuntimeError):
        _ = part.pid
    part.stop()

"""Ports, the remembered state and private files."""

import json
import socket
from dataclasses import astuple
from pathlib import Path

import pytest

from infra.local.stack.errors import StackError
from infra.local.stack.layout import FORMAT, Layout, Ports, State, read_private_json, write_private


def test_one_number_moves_all_ports() -> None:
    assert astuple(Ports.from_first(7071)) == tuple(range(7071, 7079))
    assert Ports.from_first(7071).http == 7071


def test_zero_lets_every_part_choose() -> None:
    assert set(astuple(Ports.from_first(0))) == {0}


@pytest.mark.parametrize("first", [-1, 65_529, 70_000])
def test_ports_that_do_not_exist_are_refused(first: int) -> None:
    with pytest.raises(StackError):
        Ports.from_first(first)


@pytest.mark.parametrize("first", [1, 65_528])
def test_the_first_and_the_last_row_of_ports_are_taken(first: int) -> None:
    assert astuple(Ports.from_first(first))[-1] == first + 7


def test_a_busy_port_is_refused_and_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StackError, match=str(port)):
            Ports(0, 0, 0, port, 0, 0, 0, 0).refuse_busy()
    Ports(0, 0, 0, port, 0, 0, 0, 0).refuse_busy()


def test_nothing_is_remembered_before_the_first_run(layout: Layout) -> None:
    assert State.read(layout) == State(format=FORMAT, fed="", pid=0, url="", postgres_port=0)


def test_what_was_written_is_read(layout: Layout) -> None:
    state = State(fed="done", pid=12, url="http://127.0.0.1:7071", postgres_port=7074)
    state.write(layout)
    assert State.read(layout) == state


def test_a_field_of_a_later_version_does_no_harm(layout: Layout) -> None:
    layout.state_file.write_text(json.dumps({"format": FORMAT, "fed": "done", "colour": "green"}))
    assert State.read(layout) == State(fed="done")


@pytest.mark.parametrize(
    "content",
    ['{"format": 0}', f'{{"format": {FORMAT + 1}, "fed": "done"}}', "{}", "[1]", '"text"', '{"format": ', ""],
)
def test_a_state_of_another_version_is_refused(layout: Layout, content: str) -> None:
    layout.state_file.write_text(content)
    with pytest.raises(StackError):
        State.read(layout)


def test_private_files_are_their_owners_alone_from_the_beginning(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    write_private(path, "one")
    write_private(path, "two")
    assert path.read_text() == "two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["secret"]


@pytest.mark.parametrize(("content", "found"), [('{"a": 1}', {"a": 1}), ("[1]", {}), ("{", {}), ("", {})])
def test_a_damaged_file_of_ours_counts_as_empty(tmp_path: Path, content: str, found: object) -> None:
    path = tmp_path / "file.json"
    path.write_text(content)
    assert read_private_json(path) == found


def test_a_missing_file_of_ours_counts_as_empty(tmp_path: Path) -> None:
    assert read_private_json(tmp_path / "none.json") == {}

"""Sending a file: every line is looked at before anything is published."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from infra.local.stack.errors import StackError
from infra.local.stack.layout import Layout
from infra.local.stack.send import send
from shared.errors.base import CounterfoilError
from shared.sync.errors import ProfileInvalid
from shared.sync.profiles.load_profile import profile_names
from tests.support.acceptance_events import Payment
from tests.support.dialects import examples

SOUND = Payment().entry("PAYMENT")


def written(folder: Path, *lines: bytes) -> Path:
    file = folder / "events.ndjson"
    file.write_bytes(b"\n".join(lines))
    return file


def test_a_dry_run_counts_and_needs_no_stack(layout: Layout, tmp_path: Path) -> None:
    wrapped = json.dumps({"stream": "ledger", "body": "not even JSON"}).encode()
    file = written(tmp_path, SOUND, b"", Payment().order("SETTLED"), wrapped)
    console = Console(record=True, width=200)
    assert send(layout, file, console, dry_run=True) == 0
    assert console.export_text().split()[0] == "3"
    assert list(layout.folder.iterdir()) == []


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize(
    "line",
    [
        b'{"tx_id": ',
        b"[1]",
        b"\xff\xfe",
        b'{"colour": "green"}',
        b'{"stream": "somewhere", "body": {}}',
        b'{"stream": "ledger", "body_base64": "?"}',
        b'{"stream": "ledger", "body": {}, "colour": "green"}',
        b'{"stream": "ledger", "body": {}, "properties": {"a": 1}}',
        b"[" * 100_000,
    ],
)
def test_one_bad_line_is_named_and_nothing_is_published(
    layout: Layout, tmp_path: Path, line: bytes, dry_run: bool
) -> None:
    with pytest.raises(StackError, match="line 3"):
        send(layout, written(tmp_path, SOUND, SOUND, line, SOUND), Console(), dry_run=dry_run)


@pytest.mark.parametrize("profile", profile_names())
def test_a_sample_needs_no_file(layout: Layout, profile: str) -> None:
    console = Console(record=True, width=200)
    assert send(layout, None, console, dry_run=True, profile=profile, events=120) == 0
    assert console.export_text().split()[0] == "120"


@pytest.mark.parametrize("profile", profile_names())
def test_bare_lines_are_told_by_the_names_of_the_profile(
    layout: Layout, tmp_path: Path, profile: str
) -> None:
    bodies = [*examples(profile, "ledger"), *examples(profile, "payment_order")]
    file = written(tmp_path, *(json.dumps(body).encode() for body in bodies))
    console = Console(record=True, width=200)
    assert send(layout, file, console, dry_run=True, profile=profile) == 0
    assert console.export_text().split()[0] == str(len(bodies))


def test_a_profile_that_is_not_there_is_refused(layout: Layout, tmp_path: Path) -> None:
    with pytest.raises(ProfileInvalid):
        send(layout, written(tmp_path, SOUND), Console(), dry_run=True, profile="my-shop-v1")
    with pytest.raises(CounterfoilError):
        send(layout, None, Console(), dry_run=True, profile="my-shop-v1")


def test_a_file_that_cannot_be_read_is_refused(layout: Layout, tmp_path: Path) -> None:
    for path in (tmp_path / "none.ndjson", tmp_path):
        with pytest.raises(StackError):
            send(layout, path, Console(), dry_run=True)


def test_sound_events_need_a_running_stack(layout: Layout, tmp_path: Path) -> None:
    with pytest.raises(StackError):
        send(layout, written(tmp_path, SOUND), Console(), dry_run=False)

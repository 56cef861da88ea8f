"""A month of access records as files: verified without a database, and every bit of them counts."""

from pathlib import Path
from typing import Any

import psycopg
import pytest

from shared.audit.archive_chains import archive_chains
from shared.audit.keys import public_keys
from shared.audit.verify import main
from shared.runtime import Runtime
from tests.support.access import read, seal, weeks_later
from tests.support.runtime import HeldBlobs

Owner = psycopg.Connection[Any]


@pytest.fixture
def month(runtime: Runtime, tmp_path: Path) -> list[str]:
    """The command line that verifies the first archived month and its records."""
    for _ in range(2):
        read(runtime, 2)
        seal(runtime)
    weeks_later(runtime)
    first = next(each.month for each in archive_chains(runtime) if each.chain == "access")
    blobs = runtime.blobs
    assert isinstance(blobs, HeldBlobs)
    for name, body in blobs.held.items():
        (tmp_path / Path(name).name).write_bytes(body)
    (tmp_path / "pub.pem").write_bytes(public_keys(runtime.secrets)[0].pem())
    entries, records = (str(tmp_path / f"{kind}-{first}.jsonl") for kind in ("access", "access_records"))
    return [entries, "--records", records, "--key", str(tmp_path / "pub.pem")]


def test_what_was_archived_holds(month: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(month) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.parametrize("end", [".jsonl", ".manifest.json", ".manifest.sig"])
def test_a_bit_of_any_byte_is_found(month: list[str], end: str) -> None:
    file = Path(month[2].removesuffix(".jsonl") + end)
    whole = file.read_bytes()
    for place in range(0, len(whole), max(1, len(whole) // 150)):
        spoiled = bytearray(whole)
        spoiled[place] ^= 1 << place % 8
        file.write_bytes(spoiled)
        assert main(month) == 1, place
    file.write_bytes(whole)
    assert main(month) == 0


def test_lines_that_are_cut_added_or_exchanged_are_found(month: list[str]) -> None:
    file = Path(month[2])
    lines = file.read_bytes().splitlines(keepends=True)
    assert len(lines) == 4
    for spoiled in (
        lines[:3],
        [*lines, lines[0]],
        [lines[1], lines[0], *lines[2:]],
        [*lines[2:], *lines[:2]],
        [],
    ):
        file.write_bytes(b"".join(spoiled))
        assert main(month) == 1


def test_a_file_that_is_missing_is_found(month: list[str]) -> None:
    Path(month[2].removesuffix(".jsonl") + ".manifest.sig").unlink()
    assert main(month) == 1

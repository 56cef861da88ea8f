"""The file store keeps the rule itself: a blob is written once, whole or not at all."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.adapters.blob import BlobConflict, BlobMissing, FileBlobs

NAME = "audit/control/2026-11.jsonl"


def content(blobs: FileBlobs, name: str = NAME) -> bytes:
    with blobs.open(name) as file:
        return file.read()


def test_a_blob_is_written_once(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path)
    blobs.put_once(NAME, [b"one", b"", b"two"])
    assert content(blobs) == b"onetwo"
    blobs.put_once(NAME, [b"onetwo"])
    for other in ([b"onetw"], [b"onetwo\n"], [b"onetwO"], []):
        with pytest.raises(BlobConflict):
            blobs.put_once(NAME, other)
    assert content(blobs) == b"onetwo"
    assert (tmp_path / NAME).stat().st_mode & 0o222 == 0
    assert blobs.names("") == [NAME]


def test_names_are_listed_in_order_and_by_prefix(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path)
    assert blobs.names("") == []
    for name in ("b/2", "a/10", "a/1", "ab"):
        blobs.put_once(name, [name.encode()])
    assert blobs.names("a") == ["a/1", "a/10", "ab"]
    assert blobs.names("a/") == ["a/1", "a/10"]
    with pytest.raises(BlobMissing):
        blobs.open("a/2")


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "../up", "a/../b", "a//b", "a/.hidden", "a\\b", "a b", "a/", "x" * 600]
)
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        FileBlobs(tmp_path).put_once(name, [b"x"])
    with pytest.raises(ValueError, match="name"):
        FileBlobs(tmp_path).open(name)


def breaking() -> Iterator[bytes]:
    yield b"half"
    raise OSError("the source broke off")


def test_half_a_blob_leaves_nothing(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path)
    with pytest.raises(OSError, match="broke off"):
        blobs.put_once(NAME, breaking())
    assert blobs.names("") == []
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


def test_a_draft_that_a_crash_left_is_no_blob(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path)
    blobs.put_once(NAME, [b"x"])
    ((tmp_path / NAME).parent / ".draft-1").write_bytes(b"half")
    assert blobs.names("") == [NAME]


def test_of_many_at_once_one_is_written(tmp_path: Path) -> None:
    blobs, refused, barrier = FileBlobs(tmp_path), [], threading.Barrier(8)

    def write(number: int) -> None:
        barrier.wait(30)
        try:
            blobs.put_once(NAME, [bytes([number]) * 100_000])
        except BlobConflict:
            refused.append(number)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    (winner,) = set(range(8)) - set(refused)
    assert content(blobs) == bytes([winner]) * 100_000

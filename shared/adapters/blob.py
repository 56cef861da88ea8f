"""Blobs that are written once: what was published can be read by everybody and changed by nobody.

In Azure the container's immutability policy keeps the rule; the file store keeps it itself.
"""

import os
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from shared.errors.base import ExternalError, IntegrityError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_NAME_LENGTH_MAX = 512
_COMPARED_BYTES = 1 << 20


class BlobConflict(IntegrityError):
    """A blob of this name stands with other bytes, and what is published is never written anew."""

    code = "BLOB_CONFLICT"


class BlobMissing(ExternalError):
    """There is no blob of this name."""

    code = "BLOB_MISSING"


class BlobUnavailable(ExternalError):
    """The store of blobs does not answer, or refuses."""

    code = "BLOB_UNAVAILABLE"


def checked_name(name: str) -> str:
    """The name. Raises ValueError for one that no blob can have."""
    if len(name) > _NAME_LENGTH_MAX or not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a blob")
    return name


class BlobStore(Protocol):
    """Where blobs are kept. There is no way to change or remove one."""

    def put_once(self, name: str, parts: Iterable[bytes]) -> None:
        """Write a blob whole or not at all; the same bytes again are no change. Raises BlobConflict for others."""
        ...

    def open(self, name: str) -> BinaryIO:
        """A blob's bytes, to be read from the beginning. Raises BlobMissing."""
        ...

    def names(self, prefix: str) -> list[str]:
        """The names that begin so, in order."""
        ...


@dataclass(frozen=True)
class FileBlobs:
    """Blobs as read-only files below a folder. Raises ValueError for a name that could lead out of it."""

    folder: Path

    def put_once(self, name: str, parts: Iterable[bytes]) -> None:
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        # A name that no blob can have, so that half a blob is never listed.
        handle, draft = tempfile.mkstemp(prefix=".draft-", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                for part in parts:
                    file.write(part)
                file.flush()
                os.fsync(file.fileno())
            Path(draft).chmod(0o444)
            self._publish(Path(draft), path)
        finally:
            Path(draft).unlink(missing_ok=True)

    def open(self, name: str) -> BinaryIO:
        try:
            return self._path(name).open("rb")
        except FileNotFoundError as error:
            raise BlobMissing(f"there is no blob {name}") from error

    def names(self, prefix: str) -> list[str]:
        files = (file for file in self.folder.rglob("*") if file.is_file())
        found = (file.relative_to(self.folder).as_posix() for file in files)
        return sorted(name for name in found if name.startswith(prefix) and _NAME.fullmatch(name))

    def _path(self, name: str) -> Path:
        return self.folder / checked_name(name)

    def _publish(self, draft: Path, path: Path) -> None:
        """Give the draft its name. A link, unlike a rename, never takes the place of a file."""
        try:
            os.link(draft, path)
        except FileExistsError as error:
            if not _are_equal(draft, path):
                raise BlobConflict(f"{path.relative_to(self.folder)} stands with other bytes") from error
            return
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _are_equal(one: Path, other: Path) -> bool:
    with one.open("rb") as left, other.open("rb") as right:
        return are_same_bytes(left, right)


def are_same_bytes(left: BinaryIO, right: BinaryIO) -> bool:
    """Whether two files say the same from where they stand."""
    while True:
        part = left.read(_COMPARED_BYTES)
        if part != right.read(_COMPARED_BYTES):
            return False
        if not part:
            return True

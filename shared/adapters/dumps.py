"""Where dumps are read from: a file, or a blob by its address (with a signature in it, where it needs one)."""

import hashlib
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple
from urllib.parse import urlsplit

_PART_BYTES = 1 << 16
_WAIT_SECONDS = 60.0


class Identity(NamedTuple):
    """A dump's name without its signature, its digest and its size."""

    name: str
    sha256: bytes
    size: int


def is_address(location: str) -> bool:
    """Whether it is a blob's address rather than a path."""
    return location.startswith(("https://", "http://"))


def identify(location: str) -> Identity:
    """Read a dump once to know it again. Raises OSError."""
    digest, size = hashlib.sha256(), 0
    with open_dump(location) as file:
        while part := file.read(_PART_BYTES):
            digest.update(part)
            size += len(part)
    return Identity(name_of(location), digest.digest(), size)


def name_of(location: str) -> str:
    """The last part of a path or an address; what follows the path of an address may be a secret."""
    path = urlsplit(location).path if is_address(location) else location
    return Path(path).name


@contextmanager
def open_dump(location: str) -> Iterator[BinaryIO]:
    """A dump's bytes. Raises OSError, also for an address that does not answer."""
    if not is_address(location):
        with Path(location).open("rb") as file:
            yield file
        return
    try:
        answer = urllib.request.urlopen(location, timeout=_WAIT_SECONDS)
    except urllib.error.HTTPError as error:
        error.close()
        raise OSError(f"it answers {error.code}") from None
    with answer:
        yield answer

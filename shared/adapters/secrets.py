"""Secrets as a port: in versions, the newest is used and the older ones still check what they once made.

Locally a secret is a folder with one file per version, which only its owner can read; in Azure it is a secret of Key
Vault (shared/adapters/key_vault.py).
"""

import re
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Protocol

from shared.errors.base import ExternalError

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,125}[A-Za-z0-9])?")
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class SecretUnavailable(ExternalError):
    """A secret cannot be read: there is none of this name, or its store does not answer."""

    code = "SECRET_UNAVAILABLE"


@dataclass(frozen=True)
class Secret:
    """One version of a secret. Its value is never shown."""

    value: str = field(repr=False)
    version: str

    @property
    def key(self) -> bytes:
        """The value as the bytes of a key."""
        return self.value.encode()


class Secrets(Protocol):
    """Where secrets are kept. Both raise SecretUnavailable."""

    def get(self, name: str) -> Secret:
        """The newest version."""
        ...

    def versions(self, name: str) -> list[Secret]:
        """Every version that is still enabled, the newest first."""
        ...


@dataclass(frozen=True)
class FileSecrets:
    """`folder/name/version`, versions in the order of their names, numbers as numbers: 10 comes after 9.

    Files others can read are refused.
    """

    folder: Path

    def get(self, name: str) -> Secret:
        return self._read(self._files(name)[0])

    def versions(self, name: str) -> list[Secret]:
        return [self._read(file) for file in self._files(name)]

    def _files(self, name: str) -> list[Path]:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a secret")
        folder = self.folder / name
        files = [file for file in folder.glob("*") if _NAME.fullmatch(file.name)] if folder.is_dir() else []
        if not files:
            raise SecretUnavailable(f"there is no secret {name} in the folder of secrets")
        return sorted(files, key=lambda file: _order_of(file.name), reverse=True)

    def _read(self, file: Path) -> Secret:
        try:
            if file.stat().st_mode & _OTHERS:
                raise SecretUnavailable(f"{file} can be read by others: chmod 600 it")
            return Secret(file.read_text("utf-8").strip(), file.name)
        except (OSError, UnicodeError) as error:
            raise SecretUnavailable(f"{file} cannot be read") from error


def _order_of(version: str) -> list[tuple[int, str]]:
    """Runs of digits by their value; before a longer run stands a shorter one."""
    runs = re.findall(r"[0-9]+|[^0-9]+", version)
    return [(int(run) if run.isdigit() else -1, run) for run in runs]


@dataclass(frozen=True)
class _Kept:
    versions: list[Secret]
    read_at: float


class CachedSecrets:
    """Another store's secrets, each read again when it is older than a time, and no more than once in it.

    What was read once stands while the store does not answer: of many look-ups one waits for it, the others do not.
    """

    def __init__(self, store: Secrets, seconds: float, elapsed: Callable[[], float]) -> None:
        self._store = store
        self._seconds = seconds
        self._elapsed = elapsed
        self._kept: dict[str, _Kept] = {}
        self._lock = Lock()

    def get(self, name: str) -> Secret:
        return self.versions(name)[0]

    def versions(self, name: str) -> list[Secret]:
        kept = self._kept.get(name)
        if kept is not None and self._elapsed() - kept.read_at < self._seconds:
            return kept.versions
        if not self._lock.acquire(blocking=kept is None):
            # Somebody asks already; what was read before is good until there is an answer.
            assert kept is not None, "only who has something goes on without"
            return kept.versions
        try:
            return self._read_again(name)
        finally:
            self._lock.release()

    def _read_again(self, name: str) -> list[Secret]:
        kept, now = self._kept.get(name), self._elapsed()
        if kept is not None and now - kept.read_at < self._seconds:
            return kept.versions
        try:
            versions = self._store.versions(name)
        except SecretUnavailable:
            if kept is None:
                raise
            versions = kept.versions
        self._kept[name] = _Kept(versions, now)
        return versions

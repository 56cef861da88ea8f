"""Small state files that survive a crash at any moment."""

import fcntl
import json
import os
from pathlib import Path
from typing import IO, Any

from infra.local.host.errors import StartError


def write_json(path: Path, document: object, mode: int = 0o600) -> None:
    """Replace the file by the document: a reader sees the old or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(path.name + ".new")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(document, file)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)


def read_json(path: Path) -> Any:
    """The document, or None when there is none. Raises StartError when the file is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise StartError(
            f"The state file {path} is damaged ({error}); remove it to start without it."
        ) from error


def lock_directory(directory: Path) -> IO[str]:
    """Reserve a data directory for this process until it ends; keep the returned file open.

    Raises StartError when another host uses the directory or it cannot be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        file = (directory / "host.lock").open("a+", encoding="utf-8")
    except OSError as error:
        raise StartError(f"The data directory {directory} cannot be used: {error}.") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        raise StartError(
            f"Another Functions host (process {file.read().strip() or 'unknown'}) uses {directory}; "
            "stop it or give another --data."
        ) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file

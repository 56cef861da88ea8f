"""Who holds what on this machine: a folder, a port, a process id."""

import fcntl
import os
import socket
from pathlib import Path

from infra.local.postgres.errors import LocalPostgresError

HOST = "127.0.0.1"


class FolderLock:
    """At most one process at a time runs a server on a folder; the kernel frees the lock of a dead one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._handle: int | None = None

    def take(self) -> None:
        """Take the lock; taking it twice is harmless.

        Raises LocalPostgresError while another process holds it.
        """
        if self._handle is not None:
            return
        handle = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as failure:
            os.close(handle)
            raise LocalPostgresError(
                f"Another process already runs PostgreSQL on {self._folder}: stop that one first."
            ) from failure
        self._handle = handle

    def release(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def is_postgres(pid: int) -> bool:
    """True while this process id belongs to a PostgreSQL server of ours.

    A killed server's id may belong to another program by now, or to a process nobody has reaped.
    """
    try:
        os.kill(pid, 0)
        if not Path("/proc/self").exists():
            return True
        return b"postgres" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]
    except (ProcessLookupError, FileNotFoundError, PermissionError):
        return False


def can_listen(port: int) -> bool:
    """True when nobody listens on this port of the loopback address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])

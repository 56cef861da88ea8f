"""What can go wrong with a local server, each as one sentence that says what to do."""

import re
from pathlib import Path

OTHER_PROCESS_STILL_LEAVING = (
    "pre-existing shared memory block",
    'lock file "postmaster.pid" already exists',
)
PORT_TAKEN = ("Address already in use", "could not create any TCP/IP sockets")


class LocalPostgresError(Exception):
    """The local PostgreSQL cannot do what was asked; the message says why and what to do."""


def port_busy(port: int) -> LocalPostgresError:
    return LocalPostgresError(
        f"Port {port} on 127.0.0.1 is busy: stop the program that uses it, "
        "or choose another port for PostgreSQL."
    )


def server_failure(text: str, home: Path, port: int) -> LocalPostgresError:
    """Turn the output of initdb, pg_ctl or the server into the sentence a user can act on."""
    if "No space left on device" in text:
        return LocalPostgresError(
            f"The disk that holds {home} is full: free some space (about 200 MB), then try again."
        )
    if any(sign in text for sign in PORT_TAKEN):
        return port_busy(port)
    if "Permission denied" in text:
        return LocalPostgresError(
            f"PostgreSQL may not write in {home}: give the folder to the user who runs it, "
            f"or choose another. {_last_complaint(text)}"
        )
    log = home / "server.log"
    hint = f" (the whole log is {log})" if log.exists() else ""
    return LocalPostgresError(f"PostgreSQL did not start: {_last_complaint(text)}{hint}")


def _last_complaint(text: str) -> str:
    complaints = re.findall(r"^.*?(?:FATAL|PANIC|ERROR|error):\s*(.+)$", text, flags=re.MULTILINE)
    lines = complaints or [line for line in text.splitlines() if line.strip()] or ["it printed nothing"]
    return str(lines[-1]).strip()

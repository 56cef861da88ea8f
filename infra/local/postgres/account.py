"""Which account the server runs as. PostgreSQL refuses root and users without a name: they lend it another identity."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from infra.local.postgres.errors import LocalPostgresError

AccountKind = Literal["plain", "namespace", "nobody"]
NOBODY = 65534
# Inside the namespace the user looks like "nobody", while the kernel still sees the owner of the files.
NAMESPACE_PREFIX = ("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "--")


@dataclass(frozen=True, slots=True)
class Account:
    """How commands are run: as they are, inside a user namespace, or as the unprivileged uid."""

    kind: AccountKind

    @property
    def owner(self) -> int:
        """The uid that must own the data, as seen from outside a namespace."""
        return NOBODY if self.kind == "nobody" else os.geteuid()

    def run(self, command: Sequence[str], timeout_seconds: float) -> tuple[int, str]:
        """Run to the end; the exit code and everything printed.

        Output goes through a file: a pipe would be inherited by the server and never end.
        """
        prefix = NAMESPACE_PREFIX if self.kind == "namespace" else ()
        uid = NOBODY if self.kind == "nobody" else None
        with tempfile.TemporaryFile() as printed:
            done = subprocess.run(
                [*prefix, *command],
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                timeout=timeout_seconds,
                env=_environment(),
                cwd="/",
                user=uid,
                group=uid,
                extra_groups=None if uid is None else [],
                check=False,
            )
            printed.seek(0)
            return done.returncode, printed.read().decode(errors="replace")

    def take(self, path: Path) -> None:
        """Make the account the owner of a path that root created for it."""
        if self.kind == "nobody":
            os.chown(path, NOBODY, NOBODY)

    def can_traverse(self, path: Path) -> bool:
        """True when the account can reach this path through its existing parents and read it."""
        if self.kind != "nobody":
            return True
        existing = [folder for folder in (path, *path.parents) if folder.exists()]
        return all(folder.stat().st_mode & 0o001 or folder.stat().st_uid == NOBODY for folder in existing)


def choose_account(wanted: AccountKind | None = None) -> Account:
    """The account for this user; root prefers a namespace and falls back to the unprivileged uid.

    Raises LocalPostgresError when the account cannot be had on this machine.
    """
    if os.geteuid() != 0 and _has_name(os.geteuid()):
        return Account("plain")
    if wanted in (None, "namespace") and _works(Account("namespace")):
        return Account("namespace")
    if os.geteuid() != 0:
        raise LocalPostgresError(
            f"PostgreSQL refuses to run as user id {os.geteuid()}, which has no name on this machine, and user "
            "namespaces are not allowed: add the user to /etc/passwd, or run the command as another one."
        )
    if wanted in (None, "nobody") and _works(Account("nobody")):
        return Account("nobody")
    raise LocalPostgresError(
        "PostgreSQL refuses to run as root, and this machine allows neither user namespaces nor a change "
        "to an unprivileged user: run the command as an ordinary user."
    )


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _works(account: Account) -> bool:
    if account.kind == "namespace" and shutil.which("unshare") is None:
        return False
    try:
        return account.run(["true"], timeout_seconds=30)[0] == 0
    except OSError:
        return False


def _environment() -> dict[str, str]:
    # Variables such as PGDATA or PGPORT of the user's shell would redirect the programs.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}

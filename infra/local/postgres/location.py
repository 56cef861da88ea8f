"""Where programs, data and socket lie, so that the account that runs the server can reach them."""

import hashlib
import os
import shutil
from pathlib import Path

from infra.local.postgres.account import Account
from infra.local.postgres.errors import LocalPostgresError

SHARED_ROOT = Path("/var/tmp")
# Socket paths are limited to about 100 bytes, so the folder may not lie under the data.
SOCKET_ROOT = Path("/tmp")


def _mark(path: Path) -> str:
    return hashlib.sha256(str(path).encode()).hexdigest()[:12]


def place_home(home: Path, account: Account) -> Path:
    """The folder for the data: as asked, or one under /var/tmp when the account cannot reach it."""
    home = home.absolute()
    if account.can_traverse(home.parent):
        return home
    return SHARED_ROOT / f"counterfoil-postgres-{_mark(home)}"


def place_binaries(binaries: Path, account: Account) -> Path:
    """The folder of programs: as found, or a copy under /var/tmp when the account cannot reach them."""
    if account.can_traverse(binaries):
        return binaries
    installation = binaries.parent
    copy = SHARED_ROOT / f"counterfoil-postgres-programs-{_mark(installation)}"
    if not copy.exists():
        partial = copy.with_name(f"{copy.name}-{os.getpid()}")
        shutil.copytree(installation, partial, symlinks=True)
        partial.chmod(0o755)
        partial.rename(copy)
    _refuse_strangers(copy, os.geteuid())
    return copy / binaries.name


def socket_folder(home: Path) -> Path:
    """A short folder name for the unix socket, always the same for the same data."""
    return SOCKET_ROOT / f"counterfoil-{_mark(home)}"


def make_private_folder(folder: Path, account: Account) -> None:
    """Create a folder only the account may enter.

    Raises LocalPostgresError when it exists and belongs to somebody else.
    """
    try:
        folder.mkdir(mode=0o700, parents=True)
        account.take(folder)
    except FileExistsError:
        _refuse_strangers(folder, account.owner)
    except PermissionError as failure:
        raise LocalPostgresError(
            f"The folder {folder} cannot be created here: give its parent to the current user, "
            "or choose another folder."
        ) from failure


def _refuse_strangers(folder: Path, owner: int) -> None:
    state = folder.lstat()
    if state.st_uid == owner:
        return
    raise LocalPostgresError(
        f"{folder} belongs to the user with id {state.st_uid}, but the server would run as {owner}: "
        "run the command as that user, or remove the folder with `make reset`."
    )

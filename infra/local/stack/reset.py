"""`make reset`: remove the data of the local stack."""

import shutil
from pathlib import Path

from infra.local.postgres.errors import LocalPostgresError
from infra.local.postgres.server import LocalPostgres
from infra.local.stack.claims import exclusive
from infra.local.stack.errors import StackError
from infra.local.stack.layout import Layout

# Results of measurements are no data of the stack.
KEPT = frozenset({"bench", "lock"})


def reset(layout: Layout) -> list[Path]:
    """Remove everything the stack has stored; what was removed. Raises StackError while it runs."""
    if not layout.folder.exists():
        return []
    with exclusive(layout):
        return remove_data(layout)


def remove_data(layout: Layout) -> list[Path]:
    """Remove the data of a stack that is known not to run."""
    removed: list[Path] = []
    if layout.postgres.exists() or LocalPostgres(layout.postgres, notice=_silent).home.exists():
        removed.append(_remove_postgres(layout))
    for path in sorted(layout.folder.iterdir()):
        if path.name in KEPT or path in removed:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
        removed.append(path)
    return removed


def _remove_postgres(layout: Layout) -> Path:
    """The server's data may lie elsewhere, where its user can reach it; the server knows."""
    try:
        server = LocalPostgres(layout.postgres, notice=_silent)
        server.destroy()
    except LocalPostgresError as error:
        raise StackError(str(error)) from error
    return server.home


def _silent(_sentence: str) -> None:
    return None

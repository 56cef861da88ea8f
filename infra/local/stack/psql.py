"""`make psql`: PostgreSQL's own command line on the stack's database."""

import os
from typing import NoReturn

from infra.local.postgres.binaries import find_binaries
from infra.local.postgres.server import LocalPostgres
from infra.local.stack.claims import running_state
from infra.local.stack.credentials import Credentials
from infra.local.stack.database import DATABASE
from infra.local.stack.errors import StackError
from infra.local.stack.layout import Layout

ROLES = ("auditor", "app", "migrator", "postgres")


def psql(layout: Layout, role: str, statement: str) -> NoReturn:
    """Become psql. Raises StackError when the stack does not run, or runs on a database of yours."""
    state = running_state(layout)
    if not state.postgres_port:
        raise StackError(
            "The stack uses the database of DATABASE_URL: connect to that one with your own psql."
        )
    program = find_binaries() / "psql"
    if not program.exists():
        raise StackError(
            f"There is no psql in {program.parent}: install PostgreSQL's client, or `make setup` again."
        )
    user = role if role == "postgres" else f"counterfoil_{role}"
    where = [
        "--host=127.0.0.1",
        f"--port={state.postgres_port}",
        f"--username={user}",
        f"--dbname={DATABASE}",
    ]
    commands = [f"--command={statement}"] if statement else []
    environment = {**os.environ, "PGPASSWORD": _password(layout, role)}
    os.execve(program, ["psql", *where, *commands], environment)


def _password(layout: Layout, role: str) -> str:
    if role == "postgres":
        return LocalPostgres(layout.postgres, notice=lambda _sentence: None).password_file.read_text()
    password: str = getattr(Credentials.load(layout), role)
    return password

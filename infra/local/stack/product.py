"""A command line of the product itself, on the stack's servers: `make ceiling` and its like."""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from infra.local.stack.claims import running_state
from infra.local.stack.credentials import Credentials
from infra.local.stack.database import url_of
from infra.local.stack.layout import ROOT, Layout
from infra.local.stack.settings import read_values

RETENTION_SETTING = "RETENTION_DATABASE_URL"


def become_product(
    layout: Layout, module: str, arguments: Sequence[str], more: Mapping[str, str] | None = None
) -> NoReturn:
    """Become the module, with the settings the app runs with. Raises StackError when the stack does not run."""
    running_state(layout)
    os.chdir(ROOT)
    environment = {**os.environ, **read_values(layout), **(more or {})}
    os.execve(sys.executable, [sys.executable, "-m", module, *arguments], environment)


def become_holder(layout: Layout, module: str, arguments: Sequence[str]) -> NoReturn:
    """The same for a command that acts as the holder of a token: the stack's administrator, unless another is named."""
    become_product(layout, module, ["--token-file", str(layout.admin_token), *arguments])


def become_retention(layout: Layout, arguments: Sequence[str]) -> NoReturn:
    """Become the retention command, with its role's own connection where the database is the stack's."""
    port = running_state(layout).postgres_port
    url = url_of("retention", Credentials.load(layout).retention, port) if port else ""
    more = {RETENTION_SETTING: os.environ.get(RETENTION_SETTING) or url}
    become_product(layout, "shared.audit.retention", arguments, more)

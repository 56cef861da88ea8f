"""A command line of the product itself, on the stack's servers: `make ceiling` and its like."""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from infra.local.stack.claims import running_state
from infra.local.stack.layout import ROOT, Layout
from infra.local.stack.settings import read_values


def become_product(layout: Layout, module: str, arguments: Sequence[str]) -> NoReturn:
    """Become the module, with the settings the app runs with. Raises StackError when the stack does not run."""
    running_state(layout)
    os.chdir(ROOT)
    os.execve(
        sys.executable, [sys.executable, "-m", module, *arguments], {**os.environ, **read_values(layout)}
    )

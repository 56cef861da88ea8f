"""One stack per folder at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from infra.local.stack.errors import StackError
from infra.local.stack.layout import Layout, State


@contextmanager
def exclusive(layout: Layout) -> Iterator[None]:
    """Hold the folder for the life of a run. Raises StackError while another run holds it."""
    layout.folder.mkdir(parents=True, exist_ok=True)
    with layout.lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            state = State.read(layout)
            raise StackError(
                f"Counterfoil runs already from {layout.folder} (process {state.pid}, {state.url}): "
                "use that one, or stop it with Ctrl-C first."
            ) from None
        yield


def running_state(layout: Layout) -> State:
    """The state of the stack that runs now. Raises StackError when none does."""
    if not _is_held(layout):
        raise StackError("Counterfoil does not run here: start it with `make run` in another terminal.")
    return State.read(layout)


def _is_held(layout: Layout) -> bool:
    try:
        with layout.lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False

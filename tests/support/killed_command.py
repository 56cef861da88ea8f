"""Commands that die at a chosen statement: `python -m tests.support.killed_command URL`.

Each line on standard input is `NUMBER MOMENT`. The process makes a copy of itself that runs one command with an
idempotency key and ends itself with SIGKILL before or after the statement with that number; it answers with the copy's
exit code.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable

from sqlalchemy import text

from shared.spine.commands import run_command
from tests.support.meddling import Meddler, meddled_runtime
from tests.support.spine import Renaming, command, keyed

SURVIVED = 0


def main(url: str) -> None:
    """Answer until standard input ends."""
    _say("ready")
    for line in sys.stdin:
        number, moment = line.split()
        child = os.fork()
        if child == 0:
            os._exit(_die(url, int(number), moment))
        _, status = os.waitpid(child, 0)
        _say(str(os.waitstatus_to_exitcode(status)))


def _die(url: str, number: int, moment: str) -> int:
    """SURVIVED when the command has fewer statements than that."""
    meddler = Meddler()
    runtime = meddled_runtime(url, meddler)
    acts: dict[str, Callable[[], None]] = {moment: _kill_myself}
    try:
        with runtime.database.statement() as connection:
            connection.execute(text("SELECT 1"))
        meddler.arm(number, **acts)
        run_command(runtime, keyed("the-key"), command(), Renaming())
    except BaseException:  # noqa: BLE001 - told to the parent by the exit code
        traceback.print_exc()
        return 1
    return SURVIVED


def _kill_myself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])

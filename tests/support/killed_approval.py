"""Executions of an approval that die at a chosen statement: `python -m tests.support.killed_approval URL`.

Each line on standard input is `NUMBER MOMENT APPROVAL_ID`. The process makes a copy of itself that carries the approval
out and ends itself with SIGKILL before or after the statement with that number, BEGIN and COMMIT among them; it answers
with the copy's exit code, SURVIVED when there are fewer statements.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable

from sqlalchemy import text

from shared.approvals.execute_approval import execute_approval
from tests.support.approvals import REASON, moving
from tests.support.meddling import Meddler, meddled_runtime

MOMENTS = ("before", "after")
KILLED = -signal.SIGKILL
SURVIVED = 0


def main(url: str) -> None:
    """Answer until standard input ends."""
    _say("ready")
    for line in sys.stdin:
        number, moment, approval_id = line.split()
        child = os.fork()
        if child == 0:
            os._exit(_die(url, int(number), moment, approval_id))
        _, status = os.waitpid(child, 0)
        _say(str(os.waitstatus_to_exitcode(status)))


def _die(url: str, number: int, moment: str, approval_id: str) -> int:
    meddler = Meddler()
    runtime = meddled_runtime(url, meddler)
    acts: dict[str, Callable[[], None]] = {moment: _kill_myself}
    try:
        # What a new session asks for once is no part of the execution.
        with runtime.database.statement() as connection:
            connection.execute(text("SELECT 1"))
        meddler.arm(number, **acts)
        execute_approval(runtime, moving(), approval_id, REASON)
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

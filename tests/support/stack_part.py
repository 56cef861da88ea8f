"""A pretended part of the stack: `python -m tests.support.stack_part MODE [NAME]`, in the ways real ones go wrong.

MODE is `serve` (announces itself, stops when told or when its parent is gone), `refuse` (ends with a sentence),
`dumb` (never announces itself) or `stubborn` (announces itself and does not stop when told). NAME is a variable
whose value it announces.
"""

import os
import signal
import sys
import time

from infra.local.foreground import StopRequest, announce_ready

SECONDS_ALIVE = 120


def main(mode: str, name: str = "") -> int:
    """The exit status."""
    print(f"{mode} begins", file=sys.stderr, flush=True)
    if mode == "refuse":
        print("The part has no wish to start.\n", file=sys.stderr)
        return 3
    if mode == "serve":
        request = StopRequest()
        request.watch_standard_input()
        announce_ready(4711, value=os.environ.get(name))
        request.wait(SECONDS_ALIVE)
        return 0
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if mode == "stubborn":
        announce_ready(4712)
    time.sleep(SECONDS_ALIVE)
    return 0


if __name__ == "__main__":
    sys.exit(main(*[word for word in sys.argv[1:] if not word.startswith("--")]))

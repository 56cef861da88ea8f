"""A process that appends to the audit record: `python -m tests.support.audit_writer URL THREADS ENTRIES`.

It says ready and waits for a line; then its threads append at the same time, each entry in a transaction of its own,
and it says how many stand. With 0 threads it appends one entry, says appended, and never commits.
"""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from shared.audit.append_entry import append_entry
from shared.runtime import Runtime
from tests.support.audit import append, facts
from tests.support.runtime import runtime_for


def say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


def append_at_once(runtime: Runtime, threads: int, entries: int) -> int:
    """How many entries the threads appended, all together."""
    barrier = threading.Barrier(threads)

    def write(number: int) -> int:
        barrier.wait(30)
        return len(append(runtime, entries, actor=f"writer-{number}"))

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(write, range(threads)))


def main(url: str, threads: int, entries: int) -> None:
    """Append as told."""
    runtime = runtime_for(url, DATABASE_POOL_SIZE=str(max(1, threads)))
    with runtime.database.statement():
        say("ready")
    sys.stdin.readline()
    if threads:
        say(str(append_at_once(runtime, threads, entries)))
    else:
        with runtime.database.transaction() as connection:
            say(f"appended {append_entry(connection, facts()).position}")
            sys.stdin.readline()
            raise SystemExit("the parent did not kill this process")
    runtime.database.dispose()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))

"""`make send FILE=…`: publish the events of a file and account for every one."""

from pathlib import Path

from rich.console import Console

from infra.local.foreground import StopRequest
from infra.local.sample.lines import LineInvalid, read_lines
from infra.local.stack.account import fetch_pairs
from infra.local.stack.claims import running_state
from infra.local.stack.errors import StackError
from infra.local.stack.feed import Fed, feed
from infra.local.stack.job import Job
from infra.local.stack.layout import Layout
from infra.local.stack.settings import read_settings
from infra.local.stack.show import show_fed
from shared.runtime import Runtime
from shared.wiring import build_runtime

LOOK_SECONDS = 0.3
# What is under way when somebody stops a publisher; a broker that is away does not hold it up longer.
STOP_SECONDS = 3.0


def send(layout: Layout, file: Path, console: Console, *, dry_run: bool) -> int:
    """The exit status: 0 when every event is accounted for. Raises StackError."""
    try:
        count = sum(1 for _ in read_lines(file))
    except LineInvalid as error:
        raise StackError(f"{error} Nothing was published.") from error
    if dry_run:
        console.print(f"{count:,} events in {file}; every line can be published.", soft_wrap=True)
        return 0
    running_state(layout)
    runtime = build_runtime(read_settings(layout))
    try:
        fed = _feed_file(layout, file, count, runtime, console)
        show_fed(console, str(file), fed, fetch_pairs(runtime))
    finally:
        runtime.database.dispose()
    if fed.published < count:
        console.print("Stopped: send the file again for the rest; what came already counts as a duplicate.")
    return 0 if fed.accounted else 1


def _feed_file(layout: Layout, file: Path, count: int, runtime: Runtime, console: Console) -> Fed:
    """Feed in a thread, so that Ctrl-C is heard while the publisher waits for the broker."""
    request = StopRequest()
    connection = layout.connection.read_text().strip()
    job = Job(lambda: feed(runtime, connection, read_lines(file), count, console, lambda: request.wait(0)))
    while not job.wait(LOOK_SECONDS):
        if request.wait(0) and not job.wait(STOP_SECONDS):
            raise StackError(
                "Stopped while the broker did not take events: how many it has is not known. "
                "Send the file again later; what came already counts as a duplicate."
            )
    return job.result()

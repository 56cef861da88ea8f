"""`make send FILE=…`: publish the events of a file and account for every one."""

from pathlib import Path

from rich.console import Console

from infra.local.foreground import StopRequest
from infra.local.sample.lines import LineInvalid, read_lines
from infra.local.stack.account import fetch_pairs
from infra.local.stack.claims import running_state
from infra.local.stack.errors import StackError
from infra.local.stack.feed import feed
from infra.local.stack.layout import Layout
from infra.local.stack.settings import read_settings
from infra.local.stack.show import show_fed
from shared.wiring import build_runtime


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
    request = StopRequest()
    runtime = build_runtime(read_settings(layout))
    try:
        connection = layout.connection.read_text().strip()
        fed = feed(runtime, connection, read_lines(file), count, console, lambda: request.wait(0))
        show_fed(console, str(file), fed, fetch_pairs(runtime))
    finally:
        runtime.database.dispose()
    return 0 if fed.accounted else 1

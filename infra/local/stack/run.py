"""`make run`: start everything, feed the first sample, say where to look, stay until Ctrl-C."""

import os
import shutil
from dataclasses import dataclass, replace

from rich.console import Console

from infra.local.foreground import StopRequest
from infra.local.stack.account import fetch_counts, fetch_pairs
from infra.local.stack.claims import exclusive
from infra.local.stack.errors import StackError
from infra.local.stack.feed import feed
from infra.local.stack.job import Job
from infra.local.stack.layout import Layout, Ports, State, write_private
from infra.local.stack.parts import StackCancelled
from infra.local.stack.progress import progress_steps
from infra.local.stack.reset import remove_data
from infra.local.stack.sample_day import sample_day
from infra.local.stack.settings import read_settings
from infra.local.stack.show import show_account, show_fed
from infra.local.stack.stack import Stack
from infra.local.stack.token import new_token
from infra.local.stack.welcome import short, show_commands, show_places
from shared.runtime import Runtime
from shared.wiring import build_runtime

FREE_BYTES_MIN = 500 * 1024 * 1024
LOOK_SECONDS = 0.3
TOKEN_SECONDS = 86_400
TELEMETRY_BYTES_MAX = 64 * 1024 * 1024
STEPS = 6


@dataclass(frozen=True)
class RunOptions:
    """`events` None is the default sample, 0 is none."""

    layout: Layout
    port: int
    events: int | None
    fresh: bool


def run(options: RunOptions, console: Console) -> int:
    """The exit status: 0 after Ctrl-C. Raises StackError with one sentence."""
    layout, ports = options.layout, Ports.from_first(options.port)
    request = StopRequest()
    with exclusive(layout):
        ports.refuse_busy()
        if options.fresh:
            remove_data(layout)
        _check_folder(layout)
        stack = Stack(layout, ports, lambda: request.wait(0))
        try:
            _serve(options, stack, request, console)
        except StackCancelled:
            console.print("Stopped before everything was up.")
        finally:
            with console.status("Stopping …"):
                stack.stop()
            _remember(layout, pid=0, url="", postgres_port=0)
    console.print(
        f"Stopped. The data stays in {short(layout.folder)}/; `make run` goes on from there.", soft_wrap=True
    )
    return 0


def _check_folder(layout: Layout) -> None:
    """Before anything in it is touched. Raises StackError when the stack cannot run on this folder."""
    State.read(layout)
    free = shutil.disk_usage(layout.folder).free
    if free < FREE_BYTES_MIN:
        raise StackError(
            f"Only {free // 2**20} MB are free on the disk of {layout.folder}, and the stack needs about "
            f"{FREE_BYTES_MIN // 2**20} MB: free some space and try again."
        )
    if layout.telemetry.exists() and layout.telemetry.stat().st_size > TELEMETRY_BYTES_MAX:
        layout.telemetry.replace(layout.telemetry.with_suffix(".ndjson.1"))


def _remember(layout: Layout, **facts: object) -> None:
    replace(State.read(layout), **facts).write(layout)  # type: ignore[arg-type]


def _serve(options: RunOptions, stack: Stack, request: StopRequest, console: Console) -> None:
    layout = options.layout
    fed = State.read(layout).fed
    with progress_steps(console, "Starting", STEPS) as steps:
        stack.start(steps.done, steps.add)
    _remember(layout, pid=os.getpid(), url=stack.url, postgres_port=stack.ports.postgres)
    write_private(layout.token, new_token(layout, "viewer", TOKEN_SECONDS) + "\n")
    runtime = build_runtime(read_settings(layout))
    try:
        if fed != "done" and options.events != 0:
            _feed_sample(options, stack, runtime, request, console)
        else:
            show_account(console, "Stored so far", fetch_counts(runtime), fetch_pairs(runtime))
        if not request.wait(0):
            _welcome(stack, layout, runtime, console)
    finally:
        runtime.database.dispose()
    while not request.wait(LOOK_SECONDS):
        stack.watch(lambda sentence: console.print(sentence, soft_wrap=True))


def _feed_sample(
    options: RunOptions, stack: Stack, runtime: Runtime, request: StopRequest, console: Console
) -> None:
    """Publish the sample while watching the parts; a sample cut off by Ctrl-C is sent again by the next run."""
    layout = options.layout
    try:
        day = sample_day(options.events, runtime.settings.event_profile)
    except LookupError as error:
        console.print(f"No sample day is published: {error.args[0]}.", soft_wrap=True)
        return
    _remember(layout, fed="begun")
    connection = layout.connection.read_text().strip()
    job = Job(lambda: feed(runtime, connection, day.events, day.total, console, lambda: request.wait(0)))
    while not job.wait(LOOK_SECONDS):
        if request.wait(0):
            return
        stack.watch(lambda sentence: console.print(sentence, soft_wrap=True))
    fed = job.result()
    show_fed(console, "Yesterday's sample", fed, fetch_pairs(runtime))
    if fed.accounted:
        _remember(layout, fed="done")


def _welcome(stack: Stack, layout: Layout, runtime: Runtime, console: Console) -> None:
    console.print()
    show_places(console, stack, layout)
    console.print()
    show_commands(console, stack, layout, runtime)
    console.print("\nEverything runs. Stop it with Ctrl-C.")

"""`make send FILE=… PROFILE=…`: publish the events of a file, or a sample, and account for every one."""

from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console

from infra.local.foreground import StopRequest
from infra.local.sample.dialects import CANONICAL, dialect_of
from infra.local.sample.lines import LineInvalid, read_lines
from infra.local.sample.model import SampleEvent
from infra.local.stack.account import fetch_pairs
from infra.local.stack.claims import running_state
from infra.local.stack.errors import StackError
from infra.local.stack.feed import Fed, feed
from infra.local.stack.job import Job
from infra.local.stack.layout import Layout
from infra.local.stack.sample_day import sample_day
from infra.local.stack.settings import read_settings
from infra.local.stack.show import show_fed
from shared.errors.base import SettingsInvalid
from shared.runtime import Runtime
from shared.sync.profiles.load_profile import load_profile
from shared.wiring import build_runtime

LOOK_SECONDS = 0.3
# What is under way when somebody stops a publisher; a broker that is away does not hold it up longer.
STOP_SECONDS = 3.0
SAMPLE_EVENTS = 2_000
Draw = Callable[[], Iterator[SampleEvent]]


def send(
    layout: Layout,
    file: Path | None,
    console: Console,
    *,
    dry_run: bool,
    profile: str = "",
    events: int = SAMPLE_EVENTS,
) -> int:
    """The exit status: 0 when every event is accounted for. Raises StackError.

    Without a file it is a sample in the profile's dialect. Without a profile it is the one the stack runs with.
    """
    if dry_run:
        count, title, _ = _material(file, profile or CANONICAL, events)
        console.print(f"{count:,} events in {title}; every line can be published.", soft_wrap=True)
        return 0
    return _publish(layout, file, console, profile, events)


def _publish(layout: Layout, file: Path | None, console: Console, profile: str, events: int) -> int:
    own = _profile_of(layout)
    count, title, draw = _material(file, profile or own, events)
    running_state(layout)
    settings = read_settings(layout)
    if profile and profile != settings.event_profile:
        raise StackError(
            f"The stack reads {settings.event_profile}, so events of {profile} would become dead letters. "
            f"Stop it and start it with EVENT_PROFILE={profile} make run. Nothing was published."
        )
    runtime = build_runtime(settings)
    try:
        fed = _feed_file(layout, draw, count, runtime, console)
        show_fed(console, title, fed, fetch_pairs(runtime))
    finally:
        runtime.database.dispose()
    if fed.published < count:
        console.print("Stopped: send the same again for the rest; what came already counts as a duplicate.")
    return 0 if fed.accounted else 1


def _profile_of(layout: Layout) -> str:
    """The profile of the last run; where nothing ran yet the canonical one will do to look at the lines."""
    try:
        return read_settings(layout).event_profile
    except SettingsInvalid:
        return CANONICAL


def _material(file: Path | None, profile: str, events: int) -> tuple[int, str, Draw]:
    """How many events, what they are called, and how to draw them. Raises StackError."""
    try:
        load_profile(profile)
        if file is None:
            dialect_of(profile)
            return events, f"a sample of {profile}", lambda: sample_day(events, profile).events
        return sum(1 for _ in read_lines(file, profile)), str(file), lambda: read_lines(file, profile)
    except LineInvalid as error:
        raise StackError(f"{error} Nothing was published.") from error
    except LookupError as error:
        raise StackError(f"{error.args[0]}.") from error


def _feed_file(layout: Layout, draw: Draw, count: int, runtime: Runtime, console: Console) -> Fed:
    """Feed in a thread, so that Ctrl-C is heard while the publisher waits for the broker."""
    request = StopRequest()
    connection = layout.connection.read_text().strip()
    job = Job(lambda: feed(runtime, connection, draw(), count, console, lambda: request.wait(0)))
    while not job.wait(LOOK_SECONDS):
        if request.wait(0) and not job.wait(STOP_SECONDS):
            raise StackError(
                "Stopped while the broker did not take events: how many it has is not known. "
                "Send the file again later; what came already counts as a duplicate."
            )
    return job.result()

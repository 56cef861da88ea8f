"""Progress bars: on a terminal they move, elsewhere they stay silent but for their last line."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class RateColumn(ProgressColumn):
    """Events per second since the bar began."""

    def render(self, task: Task) -> Text:
        rate = task.finished_speed or task.speed
        return Text("" if not rate else f"{rate:,.0f}/s", style="progress.data.speed")


def new_progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:<28}"),
        BarColumn(bar_width=32),
        MofNCompleteColumn(),
        RateColumn(),
        TimeRemainingColumn(compact=True),
        console=console,
    )


class Steps:
    """A bar of steps, each named while it is under way."""

    def __init__(self, progress: Progress, title: str, count: int) -> None:
        self._progress = progress
        self._title = title
        self._count = count
        self._task = progress.add_task(title, total=count)

    def add(self, count: int) -> None:
        """More steps than were known at the beginning."""
        self._count += count
        self._progress.update(self._task, total=self._count)

    def done(self, name: str) -> None:
        """One step further; `name` says what."""
        self._progress.update(self._task, advance=1, description=f"{self._title}: {name}")


@contextmanager
def progress_steps(console: Console, title: str, count: int) -> Iterator[Steps]:
    """A bar that counts steps."""
    bar = (TextColumn("{task.description:<28}"), BarColumn(bar_width=32), MofNCompleteColumn())
    with Progress(*bar, console=console) as progress:
        steps = Steps(progress, title, count)
        yield steps
        steps.done("done")


@contextmanager
def progress_bar(console: Console, title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar that moves by the number its function is called with; an unknown total shows the count."""
    with new_progress(console) as progress:
        task = progress.add_task(title, total=total)
        yield lambda count: progress.advance(task, count)

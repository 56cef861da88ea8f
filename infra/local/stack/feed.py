"""Publish events and watch them being taken: two progress bars and an account at the end."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console

from infra.local.sample.lines import LineInvalid
from infra.local.sample.model import LEDGER, PAYMENT_ORDER, SampleEvent
from infra.local.sample.publish import Published, PublishFailed, publish
from infra.local.stack.account import POLL_SECONDS, Counts, fetch_counts, wait_until_accounted
from infra.local.stack.errors import StackError
from infra.local.stack.progress import new_progress
from shared.errors.base import DatabaseUnavailable
from shared.runtime import Runtime

PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Fed:
    """How a feeding ended: `counts` is what became of events since it began, `accounted` whether all are."""

    published: int
    resent: int
    counts: Counts
    accounted: bool


def feed(
    runtime: Runtime,
    connection: str,
    events: Iterable[SampleEvent],
    total: int | None,
    console: Console,
    cancelled: Callable[[], bool] = lambda: False,
) -> Fed:
    """Publish through the official SDK and wait until everything is taken; a cancelled one ends early.

    Raises StackError when the broker does not take the events or a line of a file is wrong; events published
    before that stay published and are taken.
    """
    before = fetch_counts(runtime)
    with new_progress(console) as progress:
        sent = progress.add_task("Publishing", total=total)
        taken = progress.add_task("Taking, pairing, storing", total=total)

        def show(counts: Counts) -> None:
            progress.update(taken, completed=counts.since(before).received)

        with _polling(runtime, show):
            wanted = _until(events, cancelled)
            result = _publish(runtime, connection, wanted, lambda n: progress.advance(sent, n))
        published = result.acknowledged.total()
        progress.update(sent, total=published, completed=published)
        progress.update(taken, total=published)
        accounted = wait_until_accounted(runtime, show, cancelled, PATIENCE_SECONDS)
    return Fed(published, result.resent, fetch_counts(runtime).since(before), accounted)


def _until(events: Iterable[SampleEvent], cancelled: Callable[[], bool]) -> Iterator[SampleEvent]:
    """The events, up to the moment somebody asks to stop."""
    for event in events:
        if cancelled():
            return
        yield event


def _publish(
    runtime: Runtime, connection: str, events: Iterable[SampleEvent], on_sent: Callable[[int], None]
) -> Published:
    settings = runtime.settings
    hubs = {LEDGER: settings.ledger_hub_name, PAYMENT_ORDER: settings.payment_order_hub_name}
    result = Published()
    try:
        return publish(events, connection, hubs, on_sent, PATIENCE_SECONDS, result)
    except (PublishFailed, LineInvalid) as error:
        sent = result.acknowledged.total()
        raise StackError(f"{error} {sent:,} events were published before that.") from error


@contextmanager
def _polling(runtime: Runtime, show: Callable[[Counts], None]) -> Iterator[None]:
    """Show what is taken while the publisher works in the calling thread."""
    done = threading.Event()

    def poll() -> None:
        while not done.wait(POLL_SECONDS):
            try:
                show(fetch_counts(runtime))
            except DatabaseUnavailable:
                continue

    thread = threading.Thread(target=poll, name="feed-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()

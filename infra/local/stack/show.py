"""Tables the commands print."""

from rich.console import Console
from rich.table import Table

from infra.local.stack.account import Counts, Pairs
from infra.local.stack.feed import Fed


def show_account(console: Console, title: str, counts: Counts, pairs: Pairs | None = None) -> None:
    """What became of events, and how the pairs stand."""
    table = Table(title=title, title_justify="left", show_header=False, box=None, pad_edge=False)
    table.add_column(min_width=14)
    table.add_column(justify="right", min_width=9)
    table.add_column(style="dim")
    table.add_row("received", f"{counts.received:,}", "distinct events")
    table.add_row("  applied", f"{counts.applied:,}", "new or newer content, stored")
    table.add_row("  superseded", f"{counts.superseded:,}", "older than what was stored")
    table.add_row("  duplicate", f"{counts.duplicate:,}", "content that was stored already")
    table.add_row("  dead-lettered", f"{counts.dead_lettered:,}", "malformed; kept with the reason")
    if counts.redelivered:
        table.add_row("delivered again", f"{counts.redelivered:,}", "counted once only")
    if pairs is not None:
        table.add_row("pairs", f"{pairs.complete + pairs.incomplete + pairs.open:,}", "one per payment order")
        table.add_row("  complete", f"{pairs.complete:,}", "both sides arrived")
        table.add_row("  incomplete", f"{pairs.incomplete:,}", "one side is missing")
        table.add_row("  open", f"{pairs.open:,}", "the order arrived, no side yet")
        table.add_row("  anomalous", f"{pairs.anomalous:,}", "of all: mismatch, double side or no order")
    console.print(table)


def show_fed(console: Console, title: str, fed: Fed, pairs: Pairs) -> None:
    """What became of published events, and whether every one is accounted for."""
    show_account(console, title, fed.counts, pairs)
    again = f", {fed.resent:,} of them perhaps twice" if fed.resent else ""
    if fed.accounted:
        console.print(
            f"{fed.published:,} events published{again}; every one is accounted for.", highlight=False
        )
    else:
        console.print(
            f"{fed.published:,} events published{again}; not all are taken yet. They stay in the hub and are taken "
            "as soon as the host can: see `make metrics`.",
            soft_wrap=True,
        )

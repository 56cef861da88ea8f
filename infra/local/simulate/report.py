"""The report of a run for people: the plan, the faults, the counts, the verdict."""

from rich.console import Console
from rich.table import Table

from infra.local.simulate.losses import joined
from infra.local.simulate.outcome import COUNTS, OK, SHOWN_DIFFERENCES, VIOLATED, Outcome
from infra.local.simulate.plan import Plan

HISTORY_LINES = 20
COLOURS = {OK: "green", VIOLATED: "red"}


def show_plan(console: Console, plan: Plan) -> None:
    """What would happen, without doing it."""
    table = Table("#", "after events", "fault", "lasts", "what happens", box=None, title_justify="left")
    table.title = f"Seed {plan.seed}: {plan.events:,} events at {plan.rate}/s, {len(plan.faults)} faults"
    for fault in plan.faults:
        lasts = f"{fault.lasts_seconds:.1f} s" if fault.lasts_seconds else ""
        table.add_row(str(fault.number), f"{fault.after_events:,}", fault.kind, lasts, fault.says)
    console.print(table)


def show_outcome(console: Console, outcome: Outcome) -> None:
    """Everything a run has shown."""
    console.print(_faults_table(outcome))
    if outcome.losses:
        console.print(_losses_table(outcome))
    console.print(_counts_table(outcome))
    if outcome.checks:
        console.print(_checks_table(outcome))
    _show_differences(console, outcome)
    colour = COLOURS.get(outcome.verdict, "yellow")
    early = " (ended early by Ctrl-C)" if outcome.interrupted else ""
    console.print(f"Seed {outcome.plan.seed}: [bold {colour}]{outcome.verdict}[/]{early}")


def _faults_table(outcome: Outcome) -> Table:
    table = Table("#", "after events", "at", "fault", "lasted", "caught up after", "", box=None)
    table.title, table.title_justify = "Faults", "left"
    for done in outcome.injected:
        lasted = "under way" if done.ended is None else f"{done.ended - done.began:.1f} s"
        felt = "not yet" if done.until is None else f"{done.until:.1f} s"
        table.add_row(
            str(done.fault.number),
            f"{done.fault.after_events:,}",
            f"{done.began:.1f} s",
            done.fault.kind,
            lasted,
            felt,
            f"[dim]{done.note}[/]",
        )
    return table


def _losses_table(outcome: Outcome) -> Table:
    table = Table("fault", "lost at", "numbers", "events", "closed by", "closed at", box=None)
    table.title, table.title_justify = "Lost batches", "left"
    for loss in joined(outcome.losses):
        batch, recovered = loss.batch, loss.recovered_seconds
        table.add_row(
            str(batch.fault),
            f"{batch.at_seconds:.1f} s",
            batch.written,
            f"{batch.last - batch.first + 1:,}",
            loss.closed_by or "[red]not closed[/]",
            "" if recovered is None else f"{recovered:.1f} s",
        )
    for each in outcome.replays:
        status = "broken off" if each.status is None else f"status {each.status}"
        words = " ".join(("replay", *each.words))
        table.caption = f"{table.caption or ''}{words}: {each.taken:,} events, {status}\n"
    table.caption_justify = "left"
    return table


def _counts_table(outcome: Outcome) -> Table:
    table = Table(show_header=False, box=None, title="Events", title_justify="left")
    table.add_column(min_width=28)
    table.add_column(justify="right")
    table.add_column(style="dim")
    again = f"{outcome.resent:,} sent again, their acknowledgement was lost" if outcome.resent else ""
    table.add_row("published", f"{outcome.published:,}", again)
    table.add_row("received", f"{outcome.received:,}", f"{outcome.throughput:,.0f} a second, faults included")
    for name in COUNTS:
        table.add_row(f"  {name.replace('_', '-')}", f"{outcome.counts.get(name, 0):,}")
    for title, delays in (("without", outcome.delays_calm), ("with", outcome.delays_disturbed)):
        values = f"{delays.p50:.2f} / {delays.p95:.2f} / {delays.p99:.2f} s"
        table.add_row(f"apply delay {title} faults", values, f"p50 / p95 / p99 of {delays.count:,}")
    if outcome.restarts:
        table.add_row("unplanned restarts", str(outcome.restarts), "of the host")
    return table


def _checks_table(outcome: Outcome) -> Table:
    table = Table("check", "compared", "verdict", "rule", box=None, title="Verdict", title_justify="left")
    for check in outcome.checks:
        broken = f"[red]{len(check.differences):,} differ[/]"
        table.add_row(
            check.name,
            f"{check.seen:,}",
            "[green]holds[/]" if check.held else broken,
            f"[dim]{check.rule}[/]",
        )
    return table


def _show_differences(console: Console, outcome: Outcome) -> None:
    """The first of each check, and the whole story of the keys they are about."""
    for check in outcome.checks:
        for each in check.differences[:SHOWN_DIFFERENCES]:
            console.print(f"\n[red]{check.name}[/]: ", end="")
            console.print(each.where, markup=False, soft_wrap=True)
            console.print(
                f"  expected {each.expected}\n  found    {each.found}", markup=False, soft_wrap=True
            )
    for key, lines in outcome.histories.items():
        console.print(f"\nEverything that happened to {key}:", markup=False)
        for line in lines[:HISTORY_LINES]:
            console.print(f"  {line}", markup=False, soft_wrap=True)
        if len(lines) > HISTORY_LINES:
            console.print(f"  … {len(lines) - HISTORY_LINES} more in the JSON file")

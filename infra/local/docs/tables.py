"""The tables of the documentation that say what the code says, as Markdown."""

from collections.abc import Iterable, Iterator, Sequence

from infra.local.docs.functions import declared_functions
from shared.adapters.telemetry import METRICS
from shared.errors.catalog import CATALOG, CatalogEntry, entry_of
from shared.security.matrix import PERMISSIONS
from shared.sync.errors import EventRejected
from shared.sync.events.contract import Contract
from shared.sync.events.json_schema import form_of
from shared.sync.events.payment_order import STATUS_GROUPS

CATEGORIES = {
    "INP": "what a caller or a producer sent",
    "EXT": "somebody outside did not answer",
    "BAT": "batch operations",
    "DQ": "data quality",
    "LOG": "a defect of ours",
    "SYS": "our own resources",
}
DEFAULTS = {
    "": "",
    "currency": "`EVENT_DEFAULT_CURRENCY`",
    "site_id": "`EVENT_DEFAULT_SITE_ID`",
    "event_time": "`event_time`",
}


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a bar inside a cell is escaped, a line break becomes a blank."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(_cell(each) for each in line)} |" for line in lines)


def _cell(words: str) -> str:
    return " ".join(words.split()).replace("|", r"\|")


def codes(names: Iterable[str]) -> str:
    """Names as code, with commas between."""
    return ", ".join(f"`{name}`" for name in names)


def fields_table(contract: Contract) -> str:
    """The fields of an event in contract order."""
    rows = [
        (
            f"`{field.name}`",
            "yes" if field.required else "no",
            form_of(field.kind).words,
            codes((*field.aliases, *field.fallbacks)),
            DEFAULTS[field.default],
            field.meaning,
        )
        for field in contract.all_fields()
    ]
    return markdown_table(("field", "required", "value", "also read from", "when absent", "meaning"), rows)


def status_groups_table() -> str:
    """Which statuses make which group."""
    rows = [(f"`{group}`", codes(statuses)) for group, statuses in STATUS_GROUPS.items()]
    return markdown_table(("group", "statuses"), [*rows, ("`UNKNOWN`", "any other")])


def event_errors_table() -> str:
    """What makes an event a dead letter, and what its producer does."""
    rows = [
        (f"`{entry.code}`", entry.operator_text, entry.action_guide)
        for entry in (entry_of(each.code) for each in _rejections(EventRejected))
    ]
    return markdown_table(("code", "what is wrong", "what to do"), rows)


def _rejections(root: type[EventRejected]) -> Iterator[type[EventRejected]]:
    for each in root.__subclasses__():
        if each.code:
            yield each
        yield from _rejections(each)


def errors_table() -> str:
    """Every error by category."""
    parts = []
    for category in dict.fromkeys(entry.category for entry in CATALOG):
        rows = [_error_row(entry) for entry in CATALOG if entry.category == category]
        heads = ("code", "HTTP", "severity", "alert", "cause", "what to do", "runbook")
        parts.append(f"## {category}: {CATEGORIES[category]}\n\n{markdown_table(heads, rows)}")
    return "\n\n".join(parts)


def _error_row(entry: CatalogEntry) -> tuple[str, ...]:
    return (
        f"`{entry.code}`",
        str(entry.http_status),
        entry.severity,
        entry.alert_level if entry.auto_alert else "–",
        entry.operator_text,
        entry.action_guide + (" Trying again can help." if entry.retryable else ""),
        f"[{entry.runbook}](runbooks/{entry.runbook}.md)",
    )


def runbooks() -> tuple[str, ...]:
    """The names of the runbooks, in the order the catalog first names them."""
    return tuple(dict.fromkeys(entry.runbook for entry in CATALOG))


def runbook_codes(runbook: str) -> str:
    """The codes that lead to a runbook."""
    rows = [
        (f"`{e.code}`", e.title, e.severity, str(e.http_status), "yes" if e.retryable else "no")
        for e in CATALOG
        if e.runbook == runbook
    ]
    return markdown_table(("code", "title", "severity", "HTTP", "trying again can help"), rows)


def metrics_table() -> str:
    """Every metric with its kind, unit and meaning."""
    rows = [(f"`{name}`", metric.kind, metric.unit, metric.meaning) for name, metric in METRICS.items()]
    return markdown_table(("metric", "kind", "unit", "meaning"), rows)


def roles_table() -> str:
    """What each role may do."""
    rows = [(f"`{role.value}`", codes(sorted(allowed))) for role, allowed in PERMISSIONS.items()]
    return markdown_table(("role", "permissions"), rows)


def functions_table() -> str:
    """Every function of the app and what starts it."""
    rows = [(f"`{each.name}`", each.trigger, each.words) for each in declared_functions()]
    return markdown_table(("function", "trigger", "started by"), rows)

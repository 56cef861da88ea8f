"""Export entries as CSV with a digest of its own; that somebody took them out is an entry of the record itself.

An export is bounded, not streamed: it is one answer, made in one transaction with its entry. Whole months are archives.
"""

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from shared.audit.model import MEMBERS, Action, Entry, instant_text
from shared.audit.reading import store
from shared.audit.reading.model import EntryFilter
from shared.errors.request import FieldProblem, RequestInvalid
from shared.runtime import Runtime
from shared.spine.commands import run_command
from shared.spine.model import Command, Context, Effect

ROWS_MAX = 50_000
REASON = "asked for by GET /api/audit/export"
_NAMES = (*MEMBERS, "hash_version", "previous_hash", "hash")
# What a spreadsheet would take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Export:
    """The file and its digest; the last line of the file says the digest of all lines before it."""

    body: bytes
    sha256: str
    rows: int


def export_entries(runtime: Runtime, context: Context, wanted: EntryFilter) -> Export:
    """The entries of the caller's sites, oldest first. Raises RequestInvalid when they are more than ROWS_MAX."""
    made: list[Export] = []

    def act(connection: Connection, _now: datetime) -> Effect:
        found = store.list_matching(connection, wanted, context.scope, before=None, limit=ROWS_MAX + 1)
        if len(found) > ROWS_MAX:
            raise RequestInvalid(
                FieldProblem("from", f"more than {ROWS_MAX} entries match; narrow the period")
            )
        made.append(_csv(found[::-1]))
        filters = {name: text for name, text in wanted.texts().items() if text is not None}
        told = {"rows": made[0].rows, "sha256": made[0].sha256, "filter": filters}
        return Effect(body=told, after=told)

    command = Command(
        action=Action.ENTRIES_EXPORT,
        target_type="audit_entries",
        target_id=wanted.chain.value,
        site_id=wanted.site,
        reason=REASON,
    )
    run_command(runtime, context, command, act)
    return made[0]


def _csv(entries: Sequence[Entry]) -> Export:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(_NAMES)
    for entry in entries:
        writer.writerow([_cell(getattr(entry, name)) for name in _NAMES])
    body = text.getvalue().encode()
    digest = hashlib.sha256(body).hexdigest()
    return Export(body + f"# sha256={digest}\r\n".encode(), digest, len(entries))


def _cell(value: object) -> str:
    """A value as text; one that begins like a formula gets an apostrophe before it."""
    if isinstance(value, datetime):
        return instant_text(value)
    text = (
        "" if value is None else bytes(value).hex() if isinstance(value, bytes | memoryview) else str(value)
    )
    return f"'{text}" if text.startswith(_FORMULA) else text

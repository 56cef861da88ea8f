"""A step of both timelines: everything stored of some rows' past, with as many statements however many rows."""

from sqlalchemy import Connection

from shared.lookup.timeline.model import Past, Subjects, kept_past
from shared.lookup.timeline.store import list_acted, list_asked, list_refused, list_versions
from shared.security.model import Permission
from shared.spine.model import Context

# Whom the audit record names a correction's decision and a dead letter's end after.
APPROVAL, DEAD_LETTER = "approval", "dead_letter"


def past_of(connection: Connection, context: Context, subjects: Subjects) -> Past:
    """What the caller may see of it. Interventions are there for who may read the audit."""
    refused = list_refused(connection, subjects, context.scope)
    asked = list_asked(connection, subjects, context.scope)
    audit = context.caller.scope_of(Permission.AUDIT_READ)
    targets = [
        *subjects.named(),
        *((APPROVAL, each.approval_id) for each in asked),
        *((DEAD_LETTER, str(each.dead_letter_id)) for each in refused),
    ]
    acted = list_acted(connection, targets, audit) if audit else []
    return kept_past(list_versions(connection, subjects), refused, asked, acted)

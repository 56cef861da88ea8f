"""SQL of timelines: one statement for each kind of thing that can have happened.

The subjects are rows that the caller sees. Dead letters belong to no site, so they are there for who sees all; audit
entries are there within the sites in which the caller may read the audit.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from shared.database.database import send
from shared.database.scope import site_condition
from shared.database.statement import Statement
from shared.lookup.timeline.model import PART_MAX, Acted, Asked, Refused, Subjects, Version
from shared.security.model import Scope

# Ids hold no control character.
_SEPARATOR = "\x1f"
_SUBJECTS = """
unnest(string_to_array(%(types)s, E'\\x1f'), string_to_array(%(ids)s, E'\\x1f')) AS subject (target_type, target_id)
"""


def _columns(alias: str, names: Sequence[str]) -> str:
    return ", ".join(f"{alias}.{name}" for name in names)


# The newest of each subject; evidence has an index by key in each of its partitions.
_VERSIONS = Statement(f"""
SELECT r.record_key, r.is_order, s.stream, s.hub, s.generation, s.partition_id, r.sequence_number, r.enqueued_at,
       r.updated_at, r.version, encode(r.content_digest, 'hex'), r.order_status, r.applied_at
FROM {_SUBJECTS} CROSS JOIN LATERAL (
    SELECT * FROM applied_records AS r
    WHERE r.record_key = subject.target_id AND r.is_order = (subject.target_type = 'PAYMENT_ORDER')
    ORDER BY r.applied_at DESC, r.sequence_number DESC LIMIT {PART_MAX + 1}) AS r
LEFT JOIN stream_positions AS s ON s.position_id = r.position_id
ORDER BY r.applied_at DESC, r.sequence_number DESC
""")
# By the key their producer sent them under, and by the correlation id of the row as it stands.
_REFUSED = Statement(f"""
SELECT {_columns("d", Refused.__slots__)} FROM dead_letters AS d WHERE d.dead_letter_id IN (
    SELECT k.dead_letter_id FROM {_SUBJECTS} JOIN dead_letters AS k ON k.partition_key = subject.target_id
    UNION SELECT c.dead_letter_id FROM {_SUBJECTS}
        JOIN ledger_entries AS e ON e.tx_id = subject.target_id AND subject.target_type = 'LEDGER_ENTRY'
        JOIN dead_letters AS c ON c.correlation_id = e.correlation_id
    UNION SELECT c.dead_letter_id FROM {_SUBJECTS}
        JOIN payment_orders AS o ON o.order_id = subject.target_id AND subject.target_type = 'PAYMENT_ORDER'
        JOIN dead_letters AS c ON c.correlation_id = o.correlation_id)
ORDER BY d.created_at DESC, d.dead_letter_id DESC LIMIT {PART_MAX + 1}
""")
_ASKED = Statement(f"""
SELECT {_columns("c", Asked.__slots__)}
FROM {_SUBJECTS} JOIN corrections AS c ON c.target_type = subject.target_type AND c.target_id = subject.target_id
WHERE {site_condition("c.site_id")} ORDER BY c.requested_at DESC, c.correction_id LIMIT {PART_MAX + 1}
""")
_ACTED = Statement(f"""
SELECT {_columns("a", Acted.__slots__)}
FROM {_SUBJECTS} JOIN audit_entries AS a ON a.target_id = subject.target_id AND a.target_type = subject.target_type
WHERE a.chain = 'control' AND {site_condition("a.site_id")}
ORDER BY a.position DESC LIMIT {PART_MAX + 1}
""")


def list_versions(connection: Connection, subjects: Subjects) -> list[Version]:
    """The applied versions of the subjects, the newest first, of each one more than a timeline holds."""
    return [Version(*row) for row in send(connection, _VERSIONS, _texts(subjects.named()))]


def list_refused(connection: Connection, subjects: Subjects, scope: Scope) -> list[Refused]:
    """Dead letters that name a subject, the newest first; none for who does not see all sites."""
    if not scope.everything:
        return []
    return [Refused(*row) for row in send(connection, _REFUSED, _texts(subjects.named()))]


def list_asked(connection: Connection, subjects: Subjects, scope: Scope) -> list[Asked]:
    """Corrections of the subjects, the newest first."""
    return [
        Asked(*row) for row in send(connection, _ASKED, {**_texts(subjects.named()), **_scope_texts(scope)})
    ]


def list_acted(connection: Connection, targets: Sequence[tuple[str, str]], audit: Scope) -> list[Acted]:
    """Audit entries about these targets, given as type and id, the newest first."""
    return [Acted(*row) for row in send(connection, _ACTED, {**_texts(targets), **_scope_texts(audit)})]


def _texts(targets: Sequence[tuple[str, str]]) -> dict[str, object]:
    types, ids = zip(*targets, strict=True)
    return {"types": _SEPARATOR.join(types), "ids": _SEPARATOR.join(ids)}


def _scope_texts(scope: Scope) -> dict[str, object]:
    return {
        "scope_all": str(scope.everything).lower(),
        "scope_sites": f"{{{','.join(sorted(scope.sites))}}}",
    }

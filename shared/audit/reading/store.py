"""SQL of reading the audit record, within the sites a caller may see."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection

from shared.audit.access.model import MEMBERS, AccessRecord
from shared.audit.model import COLUMNS, Entry
from shared.audit.reading.model import AccessFilter, EntryFilter
from shared.database.database import driver
from shared.database.scope import Sites, scope_values, site_condition

_ENTRIES = f"""
FROM audit_entries WHERE chain = %(chain)s AND {site_condition("site_id")}
  AND (%(actor)s::text IS NULL OR actor = %(actor)s) AND (%(action)s::text IS NULL OR action = %(action)s)
  AND (%(target_type)s::text IS NULL OR target_type = %(target_type)s)
  AND (%(target_id)s::text IS NULL OR target_id = %(target_id)s)
  AND (%(site)s::text IS NULL OR {site_condition("site_id", "asked")})
  AND (%(outcome)s::text IS NULL OR outcome = %(outcome)s)
  AND (%(request_id)s::text IS NULL OR request_id = %(request_id)s)
  AND (%(since)s::timestamptz IS NULL OR appended_at >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR appended_at <= %(until)s)
"""
_PAGE = f"""
SELECT {", ".join(COLUMNS)} {_ENTRIES} AND (%(before)s::bigint IS NULL OR position < %(before)s)
ORDER BY position DESC LIMIT %(limit)s
"""
_COUNT = f"SELECT count(*) {_ENTRIES}"
_OF_RECORDS = f"""
FROM access_records WHERE {site_condition("site_id")}
  AND (%(actor)s::text IS NULL OR actor = %(actor)s) AND (%(resource)s::text IS NULL OR resource = %(resource)s)
  AND (%(site)s::text IS NULL OR {site_condition("site_id", "asked")})
  AND (%(request_id)s::text IS NULL OR request_id = %(request_id)s)
  AND recorded_at >= %(since)s AND recorded_at <= %(until)s
"""
# Apart, so that each may use its own index: who looked up an id, and what somebody looked at.
_BY_HASH = " AND looked_up && %(hashes)s::bytea[] "
_BEHIND = " AND (%(at)s::timestamptz IS NULL OR (recorded_at, record_id) < (%(at)s, %(record_id)s)) "
_ORDER = " ORDER BY recorded_at DESC, record_id DESC LIMIT %(limit)s"
_RECORDS = ", ".join(MEMBERS)
_FIRST, _LAST = (datetime.fromisoformat(f"{year}-01-01T00:00:00+00:00") for year in ("0001", "9999"))


def list_matching(
    connection: Connection, wanted: EntryFilter, scope: Sites, *, before: int | None, limit: int
) -> list[Entry]:
    """Entries before a position, the newest first."""
    values = {**_entry_values(wanted, scope), "before": before, "limit": limit}
    return [Entry(*row) for row in driver(connection).execute(_PAGE, values, prepare=True)]


def count_matching(connection: Connection, wanted: EntryFilter, scope: Sites) -> int:
    """How many there are."""
    row = driver(connection).execute(_COUNT, _entry_values(wanted, scope), prepare=True).fetchone()
    return int(row[0]) if row else 0


def list_accesses(
    connection: Connection,
    wanted: AccessFilter,
    scope: Sites,
    *,
    behind: tuple[datetime, int] | None,
    limit: int,
) -> list[AccessRecord]:
    """Access records behind a place, the newest first."""
    at, record_id = behind or (None, None)
    values = {**_access_values(wanted, scope), "at": at, "record_id": record_id, "limit": limit}
    by_hash = _BY_HASH if wanted.hashes else ""
    statement = f"SELECT {_RECORDS} {_OF_RECORDS}{by_hash}{_BEHIND}{_ORDER}"
    found = []
    for row in driver(connection).execute(statement.encode(), values, prepare=True):
        named = dict(zip(MEMBERS, row, strict=True))
        named["looked_up"] = tuple(bytes(each) for each in named["looked_up"])
        found.append(AccessRecord(**named))
    return found


def count_accesses(connection: Connection, wanted: AccessFilter, scope: Sites) -> int:
    """How many there are."""
    by_hash = _BY_HASH if wanted.hashes else ""
    statement = f"SELECT count(*) {_OF_RECORDS}{by_hash}"
    row = (
        driver(connection).execute(statement.encode(), _access_values(wanted, scope), prepare=True).fetchone()
    )
    return int(row[0]) if row else 0


def _entry_values(wanted: EntryFilter, scope: Sites) -> dict[str, object]:
    return {**asdict(wanted), "chain": wanted.chain.value, **scope_values(scope), **_asked(wanted.site)}


def _access_values(wanted: AccessFilter, scope: Sites) -> dict[str, object]:
    times = {"since": wanted.since or _FIRST, "until": wanted.until or _LAST}
    return {
        **asdict(wanted),
        "hashes": list(wanted.hashes),
        **times,
        **scope_values(scope),
        **_asked(wanted.site),
    }


def _asked(site: str | None) -> dict[str, object]:
    """A site that is asked for narrows as a scope of that one site does."""
    return {"asked_all": False, "asked_sites": [site] if site else []}

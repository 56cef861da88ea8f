"""The SQL of the upsert, written once for both streams from the contract's column list.

A batch travels as one text per column, its values joined by a separator no value can hold; an absent value is an
empty text (a lone `Z` for instants, which are joined with their zone letter). Measured beside binary arrays, array
literals, JSON and COPY into a staging table, this was as fast as the best of them at every batch size, in one
statement and without temporary tables.
"""

from dataclasses import dataclass

from shared.sync.events.contract import SEPARATOR, Contract

INSERTED, REVISION_MOVED, APPLIED, APPLIED_IN_CONFLICT = 0, 1, 2, 3

_INSTANTS = frozenset({"event_time", "created_at", "updated_at", "enqueued_at"})
_CASTS = {
    "amount": "::numeric",
    "amount_signed": "::numeric",
    "version": "::bigint",
    "sequence_number": "::bigint",
}
TRANSPORT = ("updated_at", "version", "enqueued_at", "sequence_number", "content_digest", "correlation_id")

_RETURNED = (*TRANSPORT[:-1], "last_change", "previous_site_id")

_NEWER = """
    (coalesce(excluded.updated_at, '-infinity'), coalesce(excluded.version, -1),
     coalesce(excluded.enqueued_at, '-infinity'), coalesce(excluded.sequence_number, -1), excluded.content_digest)
    > (coalesce(stored.updated_at, '-infinity'), coalesce(stored.version, -1),
       coalesce(stored.enqueued_at, '-infinity'), coalesce(stored.sequence_number, -1), stored.content_digest)
"""
_CONFLICT = """
    {old}.updated_at IS NOT DISTINCT FROM {new}.updated_at AND {old}.version IS NOT DISTINCT FROM {new}.version
    AND ({old}.updated_at IS NOT NULL OR {old}.version IS NOT NULL)
"""
_PAIRS = "(stored.related_type IS NULL OR stored.related_type = 'PAYMENT_ORDER')"


@dataclass(frozen=True)
class UpsertStatements:
    """The statements of one stream; `columns` is the order in which parameters c0, c1, … carry the batch."""

    table: str
    key: str
    columns: tuple[str, ...]
    upsert: str
    classify: str


def upsert_statements(contract: Contract, table: str) -> UpsertStatements:
    """Build the statements that bring one stream's records into its table."""
    columns = (*contract.business_columns, *TRANSPORT)
    return UpsertStatements(
        table=table,
        key=contract.key,
        columns=columns,
        upsert=_upsert(contract, table, columns),
        classify=_classify(contract, table),
    )


def _upsert(contract: Contract, table: str, columns: tuple[str, ...]) -> str:
    is_order = contract.stream == "payment_order"
    names = ", ".join(columns) + (", status_group" if is_order else "")
    status = "stored.status" if is_order else "NULL::text"
    previous = "stored.previous_related_id" if not is_order else "NULL::text"
    own = ("status",) if is_order else ("previous_related_id",)
    returning = ", ".join(f"stored.{c}" for c in (contract.key, *_RETURNED, *own))
    return f"""
WITH upserted AS (
    INSERT INTO {table} AS stored ({names}, first_ingested_at, ingested_at)
    SELECT {names}, %(now)s, %(now)s FROM ({_batch(columns, is_order)}) AS batch
    ON CONFLICT ({contract.key}) DO UPDATE SET
        {_assignments(columns[1:], is_order)}
    WHERE {_NEWER}
    RETURNING {returning}
), evidence AS (
    INSERT INTO applied_records (record_key, position_id, sequence_number, enqueued_at, updated_at, version,
                                 content_digest, order_status, is_order, applied_at)
    SELECT {contract.key}, %(position_id)s, sequence_number, enqueued_at, updated_at, version,
           content_digest, {status}, {is_order}, %(now)s
    FROM upserted AS stored WHERE last_change <> {REVISION_MOVED}
)
SELECT last_change, string_agg({contract.key}, E'\\x1f'), {previous},
       CASE WHEN last_change > {REVISION_MOVED} THEN previous_site_id END
FROM upserted AS stored
GROUP BY last_change, {previous}, CASE WHEN last_change > {REVISION_MOVED} THEN previous_site_id END
"""


def _batch(columns: tuple[str, ...], is_order: bool) -> str:
    sources = ", ".join(f"unnest({_split(c, i)})" for i, c in enumerate(columns))
    values = ", ".join(f"{_typed(c)} AS {c}" for c in columns)
    if is_order:
        sources += ", unnest(string_to_array(%(groups)s, E'\\x1f'))"
        values += ", status_group"
    aliases = ", ".join(columns) + (", status_group" if is_order else "")
    return f"SELECT {values} FROM ROWS FROM ({sources}) AS texts ({aliases})"


def _split(column: str, index: int) -> str:
    if column in _INSTANTS:
        return f"string_to_array(%(c{index})s, E'\\x1f', 'Z')"
    return f"string_to_array(%(c{index})s, E'\\x1f', '')"


def _typed(column: str) -> str:
    if column == "content_digest":
        return "decode(content_digest, 'hex')"
    if column in _INSTANTS:
        return f"{column}::timestamptz"
    return column + _CASTS.get(column, "")


def _assignments(columns: tuple[str, ...], is_order: bool) -> str:
    parts = [f"{c} = excluded.{c}" for c in columns]
    conflict = _CONFLICT.format(old="stored", new="excluded")
    parts += [
        "ingested_at = CASE WHEN stored.content_digest = excluded.content_digest"
        " THEN stored.ingested_at ELSE excluded.ingested_at END",
        f"last_change = CASE WHEN stored.content_digest = excluded.content_digest THEN {REVISION_MOVED}"
        f" WHEN {conflict} THEN {APPLIED_IN_CONFLICT} ELSE {APPLIED} END",
        "previous_site_id = CASE WHEN stored.site_id <> excluded.site_id THEN stored.site_id END",
    ]
    if is_order:
        parts.append("status_group = excluded.status_group")
    else:
        parts.append(
            "previous_related_id = CASE WHEN (stored.related_id, stored.related_type)"
            f" IS DISTINCT FROM (excluded.related_id, excluded.related_type) AND {_PAIRS} THEN stored.related_id END"
        )
    return ",\n        ".join(parts)


def _classify(contract: Contract, table: str) -> str:
    """What the records that changed nothing were: same content, or in conflict with the revision that stands."""
    columns = (contract.key, "updated_at", "version", "content_digest")
    sources = ", ".join(f"unnest({_split(c, i)})" for i, c in enumerate(columns))
    values = ", ".join(f"{_typed(c)} AS {c}" for c in columns)
    return f"""
SELECT batch.{contract.key}, stored.content_digest = batch.content_digest,
       stored.content_digest <> batch.content_digest AND {_CONFLICT.format(old="stored", new="batch")}
FROM (SELECT {values} FROM ROWS FROM ({sources}) AS texts ({", ".join(columns)})) AS batch
JOIN {table} AS stored USING ({contract.key})
"""


def joined(column: str, values: list[str]) -> str:
    """One parameter: a column's texts in row order."""
    if column in _INSTANTS:
        return ("Z" + SEPARATOR).join(values) + "Z"
    return SEPARATOR.join(values)

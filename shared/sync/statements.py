"""The SQL of the upsert, written once for both streams from the contract's column list.

A batch travels as one text per column, its values joined by a separator no value can hold; an absent value is an
empty text (a lone `Z` for instants, which are joined with their zone letter). Digests travel as one run of bytes.
Measured beside binary arrays, array literals, JSON and COPY into a staging table, this was as fast as the best of
them at every batch size, in one statement and without temporary tables.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.database.statement import OTHERWISE, Routine, Statement
from shared.sync.events.contract import SEPARATOR, Contract

INSERTED, REVISION_MOVED, APPLIED, APPLIED_IN_CONFLICT = 0, 1, 2, 3

_INSTANTS = frozenset({"event_time", "created_at", "updated_at", "enqueued_at"})
_TYPES = {
    **dict.fromkeys(_INSTANTS, "timestamptz"),
    "amount": "numeric",
    "amount_signed": "numeric",
    "version": "bigint",
    "sequence_number": "bigint",
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
_NOW = "%(now)s::timestamptz"
_PAIRS = "(stored.related_type IS NULL OR stored.related_type = 'PAYMENT_ORDER')"


# Rows that changed alike come back as one, their keys joined.
_GROUPED = """
SELECT last_change, string_agg({key}, E'\\x1f'), {previous}, {site} FROM upserted GROUP BY 1, 3, 4
"""
_ALONE = "SELECT last_change, {key}, {previous}, {site} FROM upserted"


@dataclass(frozen=True)
class UpsertStatements:
    """The statements of one stream; `columns` is the order in which parameters c0, c1, … carry the batch.

    `upsert_one` is for a batch of one record: the same parameters and the same answer, without taking texts apart.
    """

    table: str
    key: str
    columns: tuple[str, ...]
    upsert: Statement
    upsert_one: Statement
    classify: Statement


def upsert_statements(contract: Contract, table: str) -> UpsertStatements:
    """Build the statements that bring one stream's records into its table."""
    derived = ("status_group",) if contract.stream == "payment_order" else ()
    columns = (*contract.business_columns, *TRANSPORT, *derived)
    return UpsertStatements(
        table=table,
        key=contract.key,
        columns=columns,
        upsert=Statement(_upsert(contract, table, columns, _batch(columns, _NOW, _NOW), _GROUPED)),
        upsert_one=Statement(_upsert(contract, table, columns, _one(columns, _NOW, _NOW), _ALONE)),
        classify=Statement(_classify(contract, table)),
    )


def _upsert(contract: Contract, table: str, columns: tuple[str, ...], source: str, answer: str) -> str:
    is_order = contract.stream == "payment_order"
    names = ", ".join(columns)
    none = "NULL::text"
    status, previous = (
        ("status", f"{none} AS previous_related_id") if is_order else (none, "previous_related_id")
    )
    own = "status" if is_order else "previous_related_id"
    site = f"CASE WHEN last_change > {REVISION_MOVED} THEN previous_site_id END AS previous_site_id"
    return f"""
WITH upserted AS (
    INSERT INTO {table} AS stored ({names}, first_ingested_at, ingested_at)
    SELECT {source}
    ON CONFLICT ({contract.key}) DO UPDATE SET
        {_assignments(columns[1:], is_order)}
    WHERE {_NEWER}
    RETURNING {", ".join((contract.key, *_RETURNED, own))}
), evidence AS (
    INSERT INTO applied_records (record_key, position_id, sequence_number, enqueued_at, updated_at, version,
                                 content_digest, order_status, is_order, applied_at)
    SELECT {contract.key}, %(position_id)s::bigint, sequence_number, enqueued_at, updated_at, version,
           content_digest, {status}, {is_order}, {_NOW}
    FROM upserted WHERE last_change <> {REVISION_MOVED}
)
{answer.format(key=contract.key, previous=previous, site=site)}
"""


def _batch(columns: tuple[str, ...], *more: str) -> str:
    """A select list and its source: the batch as rows, with values that are the same in each.

    Functions in a select list walk in step; in FROM the result of each would be stored row by row first.
    """
    numbers = "generate_series(1, octet_length(%(digests)b::bytea) / 32) AS number"
    texts = ", ".join(f"{_unnested(c, i)} AS {c}" for i, c in enumerate(columns) if c != "content_digest")
    digest = "substring(%(digests)b::bytea FROM 32 * number - 31 FOR 32) AS content_digest"
    values = ", ".join([digest if c == "content_digest" else c for c in columns] + [*more])
    return f"{values} FROM (SELECT {numbers}, {texts}) AS texts"


def _one(columns: tuple[str, ...], *more: str) -> str:
    """A select list for one record; every parameter holds one text."""
    texts = [_text(c, i) if c != "content_digest" else "%(digests)b::bytea" for i, c in enumerate(columns)]
    return ", ".join([*texts, *more])


def _text(column: str, index: int) -> str:
    absent = "Z" if column in _INSTANTS else ""
    return f"nullif(%(c{index})s, '{absent}')::{_TYPES.get(column, 'text')}"


def _unnested(column: str, index: int) -> str:
    absent = "Z" if column in _INSTANTS else ""
    cast = f"::{_TYPES[column]}[]" if column in _TYPES else ""
    return f"unnest(string_to_array(%(c{index})s, E'\\x1f', '{absent}'){cast})"


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
    if not is_order:
        parts.append(
            "previous_related_id = CASE WHEN (stored.related_id, stored.related_type)"
            f" IS DISTINCT FROM (excluded.related_id, excluded.related_type) AND {_PAIRS} THEN stored.related_id END"
        )
    return ",\n        ".join(parts)


def _classify(contract: Contract, table: str) -> str:
    """What the records that changed nothing were: same content, or in conflict with the revision that stands.

    LATERAL with OFFSET asks the index once per record; a join may read the whole table.
    """
    columns = (contract.key, "updated_at", "version", "content_digest")
    return f"""
SELECT batch.{contract.key}, stored.content_digest = batch.content_digest,
       stored.content_digest <> batch.content_digest AND {_CONFLICT.format(old="stored", new="batch")}
FROM (SELECT {_batch(columns)}) AS batch, LATERAL (
    SELECT updated_at, version, content_digest FROM {table} AS known
    WHERE known.{contract.key} = batch.{contract.key} OFFSET 0) AS stored
"""


def joined(column: str, values: Sequence[str]) -> str:
    """One parameter: a column's texts in row order."""
    if column in _INSTANTS:
        return ("Z" + SEPARATOR).join(values) + "Z"
    return SEPARATOR.join(values)


@dataclass(frozen=True)
class OneEvent:
    """The statements an ordinary batch of one event runs one after the other."""

    prelude: Statement
    upsert: Statement
    lock_pair: Statement
    insert_or_lock_pair: Statement
    recompute_pair: Statement
    advance: Statement


def one_event(name: str, each: OneEvent) -> Routine:
    """The same statements as one call, for one sound event that is new, applied and touches one order.

    Where it is anything else, nothing is written and no row answers: the batch then goes the ordinary way. Beside the
    statements' own parameters it takes `site_id`, and `orders`: the order it touches, empty when there is none.
    """
    at_place = {"position_id": "place.position_id"}
    upsert, advance = each.upsert.with_locals(at_place), each.advance.with_locals(at_place)
    return Routine(
        name,
        "completed_after_seconds float8[]",
        f"""
DECLARE
    place record;
    made record;
    stands boolean;
    new_order text;
    moved record;
BEGIN
    {each.prelude} INTO place;
    IF place.position_id IS NULL OR place.active_sites IS NULL
        OR NOT %(site_id)s = ANY (string_to_array(place.active_sites, E'\\x1f'))
        OR %(number)s::bigint <= place.high_water THEN
        RETURN;
    END IF;
    {upsert} INTO made;
    IF made.last_change IS NULL THEN
        RETURN;
    END IF;
    IF made.last_change NOT IN ({INSERTED}, {APPLIED})
        OR num_nonnulls(made.previous_related_id, made.previous_site_id) > 0 THEN
        RAISE EXCEPTION 'not the usual event' USING ERRCODE = '{OTHERWISE}';
    END IF;
    IF %(orders)s <> '' THEN
        {each.lock_pair} INTO stands;
        IF stands IS NULL THEN
            {each.insert_or_lock_pair} INTO new_order, completed_after_seconds;
        END IF;
        IF new_order IS NULL THEN
            {each.recompute_pair} INTO completed_after_seconds;
        END IF;
    END IF;
    {advance} INTO moved;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the position is not where it was' USING ERRCODE = '{OTHERWISE}';
    END IF;
    RETURN NEXT;
END
""",
    )

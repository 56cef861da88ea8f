"""Many rows at once: orders, both legs, pairs, evidence and positions that agree with each other, made by the server.

Keys rise with time, as producers' keys mostly do. One order in fifty lacks its RECEIVE leg, and one PAYMENT in sixteen
is of one busy wallet.
"""

from tests.bench.server import BenchServer

ORDER_PREFIX, TX_PREFIX = "ord-20261101-", "tx-20261101-"
BUSY_WALLET = "wal-busy"
BUSY_EVERY = 16
PARTITION = "filled"
HUBS = {"ledger": "ledger.entry.upserted", "payment_order": "payment.order.upserted"}
_NUMBER = "to_char(n, 'FM000000000')"
_ORDER, _TX = f"'{ORDER_PREFIX}' || {_NUMBER}", f"'{TX_PREFIX}' || {_NUMBER}"
_SERIES = (
    "SELECT n, timestamptz '2026-11-01' + n * interval '20 ms' AS at"
    " FROM generate_series(1::bigint, {orders}) AS n"
)
_AMOUNT = "(100 + n % 900000)::numeric / 100"
_SITE = "(ARRAY['KR-SEOUL', 'JP-TOKYO', 'EU-PARIS'])[1 + n % 3]"
_WALLET = "'wal-' || to_char(n * {factor} % 200000, 'FM00000000')"
_SENDER = f"CASE n % {BUSY_EVERY} WHEN 0 THEN '{BUSY_WALLET}' ELSE {_WALLET.format(factor=7919)} END"
_RECEIVER = _WALLET.format(factor=104729)
_COMPLETE = "n % 50 <> 0"

_POSITIONS = """
INSERT INTO hub_generations (hub, generation, hub_created_at, seen_at)
VALUES ('{hub}', 1, '2026-01-01T00:00:00Z', now()) ON CONFLICT DO NOTHING;
INSERT INTO stream_positions (stream, hub, generation, consumer_group, partition_id, updated_at)
VALUES ('{stream}', '{hub}', 1, 'counterfoil', '{partition}', now()) ON CONFLICT DO NOTHING;
"""
_POSITION = (
    "(SELECT position_id FROM stream_positions WHERE hub = '{hub}' AND partition_id = '" + PARTITION + "')"
)
_ORDERS = f"""
INSERT INTO payment_orders (order_id, amount, currency, status, status_group, created_at, user_id, merchant_name,
    merchant_id, site_id, updated_at, version, enqueued_at, sequence_number, content_digest, first_ingested_at,
    ingested_at)
SELECT {_ORDER}, {_AMOUNT}, 'USD', 'SETTLED', 'SUCCESS', at, 'usr-' || n % 50000, 'Merchant ' || n % 500,
    'mer-' || to_char(n % 500, 'FM00000'), {_SITE}, at, 3, at, n - 1, sha256(({_ORDER})::bytea), at, at
FROM ({_SERIES}) AS t
"""
_ENTRIES = f"""
INSERT INTO ledger_entries (tx_id, wallet_id, entry_type, amount, amount_signed, currency, related_id, related_type,
    event_time, created_at, site_id, updated_at, version, enqueued_at, sequence_number, content_digest,
    first_ingested_at, ingested_at)
SELECT {_TX} || '-' || left(side, 1), CASE side WHEN 'PAYMENT' THEN {_SENDER} ELSE {_RECEIVER} END, side, {_AMOUNT},
    CASE side WHEN 'PAYMENT' THEN -1 ELSE 1 END * {_AMOUNT}, 'USD', {_ORDER}, 'PAYMENT_ORDER', at, at, {_SITE}, at, 2,
    at, 2 * n - 2 + place - 1, sha256(({_TX} || side)::bytea), at, at
FROM ({_SERIES}) AS t, unnest(ARRAY['PAYMENT', 'RECEIVE']) WITH ORDINALITY AS sides (side, place)
WHERE side = 'PAYMENT' OR {_COMPLETE}
"""
_PAIRS = f"""
INSERT INTO pairs (order_id, state, payment_tx_id, receive_tx_id, sender_wallet_id, receiver_wallet_id, amount,
    currency, order_status, order_status_group, site_id, payment_event_time, receive_event_time, incomplete_since,
    completed_at)
SELECT {_ORDER}, CASE WHEN {_COMPLETE} THEN 'COMPLETE' ELSE 'INCOMPLETE' END, {_TX} || '-P',
    CASE WHEN {_COMPLETE} THEN {_TX} || '-R' END, {_SENDER}, CASE WHEN {_COMPLETE} THEN {_RECEIVER} END, {_AMOUNT},
    'USD', 'SETTLED', 'SUCCESS', {_SITE}, at, CASE WHEN {_COMPLETE} THEN at END,
    CASE WHEN {_COMPLETE} THEN NULL ELSE at END, CASE WHEN {_COMPLETE} THEN at END
FROM ({_SERIES}) AS t
"""
_EVIDENCE = """
INSERT INTO applied_records (record_key, position_id, sequence_number, enqueued_at, updated_at, version,
    content_digest, order_status, is_order, applied_at)
SELECT {key}, {position}, sequence_number, enqueued_at, updated_at, version, content_digest, {status}, {is_order},
    ingested_at FROM {table}
"""
_COUNT = """
UPDATE stream_positions SET received = coalesce(
        (SELECT range_agg(int8range(sequence_number, sequence_number, '[]')) FROM {table}), '{{}}'),
    applied = (SELECT count(*) FROM {table}), last_enqueued_at = (SELECT max(enqueued_at) FROM {table}),
    newest_event_at = (SELECT max(enqueued_at) FROM {table})
WHERE position_id = {position}
"""
_TABLES = {
    "ledger": ("ledger_entries", "tx_id", "NULL"),
    "payment_order": ("payment_orders", "order_id", "status"),
}


def fill(server: BenchServer, rows: int, *, analyse: bool = True) -> None:
    """About so many ledger rows with all that belongs to them; nothing else remains in the tables."""
    server.truncate()
    owner = server.owner
    for statement in (_ORDERS, _ENTRIES, _PAIRS):
        owner.execute(statement.format(orders=max(1, rows // 2)).encode())
    for stream, (table, key, status) in _TABLES.items():
        hub = HUBS[stream]
        owner.execute(_POSITIONS.format(stream=stream, hub=hub, partition=PARTITION).encode())
        position = _POSITION.format(hub=hub)
        is_order = stream == "payment_order"
        names = {"table": table, "key": key, "status": status, "position": position, "is_order": is_order}
        owner.execute(_EVIDENCE.format(**names).encode())
        owner.execute(_COUNT.format(**names).encode())
    if analyse:
        owner.execute("VACUUM ANALYZE ledger_entries, payment_orders, pairs, applied_records")


def order_id(number: int) -> str:
    return f"{ORDER_PREFIX}{number:09d}"


def payment_id(number: int) -> str:
    """The PAYMENT entry of an order, which every order has."""
    return f"{TX_PREFIX}{number:09d}-P"


_LEAVES = """
SELECT relid FROM pg_partition_tree(%(table)s::regclass) WHERE isleaf
UNION ALL SELECT %(table)s::regclass WHERE NOT EXISTS (SELECT FROM pg_partition_tree(%(table)s::regclass))
"""


def sizes(server: BenchServer) -> dict[str, dict[str, int]]:
    """Rows and bytes per table, its indexes one by one; partitions are counted with their table."""
    found: dict[str, dict[str, int]] = {}
    for table in ("ledger_entries", "payment_orders", "pairs", "applied_records"):
        heap = f"SELECT sum(pg_table_size(relid)) FROM ({_LEAVES}) AS leaves"
        (size,) = server.owner.execute(heap.encode(), {"table": table}).fetchone() or (0,)
        (count,) = server.owner.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() or (0,)
        found[table] = {"rows": int(count), "heap": int(size), **_indexes(server, table)}
    return found


def _indexes(server: BenchServer, table: str) -> dict[str, int]:
    rows = server.owner.execute(
        "SELECT regexp_replace(i.relname, '_20[0-9]{2}_[0-9]{2}|_default', ''), pg_relation_size(i.oid)"
        f" FROM ({_LEAVES}) AS part JOIN pg_index AS x ON x.indrelid = part.relid"
        " JOIN pg_class AS i ON i.oid = x.indexrelid ORDER BY 1".encode(),
        {"table": table},
    ).fetchall()
    found: dict[str, int] = {}
    for name, size in rows:
        found[name] = found.get(name, 0) + int(size)
    return found

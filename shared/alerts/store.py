"""The alerts room's SQL: intents to tell somebody, written beside the fact."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text


def insert_outbox(
    connection: Connection, kind: str, dedupe_key: str, payload: Mapping[str, object], now: datetime
) -> bool:
    """Write one intent; False when one with this kind and key stands already."""
    result = connection.execute(
        text("""
            INSERT INTO outbox (kind, dedupe_key, payload, created_at, available_at)
            VALUES (:kind, :key, CAST(:payload AS jsonb), :now, :now) ON CONFLICT (kind, dedupe_key) DO NOTHING
        """),
        {"kind": kind, "key": dedupe_key, "payload": json.dumps(payload, default=str), "now": now},
    )
    return bool(result.rowcount)


def was_told(connection: Connection, key_prefix: str, since: datetime) -> bool:
    """Whether an alert whose key begins so was raised after that moment."""
    row = connection.execute(
        text("""
            SELECT EXISTS (SELECT FROM outbox
            WHERE kind = 'ALERT' AND starts_with(dedupe_key, :prefix) AND created_at > :since)
        """),
        {"prefix": key_prefix, "since": since},
    )
    return bool(row.scalar_one())


def list_alerts(connection: Connection, code: str, since: datetime) -> list[dict[str, Any]]:
    """What the alerts of a code raised since then said, the first one first; delivered ones too."""
    rows = connection.execute(
        text("""
            SELECT payload FROM outbox
            WHERE kind = 'ALERT' AND starts_with(dedupe_key, :prefix) AND created_at >= :since ORDER BY outbox_id
        """),
        {"prefix": f"{code}:", "since": since},
    )
    return [row[0] for row in rows]

"""Dumps for tests: lines of entries and orders, files of them, and what they must lead to."""

import gzip
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import psycopg

from shared.runtime import Runtime
from shared.sync.dumps.load_dump import load_dump
from shared.sync.dumps.model import Loaded, Wish
from shared.sync.events.contract import Stream
from tests.support.sync_events import ABSENT, ledger_body

Owner = psycopg.Connection[Any]
# Everything about an entry but when it came.
ROWS = """
SELECT tx_id, wallet_id, entry_type, amount::text, currency, related_id, event_time, updated_at, version,
       enqueued_at, sequence_number, content_digest
FROM ledger_entries ORDER BY tx_id
"""
PAIRS = "SELECT order_id, state, anomalies, payment_tx_id, receive_tx_id FROM pairs ORDER BY order_id"


def many(count: int, seed: int, bad: float = 0.0) -> list[bytes]:
    """Entries of few keys in many versions, so that order and repetition matter; some of them bad."""
    chance = Random(seed)
    return [
        b'{"tx_id": ' if chance.random() < bad else _entry(chance, chance.randrange(max(1, count // 3)))
        for _ in range(count)
    ]


def _entry(chance: Random, number: int) -> bytes:
    version = chance.choice([ABSENT, 1, 2, 3])
    side = chance.choice(["PAYMENT", "RECEIVE"])
    amount = str(chance.randrange(5))
    body = ledger_body(
        f"t-{number}", entry_type=side, amount=amount, related_id=f"o-{number // 2}", version=version
    )
    return json.dumps(body).encode()


def written(path: Path, lines: Iterable[bytes], end: bytes = b"\n") -> Path:
    """A file of lines, packed where its name says so."""
    data = b"".join(line + end for line in lines)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def load(runtime: Runtime, path: Path | str, stream: Stream = "ledger", **wished: Any) -> Loaded:
    """Load a file."""
    told: Mapping[str, Any] = {"format": "ndjson", "who": "test", **wished}
    return load_dump(runtime, Wish(str(path), stream, **told))


def counts(loaded: Loaded) -> dict[str, int]:
    """What became of the lines, zeros left out."""
    return {name: number for name, number in loaded.run.counts._asdict().items() if number}


def state(owner: Owner) -> tuple[list[Any], list[Any]]:
    """The converged state."""
    return owner.execute(ROWS).fetchall(), owner.execute(PAIRS).fetchall()

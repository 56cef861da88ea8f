"""The same bodies as producers of each profile write them. A profile says how to read; this says how to write."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from infra.local.sample.model import LEDGER, Stream
from infra.local.sample.records import Body, time_field

CANONICAL = "canonical-v1"
RECEIVER = "receiver_wallet_id"
# A transfer without an order comes from outside.
OUTSIDE = "bank"
_CAMEL_ENTRY = {"tx_id": "txHash", "wallet_id": "userId", "related_id": "orderId", "event_time": "timestamp"}
_CAMEL_ORDER = {"created_at": "timestamp"}


class Dialect(NamedTuple):
    """How a body is written; `is_whole` when one record tells both sides of a payment."""

    write: Callable[[Stream, Body], Body]
    is_whole: bool = False


def plain(stream: Stream, body: Body) -> Body:
    """The body under the contract's own names."""
    told = dict(body)
    if stream == LEDGER:
        name = time_field(told)
        if name != "event_time":
            told["event_time"] = told.pop(name)
        if "type" in told:
            told["entry_type"] = told.pop("type")
    if "source_version" in told:
        told["version"] = told.pop("source_version")
    return told


def _as_it_is(_stream: Stream, body: Body) -> Body:
    return body


def _change(stream: Stream, body: Body) -> Body:
    """The row after an update, and where it stood; `before` is what most connectors leave out."""
    row = plain(stream, body)
    at = _milliseconds(row.get("updated_at", row.get("event_time", row.get("created_at"))))
    source = {"connector": "postgresql", "db": "payments", "table": stream, "ts_ms": at}
    return {"payload": {"before": None, "after": row, "source": source, "op": "u", "ts_ms": at}}


def _camel(stream: Stream, body: Body) -> Body:
    row, own = plain(stream, body), _CAMEL_ENTRY if stream == LEDGER else _CAMEL_ORDER
    told = {own.get(name, _camel_name(name)): value for name, value in row.items()}
    told["timestamp"] = _milliseconds(told.get("timestamp"))
    return told


def _transfer(stream: Stream, body: Body) -> Body:
    if stream != LEDGER:
        return plain(stream, body)
    row = plain(stream, body)
    told: dict[str, Any] = {name: row[name] for name in ("amount", "currency", "site_id") if name in row}
    told |= {name: row[name] for name in ("updated_at", "version") if name in row}
    told |= {
        "tx_id": str(row["tx_id"]).removesuffix("-P"),
        "order_id": row.get("related_id"),
        "sender": row.get("wallet_id"),
        "receiver": row.get(RECEIVER, OUTSIDE),
        "status": "DONE",
        "type": "TRANSFER",
        "timestamp": row["event_time"],
    }
    return told


DIALECTS: Mapping[str, Dialect] = {
    CANONICAL: Dialect(_as_it_is),
    "cdc-v1": Dialect(_change),
    "camelcase-v1": Dialect(_camel),
    "transfers-v1": Dialect(_transfer, is_whole=True),
}


def dialect_of(profile: str) -> Dialect:
    """How events of a profile are written. Raises LookupError for one whose producers are not known here."""
    if profile not in DIALECTS:
        known = ", ".join(DIALECTS)
        raise LookupError(
            f"there is no sample in the dialect {profile!r}, only in {known}; send a file of your own"
        )
    return DIALECTS[profile]


def _camel_name(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def _milliseconds(text: Any) -> Any:
    """Milliseconds since 1970; what is no time stays as it is, for events that are malformed on purpose."""
    if len(str(text)) <= len("2026-11-23"):
        return text
    try:
        return round(datetime.fromisoformat(str(text)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return text

"""Against the plain way: one ORM transaction per event, as one would write it on the first day; the same rows."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, registry

from shared.database.engine import build_engine
from shared.pairing.tables import pairs
from shared.sync.events.payment_order import status_group
from shared.sync.model import Event
from shared.sync.tables import ledger_entries, payment_orders
from tests.bench.ingest import backend_pid, run_ours
from tests.bench.measure import Figure, Measured, Plan, pinned, run_rounds
from tests.bench.server import BenchServer
from tests.bench.workload import workload

FIGURE = Figure(
    "against the plain way", "ingest core at batch 1,000, events/s", "one ORM transaction per event", 20, 50
)
ORDERS = 300
LEGS = {"PAYMENT": "payment", "RECEIVE": "receive"}
WALLETS = {"PAYMENT": "sender", "RECEIVE": "receiver"}
_mapper = registry()


class LedgerEntry:
    """A mapped ledger entry."""


class PaymentOrder:
    """A mapped payment order."""


class Pair:
    """A mapped pair."""

    order_id: str


_mapper.map_imperatively(LedgerEntry, ledger_entries)
_mapper.map_imperatively(PaymentOrder, payment_orders)
_mapper.map_imperatively(Pair, pairs)
_TIMES = ("event_time", "created_at", "updated_at")
_MONEY = ("amount", "amount_signed")


def take_event(engine: Engine, stream: str, event: Event) -> None:
    """Parse, merge if newer, bring the pair up to date, commit."""
    values = _values(json.loads(event.body), event)
    with Session(engine, autoflush=False) as session, session.begin():
        if stream == "ledger":
            _merge(session, LedgerEntry, values["tx_id"], values)
            _repair(session, values["related_id"])
        else:
            values["status_group"] = status_group(values["status"])
            _merge(session, PaymentOrder, values["order_id"], values)
            _repair(session, values["order_id"])


def _values(data: dict[str, Any], event: Event) -> dict[str, Any]:
    now = datetime.now(UTC)
    for name in _TIMES:
        if name in data:
            data[name] = datetime.fromisoformat(data[name])
    for name in _MONEY:
        if name in data:
            data[name] = Decimal(data[name])
    place = {"enqueued_at": event.enqueued_at, "sequence_number": event.sequence_number}
    return {**data, **place, "content_digest": b"\x00" * 32, "first_ingested_at": now, "ingested_at": now}


def _merge(session: Session, kind: type[Any], key: str, values: dict[str, Any]) -> None:
    stored = session.get(kind, key, with_for_update=True)
    if stored is None:
        stored = kind()
        session.add(stored)
    elif (stored.updated_at, stored.version) >= (values["updated_at"], values["version"]):
        return
    for name, value in values.items():
        setattr(stored, name, value)
    session.flush()


def _repair(session: Session, order_id: str) -> None:
    pair = session.get(Pair, order_id, with_for_update=True)
    if pair is None:
        pair = Pair()
        pair.order_id = order_id
        session.add(pair)
    order = session.get(PaymentOrder, order_id)
    found = session.scalars(select(LedgerEntry).where(ledger_entries.c.related_id == order_id)).all()
    legs = {side: _first(found, side) for side in LEGS}
    _fill(pair, order, legs)


def _first(found: Any, side: str) -> Any:
    own = [entry for entry in found if entry.entry_type == side]
    return min(own, key=lambda entry: (entry.event_time, entry.tx_id), default=None)


def _fill(pair: Any, order: Any, legs: dict[str, Any]) -> None:
    present = [leg for leg in legs.values() if leg is not None]
    facts = [*([order] if order else []), *present]
    for side, leg in legs.items():
        setattr(pair, f"{LEGS[side]}_tx_id", leg.tx_id if leg else None)
        setattr(pair, f"{LEGS[side]}_event_time", leg.event_time if leg else None)
        setattr(pair, f"{WALLETS[side]}_wallet_id", leg.wallet_id if leg else None)
    first = present[0] if present else order
    pair.amount, pair.currency = first.amount, first.currency
    pair.site_id = facts[0].site_id
    pair.order_status = order.status if order else None
    pair.order_status_group = order.status_group if order else None
    pair.state = ("OPEN", "INCOMPLETE", "COMPLETE")[len(present)]
    stamps = [leg.first_ingested_at for leg in present]
    pair.completed_at = max(stamps) if len(present) == 2 else None
    pair.incomplete_since = stamps[0] if len(present) == 1 else None
    odd = {"ORDER_MISSING"} if order is None else set()
    if len({fact.amount for fact in facts}) > 1:
        odd.add("AMOUNT_MISMATCH")
    pair.anomalies = sorted(odd)


def measure_plain_way(server: BenchServer, plan: Plan, on_round: Callable[[], None]) -> Measured:
    """Our rate over the plain way's; both end in the same rows."""
    load = workload(ORDERS)
    calls = load.batches(1000)
    engine = build_engine(server.runtime.settings, "plain-way")
    with engine.connect() as connection:
        plain_pid = int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())

    def plain() -> float:
        started = time.perf_counter()
        for stream, event in load.events:
            take_event(engine, stream, event)
        return time.perf_counter() - started

    def one_round(_attempt: int) -> tuple[float, float]:
        server.truncate()
        theirs = plain()
        ended = business_rows(server)
        server.truncate()
        ours = run_ours(server, calls)
        assert ended == business_rows(server), "the two ways ended in different rows"
        return len(load.events) / ours, len(load.events) / theirs

    run_ours(server, calls[:1])
    with pinned(backend_pid(server), plain_pid) as core:
        measured = Measured(FIGURE, "events/s", notes={"events": len(load.events), "core": core})
        run_rounds(measured, plan, one_round, server.own_cpu_seconds, on_round)
    engine.dispose()
    return measured


def business_rows(server: BenchServer) -> list[object]:
    """Rows without what only our way keeps (digests and positions of equal content)."""
    return [
        server.owner.execute(statement).fetchall()
        for statement in (
            "SELECT tx_id, wallet_id, entry_type, amount, currency, related_id, event_time, site_id, updated_at,"
            " version FROM ledger_entries ORDER BY tx_id",
            "SELECT order_id, amount, currency, status, status_group, merchant_id, site_id, updated_at, version"
            " FROM payment_orders ORDER BY order_id",
            "SELECT order_id, state, anomalies, payment_tx_id, receive_tx_id, sender_wallet_id, receiver_wallet_id,"
            " amount, currency, order_status, site_id FROM pairs ORDER BY order_id",
        )
    ]

"""Events of one payment as a producer writes them, under ids nobody used before."""

import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

SITE = "KR-SEOUL"


def new_mark() -> str:
    """Makes the ids of a story its own, on whatever system it runs."""
    return uuid.uuid4().hex[:12]


def time_text(moment: datetime) -> str:
    """ISO 8601 in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Payment:
    """One payment: its order and the two sides of it."""

    mark: str = field(default_factory=new_mark)
    happened_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def order_id(self) -> str:
        return f"ord-{self.mark}"

    def tx_id(self, entry_type: str) -> str:
        return f"tx-{self.mark}-{entry_type.lower()}"

    def wallet_id(self, entry_type: str) -> str:
        return f"wal-{self.mark}-{entry_type.lower()}"

    def entry(self, entry_type: str, **changes: Any) -> bytes:
        """A ledger entry of this payment; a change to None leaves the field out."""
        return _body(
            {
                "tx_id": self.tx_id(entry_type),
                "wallet_id": self.wallet_id(entry_type),
                "entry_type": entry_type,
                "amount": "125.50",
                "currency": "EUR",
                "related_id": self.order_id,
                "related_type": "PAYMENT_ORDER",
                "event_time": time_text(self.happened_at),
                "updated_at": time_text(self.happened_at),
                "version": 1,
                "site_id": SITE,
            },
            changes,
        )

    def order(self, status: str, version: int = 1, **changes: Any) -> bytes:
        """A snapshot of the payment's order."""
        return _body(
            {
                "order_id": self.order_id,
                "amount": "125.50",
                "currency": "EUR",
                "status": status,
                "created_at": time_text(self.happened_at),
                "updated_at": time_text(self.happened_at),
                "version": version,
                "merchant_id": "mer-1",
                "merchant_name": "Boulangerie Élise",
                "site_id": SITE,
            },
            changes,
        )


def _body(usual: dict[str, Any], changes: dict[str, Any]) -> bytes:
    merged = {name: value for name, value in {**usual, **changes}.items() if value is not None}
    return json.dumps(merged, ensure_ascii=False).encode()

"""What a ceiling may be raised for: a partition we have met, with a reason of one line."""

from sqlalchemy import Connection

from shared.settings import Settings
from shared.sync.errors import CeilingInvalid
from shared.sync.events.contract import Stream
from shared.sync.rejects.model import Scope, is_writable
from shared.sync.rejects.store import list_partitions


def known_scope(
    connection: Connection, settings: Settings, stream: Stream, partition_id: str | None
) -> Scope:
    """The scope of a stream's hub. Raises CeilingInvalid for a partition we have never met: likely misspelt."""
    hub = settings.ledger_hub_name if stream == "ledger" else settings.payment_order_hub_name
    if partition_id is not None:
        known = list_partitions(connection, hub, settings.event_consumer_group)
        if partition_id not in known:
            raise CeilingInvalid(
                f"{hub} has no partition {partition_id} that was ever read; known: {', '.join(known) or 'none'}"
            )
    return Scope(stream, hub, partition_id)


def scope_name(stream: Stream, partition_id: str | None) -> str:
    """The scope as the audit record names it."""
    return stream if partition_id is None else f"{stream}/{partition_id}"


def require_line(reason: str) -> None:
    """Raises CeilingInvalid for a reason that cannot be shown in one line of text."""
    if not is_writable(reason):
        raise CeilingInvalid("write the reason in one line of printable text")

"""Accept a gap: a person decides that missing events stay missing, and says why."""

from shared.runtime import Runtime
from shared.sync.loss import store
from shared.sync.loss.errors import DecisionIncomplete, GapNotFound
from shared.sync.rejects.model import is_writable


def accept_gap(runtime: Runtime, gap_id: int, who: str, reason: str) -> None:
    """Keep the decision with the gap. Raises GapNotFound unless it is open or expired, and DecisionIncomplete."""
    if not who.strip() or not reason.strip():
        raise DecisionIncomplete("a gap is accepted by somebody and for a reason")
    if not (is_writable(who) and is_writable(reason)):
        raise DecisionIncomplete("write the reason and the name in one line of printable text")
    with runtime.database.transaction() as connection:
        store.lock_gaps(connection)
        if not store.accept_gap(connection, gap_id, who.strip(), reason.strip(), runtime.clock.now()):
            raise GapNotFound(f"gap {gap_id} does not exist, is closed, or is accepted already")

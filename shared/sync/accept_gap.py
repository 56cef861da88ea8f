"""Accept a gap: a person decides that missing events stay missing, and says why."""

from datetime import datetime

from sqlalchemy import Connection

from shared.audit.model import Action
from shared.runtime import Runtime
from shared.spine.all_sites import require_all_sites
from shared.spine.commands import run_command
from shared.spine.model import Command, Context, Done, Effect
from shared.sync.loss import store
from shared.sync.loss.errors import DecisionIncomplete, GapNotFound
from shared.sync.loss.model import Gap, GapState, count
from shared.sync.rejects.model import is_writable


def accept_gap(runtime: Runtime, context: Context, gap_id: int, reason: str) -> Done:
    """Keep the decision with the gap.

    Raises GapNotFound unless it is open or expired, RequestInvalid and DecisionIncomplete for a reason that is none,
    and NotAllowed: a hub is of all sites.
    """

    def act(connection: Connection, now: datetime) -> Effect:
        require_all_sites(context)
        if not is_writable(reason):
            raise DecisionIncomplete("write the reason in one line of printable text")
        who, why = context.caller.actor, reason.strip()
        store.lock_gaps(connection)
        before = store.lock_gap(connection, gap_id)
        if before is None or not store.accept_gap(connection, gap_id, who, why, now):
            raise GapNotFound(f"gap {gap_id} does not exist, is closed, or is accepted already")
        body = {"accepted": gap_id, "by": who, "reason": why}
        after = {**_state(before), "state": GapState.ACCEPTED.value}
        return Effect(body=body, before=_state(before), after=after)

    command = Command(
        action=Action.GAP_ACCEPT, target_type="sequence_gap", target_id=str(gap_id), reason=reason
    )
    return run_command(runtime, context, command, act)


def _state(gap: Gap) -> dict[str, object]:
    """What the audit record keeps of a gap; its ranges may be many, so they are counted."""
    return {
        "state": gap.state.value,
        "first_number": gap.first_number,
        "last_number": gap.last_number,
        "missing_events": count(gap.missing),
        "expired_events": count(gap.expired),
    }

"""Lift a legal hold: what it held may be purged again."""

from shared.audit.access.store import release_hold
from shared.audit.append_entry import append_entry
from shared.audit.errors import PurgeRefused
from shared.audit.model import Action, Chain, Facts, Outcome, PrincipalType
from shared.runtime import Runtime


def lift_hold(runtime: Runtime, hold_id: int, actor: str, reason: str) -> None:
    """Raises PurgeRefused when no such hold stands, EntryInvalid without an actor or a reason."""
    now = runtime.clock.now()
    with runtime.database.transaction() as connection:
        hold = release_hold(connection, hold_id, actor, now)
        if hold is None:
            raise PurgeRefused(f"no hold {hold_id} stands")
        append_entry(
            connection,
            Facts(
                chain=Chain.CONTROL,
                occurred_at=now,
                actor=actor,
                principal_type=PrincipalType.PERSON,
                action=Action.HOLD_RELEASE,
                target_type="legal_hold",
                target_id=str(hold_id),
                outcome=Outcome.DONE,
                reason=reason,
                before={"placed_by": hold.placed_by, "first_day": str(hold.first_day)},
            ),
        )

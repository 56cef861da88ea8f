"""Place a legal hold on days of access records: they are not purged until it is released."""

from datetime import date

from shared.audit.access.model import Hold
from shared.audit.access.store import insert_hold
from shared.audit.append_entry import append_entry
from shared.audit.errors import EntryInvalid
from shared.audit.model import Action, Chain, Facts, Outcome, PrincipalType
from shared.runtime import Runtime


def place_hold(runtime: Runtime, first_day: date, last_day: date | None, actor: str, reason: str) -> int:
    """The hold's number. Raises EntryInvalid without an actor or a reason, and for days in the wrong order."""
    now = runtime.clock.now()
    if last_day is not None and last_day < first_day:
        raise EntryInvalid(f"{last_day} lies before {first_day}")
    if not reason.strip():
        raise EntryInvalid("a hold has a reason")
    with runtime.database.transaction() as connection:
        number = insert_hold(connection, Hold(first_day, last_day, actor, now, reason.strip()))
        append_entry(
            connection,
            Facts(
                chain=Chain.CONTROL,
                occurred_at=now,
                actor=actor,
                principal_type=PrincipalType.PERSON,
                action=Action.HOLD_PLACE,
                target_type="legal_hold",
                target_id=str(number),
                outcome=Outcome.DONE,
                reason=reason,
                after={"first_day": str(first_day), "last_day": str(last_day) if last_day else None},
            ),
        )
    return number

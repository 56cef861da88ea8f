"""What was refused: counted before anybody is known, recorded afterwards, and for commands an entry of the audit."""

from shared.audit.access.model import kept_text
from shared.audit.access.store import insert_access
from shared.audit.append_entry import append_entry
from shared.audit.model import Action, Chain, Facts, Outcome
from shared.runtime import Runtime
from shared.spine import store
from shared.spine.model import Context
from shared.spine.recording import access_of

_ADDRESS_CHARACTERS_MAX = 64


def count_refusal(runtime: Runtime, address: str | None, code: str) -> None:
    """One more refusal of somebody unknown; one row per address, code and minute, however many they are."""
    known = kept_text(address or "unknown")[:_ADDRESS_CHARACTERS_MAX]
    with runtime.database.transaction() as connection:
        store.count_refusal(connection, known, code)


def record_refusal(runtime: Runtime, context: Context, status: int, code: str, seconds: float) -> None:
    """The access record of a read that was refused before it began."""
    access = access_of(context, runtime.clock.now(), seconds, code)
    assert access.status == status, "a code has one status"
    with runtime.database.transaction() as connection:
        insert_access(connection, access)


def deny(
    runtime: Runtime, context: Context, action: Action, target_type: str, target_id: str | None, code: str
) -> None:
    """The entry of a control action that was refused before it began, in a transaction of its own."""
    facts = Facts(
        chain=Chain.CONTROL,
        occurred_at=runtime.clock.now(),
        actor=context.caller.actor,
        principal_type=context.caller.principal_type,
        role=context.caller.role_for(context.permission, None),
        action=action,
        target_type=target_type,
        target_id=kept_text(target_id) if target_id else None,
        outcome=Outcome.DENIED,
        after={"code": code},
        request_id=context.request_id,
        idempotency_key=context.idempotency_key,
        client_address=kept_text(context.client_address) if context.client_address else None,
        user_agent=kept_text(context.user_agent) if context.user_agent else None,
    )
    with runtime.database.transaction() as connection:
        append_entry(connection, facts)

"""Every write: the key that makes a repeat harmless, the act, its entry in the audit record, the answer; one commit.

What fails is rolled back whole; then one entry says so, in a transaction of its own.
"""

import logging
import time
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from shared.audit.access.model import kept_text
from shared.audit.access.store import insert_access
from shared.audit.append_entry import append_entry, stands
from shared.audit.model import Chain, Entry, Facts, Outcome
from shared.errors.base import CounterfoilError
from shared.errors.request import FieldProblem, RequestInvalid, UnexpectedFailure
from shared.runtime import Runtime
from shared.security.errors import NotAllowed
from shared.spine import store
from shared.spine.errors import IdempotencyConflict
from shared.spine.model import Command, Context, Done, Effect
from shared.spine.recording import access_of

Act = Callable[[Connection, datetime], Effect]
REASON_CHARACTERS_MAX = 2_000
_LOG = logging.getLogger("counterfoil.spine")


@dataclass
class _Progress:
    """How far a command came; with the commit the answer and the entry stand. A repeat changes nothing."""

    is_repeat: bool = False
    done: Done | None = None
    entry: Entry | None = None


def run_command(runtime: Runtime, context: Context, command: Command, act: Act) -> Done:
    """The answer of the act, or of the first command with the same key. Raises what the act raises.

    The act does all its work on the connection it is given, reads what it changes FOR UPDATE, and may be called once
    only. Raises RequestInvalid for a reason that is none, and IdempotencyConflict.
    """
    command = replace(command, reason=_reason(command.reason))
    now, progress = runtime.clock.now(), _Progress()
    try:
        return _act_once(runtime, context, command, act, now, progress)
    except Exception as error:
        if progress.is_repeat:
            raise
        if progress.done is None:
            _record_failure(runtime, context, command, now, error)
            raise
        # It broke on the commit: whether the change stands, only the chain can tell.
        if not _is_committed(runtime, context, command, now, progress, error):
            raise
        return progress.done


def _reason(text: str) -> str:
    """The reason without blanks around it. Raises RequestInvalid before anything is read or written."""
    reason = text.strip()
    if not reason:
        raise RequestInvalid(FieldProblem("reason", "is missing; say why, in your own words"))
    if len(reason) > REASON_CHARACTERS_MAX:
        raise RequestInvalid(FieldProblem("reason", f"is longer than {REASON_CHARACTERS_MAX} characters"))
    if any(unicodedata.category(each) == "Cs" or each == "\0" for each in reason):
        raise RequestInvalid(FieldProblem("reason", "has characters that cannot be written; remove them"))
    return reason


def _act_once(
    runtime: Runtime, context: Context, command: Command, act: Act, now: datetime, progress: _Progress
) -> Done:
    started = time.perf_counter()
    with runtime.database.transaction() as connection:
        if answered := _answered(connection, context):
            progress.is_repeat = True
            # A repeat does nothing but read what was answered.
            access = access_of(context, now, time.perf_counter() - started, count=1)
            insert_access(connection, replace(access, status=answered.status))
            return answered
        effect = act(connection, now)
        body = msgspec.json.encode(effect.body)
        _keep(connection, context, effect)
        progress.entry = append_entry(connection, _done(context, command, effect, now))
        # What is answered is what a repeat reads, secrets excepted.
        progress.done = Done(effect.status, msgspec.json.decode(body))
    return progress.done


def _answered(connection: Connection, context: Context) -> Done | None:
    """The first answer under the request's key; None when this is the first."""
    if context.idempotency_key is None:
        return None
    assert context.request_hash is not None, "a key came with its request's hash"
    kept = store.claim_key(
        connection, context.caller.principal_id, context.idempotency_key, context.request_hash
    )
    if kept is None:
        return None
    if kept.request_hash != context.request_hash:
        raise IdempotencyConflict(context.idempotency_key)
    return Done(kept.status, msgspec.json.decode(kept.body), replayed=True)


def _keep(connection: Connection, context: Context, effect: Effect) -> None:
    if context.idempotency_key is None:
        return
    shown_again = {name: None if name in effect.secrets else each for name, each in effect.body.items()}
    body = msgspec.json.encode(shown_again)
    store.keep_answer(connection, context.caller.principal_id, context.idempotency_key, effect.status, body)


def _done(context: Context, command: Command, effect: Effect, now: datetime) -> Facts:
    facts = _facts(context, command, now, Outcome.DONE, effect.after)
    site_id = effect.site_id or command.site_id
    return replace(
        facts,
        before=effect.before,
        target_id=effect.target_id or command.target_id,
        site_id=site_id,
        role=context.caller.role_for(context.permission, site_id),
        approval_id=effect.approval_id,
    )


def _facts(
    context: Context, command: Command, now: datetime, outcome: Outcome, after: Mapping[str, object] | None
) -> Facts:
    return Facts(
        chain=Chain.CONTROL,
        occurred_at=now,
        actor=context.caller.actor,
        principal_type=context.caller.principal_type,
        role=context.caller.role_for(context.permission, command.site_id),
        site_id=command.site_id,
        action=command.action,
        target_type=command.target_type,
        target_id=kept_text(command.target_id) if command.target_id else None,
        outcome=outcome,
        reason=command.reason,
        after=after,
        request_id=context.request_id,
        idempotency_key=context.idempotency_key,
        client_address=kept_text(context.client_address) if context.client_address else None,
        user_agent=kept_text(context.user_agent) if context.user_agent else None,
    )


def _record_failure(
    runtime: Runtime, context: Context, command: Command, now: datetime, error: Exception
) -> None:
    """One entry for what did not happen; when not even that can be written, the error is raised on all the same."""
    try:
        with runtime.database.transaction() as connection:
            append_entry(connection, _failed(context, command, now, error))
        _mark_recorded(error)
    except Exception:  # noqa: BLE001 - the first error is the one to tell
        _LOG.exception("request %s: the failure of %s is not recorded", context.request_id, command.action)


def _mark_recorded(error: Exception) -> None:
    if isinstance(error, CounterfoilError):
        error.recorded = True


def _failed(context: Context, command: Command, now: datetime, error: Exception) -> Facts:
    outcome = Outcome.DENIED if isinstance(error, NotAllowed) else Outcome.FAILED
    code = error.code if isinstance(error, CounterfoilError) else UnexpectedFailure.code
    return _facts(context, command, now, outcome, {"code": code})


def _is_committed(
    runtime: Runtime, context: Context, command: Command, now: datetime, progress: _Progress, error: Exception
) -> bool:
    """Whether the change stands although its commit was not heard; if it does not, that is recorded.

    The chain's lock is asked for first: a commit that is still on its way ends before we look.
    """
    assert progress.entry is not None, "an answer comes with its entry"
    try:
        with runtime.database.transaction() as connection:
            if stands(connection, progress.entry):
                return True
            append_entry(connection, _failed(context, command, now, error))
        _mark_recorded(error)
    except Exception:  # noqa: BLE001 - the first error is the one to tell
        _LOG.exception("request %s: it is unknown whether %s stands", context.request_id, command.action)
    return False

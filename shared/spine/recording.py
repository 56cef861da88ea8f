"""What is recorded of a request, made from its context: the same for a read and for a refusal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.audit.access.model import HASH_KEY, Access, id_hash, kept_text, query_text
from shared.errors.catalog import entry_of
from shared.runtime import Runtime
from shared.spine.model import Context


@dataclass(frozen=True)
class LookedUp:
    """The ids a request asked for, as hashes under one version of the key."""

    hashes: tuple[bytes, ...] = ()
    key_version: str | None = None


def looked_up_of(runtime: Runtime, ids: Sequence[str]) -> LookedUp:
    """The ids' hashes. Raises SecretUnavailable: what cannot be recorded is not looked up."""
    if not ids:
        return LookedUp()
    key = runtime.secrets.get(HASH_KEY)
    return LookedUp(tuple(id_hash(key.key, each) for each in ids), key.version)


def access_of(
    context: Context,
    occurred_at: datetime,
    seconds: float,
    code: str | None = None,
    *,
    count: int = 0,
    site_id: str | None = None,
    looked_up: LookedUp = LookedUp(),
) -> Access:
    """The record of a request that was answered, or with a code refused."""
    caller = context.caller
    return Access(
        occurred_at=occurred_at,
        actor=caller.actor,
        principal_type=caller.principal_type.value,
        role=caller.role_for(context.permission, site_id),
        site_id=site_id,
        permission=context.permission.value,
        resource=context.resource,
        status=entry_of(code).http_status if code else 200,
        code=code,
        result_count=count,
        duration_us=max(0, round(seconds * 1_000_000)),
        request_id=context.request_id,
        client_address=kept_text(context.client_address) if context.client_address else None,
        user_agent=kept_text(context.user_agent) if context.user_agent else None,
        query=query_text(context.query),
        looked_up=looked_up.hashes,
        key_version=looked_up.key_version,
    )

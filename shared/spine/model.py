"""What stands around a use case: who calls, by which right, from where, and what a change came to."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.audit.model import Action
from shared.security.model import Caller, Permission, Scope


@dataclass(frozen=True, kw_only=True)
class Context:
    """One request of one caller, by HTTP or by a command.

    `resource` is the endpoint's or command's name. `request_hash` is SHA-256 over method, route and body, there when
    an idempotency key came along. `query` is what was asked for, as far as it may be kept: no ids, no free text.
    """

    caller: Caller
    permission: Permission
    resource: str
    request_id: str
    client_address: str | None = None
    user_agent: str | None = None
    idempotency_key: str | None = None
    request_hash: bytes | None = None
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def scope(self) -> Scope:
        """The sites in which the caller may do this."""
        return self.caller.scope_of(self.permission)


@dataclass(frozen=True, kw_only=True)
class Command:
    """A write as it is asked for, before anything is read: `reason` is why, in the caller's words."""

    action: Action
    target_type: str
    reason: str
    target_id: str | None = None
    site_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What a write did: the answer, and the states of its target before and after.

    `target_id` and `site_id` stand in for the command's where only the act could know them. `secrets` names the
    members of `body` that are shown once: the stored answer holds null in their place.
    """

    body: Mapping[str, object]
    status: int = 200
    target_id: str | None = None
    site_id: str | None = None
    before: Mapping[str, object] | None = None
    after: Mapping[str, object] | None = None
    approval_id: str | None = None
    secrets: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Done:
    """A write's answer; `replayed` when it is the first answer to the same key again."""

    status: int
    body: Mapping[str, object]
    replayed: bool = False

"""Admit whoever gives a command with a token: by the same rules as the API."""

from dataclasses import dataclass

from shared.audit.model import Action
from shared.runtime import Runtime
from shared.security.authenticate import authenticate
from shared.security.errors import NotAllowed
from shared.security.model import Permission
from shared.spine.model import Context
from shared.spine.refusals import deny


@dataclass(frozen=True)
class Errand:
    """What a command is about to do: by which right, and, when it changes something, as which action on what."""

    resource: str
    permission: Permission
    action: Action | None = None
    target: str = ""


def admit_holder(runtime: Runtime, credential: str, errand: Errand) -> Context:
    """The token's holder, if it may do this anywhere; a change it may not make is recorded as denied.

    Raises TokenInvalid, IssuerUnavailable and NotAllowed.
    """
    context = Context(
        caller=authenticate(runtime, f"Bearer {credential}"),
        permission=errand.permission,
        resource=errand.resource,
        request_id=runtime.ids.new(),
        user_agent=f"command {errand.resource.split()[0]}",
    )
    if not context.scope:
        if errand.action is not None:
            deny(runtime, context, errand.action, errand.target, None, NotAllowed.code)
        raise NotAllowed(f"{context.caller.actor} lacks {errand.permission}")
    return context

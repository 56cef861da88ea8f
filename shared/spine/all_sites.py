"""What concerns every site at once, such as a hub that carries the events of all of them."""

from shared.security.errors import NotAllowed
from shared.spine.model import Context


def require_all_sites(context: Context) -> None:
    """Raises NotAllowed for who may do this at some sites only."""
    if not context.scope.everything:
        raise NotAllowed(f"{context.caller.actor} holds {context.permission} at some sites, not at all")

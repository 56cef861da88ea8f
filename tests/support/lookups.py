"""Who looks up in tests: a context for the sites one names, all of them when one names none."""

from typing import Any

from shared.security.model import Permission
from shared.spine.model import Context
from tests.support.callers import context_with


def looking(*sites: str, role: str = "administrator", **changes: Any) -> Context:
    """A look-up of a person with that role on these sites; none named are all of them."""
    return context_with(role, Permission.LOOKUP_READ, *sites, **changes)

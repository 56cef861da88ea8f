"""The reason every change by somebody's hand comes with."""

from typing import Annotated

import msgspec

Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]


class Why(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change that needs nothing but its reason."""

    reason: Reason

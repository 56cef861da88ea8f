"""What is looked for in the audit record."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from shared.audit.model import Chain, instant_text


def _texts(values: Mapping[str, object]) -> dict[str, str | None]:
    """A filter's values as texts, by which a cursor belongs to its list."""
    return {
        name: instant_text(each) if isinstance(each, datetime) else None if each is None else str(each)
        for name, each in values.items()
    }


@dataclass(frozen=True, kw_only=True)
class EntryFilter:
    """Entries of one chain; what is None is not asked for. Times are the chain's own, both ends are in."""

    chain: Chain = Chain.CONTROL
    actor: str | None = None
    action: str | None = None
    target_type: str | None = None
    target_id: str | None = None
    site: str | None = None
    outcome: str | None = None
    request_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def texts(self) -> dict[str, str | None]:
        """What a cursor of this list is bound to."""
        return _texts(asdict(self))


@dataclass(frozen=True, kw_only=True)
class AccessFilter:
    """Access records; `hashes` are those of one id under every version of the key."""

    actor: str | None = None
    resource: str | None = None
    site: str | None = None
    request_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    hashes: tuple[bytes, ...] = ()

    def texts(self) -> dict[str, str | None]:
        """What a cursor of this list is bound to."""
        return _texts(asdict(self))

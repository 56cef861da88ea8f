"""The token policy of the settings as durations."""

from datetime import datetime, timedelta

from shared.security.own_tokens.store import Moment
from shared.settings import Settings


def moment(settings: Settings, now: datetime) -> Moment:
    """When a token is looked at."""
    return Moment(now, timedelta(days=settings.token_rotate_after_days))


def life(settings: Settings, days: int | None = None) -> timedelta:
    """How long a token lives; as long as allowed unless fewer days are wished."""
    return timedelta(days=days or settings.token_life_days_max)


def overlap(settings: Settings) -> timedelta:
    """How long a rotated token's old secret is good."""
    return timedelta(minutes=settings.token_overlap_minutes)

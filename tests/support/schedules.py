"""The times of every duty, for a host of which a test wants none of them, or only its own."""

from functions.schedule import SCHEDULE

# On the first of January: as good as never.
NEVER = "0 0 0 1 1 *"


def never(**others: str) -> dict[str, str]:
    """Every duty's setting, that of nobody's hour; but for those named."""
    return {**{duty.schedule: NEVER for duty in SCHEDULE}, **others}

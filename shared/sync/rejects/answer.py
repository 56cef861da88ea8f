"""What callers see of a ceiling: plain values, times in UTC."""

from datetime import UTC, datetime

from shared.sync.rejects.model import Ceiling


def ceiling_body(ceiling: Ceiling) -> dict[str, object]:
    """A ceiling as commands tell it and the audit record keeps it."""
    return {
        **ceiling._asdict(),
        "share": f"{ceiling.share.normalize():f}",
        "valid_from": moment_text(ceiling.valid_from),
        "valid_until": moment_text(ceiling.valid_until),
    }


def moment_text(moment: datetime) -> str:
    """To the second: a ceiling is set by people."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

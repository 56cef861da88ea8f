"""Whether a reading refuses a value, whatever it says about it."""

from collections.abc import Callable


def refuses(parse: Callable[[object], object], raw: object) -> bool:
    """True when the value is refused as wrong; any other exception is a defect and passes on."""
    try:
        parse(raw)
    except ValueError:
        return True
    return False

"""Log records of the host and of the worker on standard error, one line each."""

import logging
import sys
import time
from collections.abc import Callable

_LEVELS = {
    "Trace": logging.DEBUG,
    "Debug": logging.DEBUG,
    "Information": logging.INFO,
    "Warning": logging.WARNING,
    "Error": logging.ERROR,
    "Critical": logging.CRITICAL,
    "None": logging.CRITICAL + 1,
}
_LIBRARIES = ("azure", "uvicorn", "asyncio", "urllib3", "msal")

HOST_LOGGER = "host"


class OneLine(logging.Formatter):
    """Time, level, function, invocation id and text; line ends inside the text become ` | `."""

    converter = time.gmtime  # type: ignore[assignment]  # typeshed forgets the optional argument

    def __init__(self, running: Callable[[], tuple[str, str] | None]) -> None:
        super().__init__(
            "%(asctime)s.%(msecs)03dZ %(levelname)s %(origin)s %(message)s", datefmt="%Y-%m-%dT%H:%M:%S"
        )
        self._running = running

    def format(self, record: logging.LogRecord) -> str:
        running = self._running()
        record.origin = " ".join(running) if running and record.name != HOST_LOGGER else record.name
        return " | ".join(super().format(record).splitlines())


def configure_logs(level: str, running: Callable[[], tuple[str, str] | None]) -> None:
    """Send every record to standard error; `running` tells function and invocation id of the calling code."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine(running))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_LEVELS[level])
    logging.getLogger(HOST_LOGGER).setLevel(min(_LEVELS[level], logging.INFO))
    for name in _LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING)
    # The receiver reports every failure itself, in one clear sentence instead of the SDK's dozen lines.
    logging.getLogger("azure.eventhub").setLevel(logging.CRITICAL)

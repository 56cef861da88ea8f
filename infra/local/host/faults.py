"""Faults that tests and drills switch on: paused functions, failing invocations, lost batches, a crash."""

import asyncio
import logging
import os
import signal
from collections import Counter
from collections.abc import Iterable
from typing import Any

from infra.local.host.logs import HOST_LOGGER

log = logging.getLogger(HOST_LOGGER)

SWITCHES = ("pause", "resume", "fail_next", "lose_batch", "crash_after_invoke")


class UnknownFault(ValueError):
    """The request names a switch or a function that does not exist; the message says which."""


class Faults:
    """The switches; all off until the admin endpoint (opened by --faults) sets them."""

    def __init__(self, functions: Iterable[str]) -> None:
        self._running = {name: asyncio.Event() for name in functions}
        for running in self._running.values():
            running.set()
        self._fail: Counter[str] = Counter()
        self._lose: Counter[str] = Counter()
        self._crash: Counter[str] = Counter()

    def switch(self, request: dict[str, Any]) -> None:
        """Apply a request such as {"pause": "f"} or {"fail_next": {"f": 3}}. Raises UnknownFault."""
        for key, value in request.items():
            if key not in SWITCHES:
                raise UnknownFault(f"There is no fault switch {key!r}; there are {', '.join(SWITCHES)}.")
            counts = value if isinstance(value, dict) else {value: 1}
            for function, count in counts.items():
                if function not in self._running:
                    raise UnknownFault(f"There is no function {function!r}.")
                self._set(key, function, int(count))

    def _set(self, key: str, function: str, count: int) -> None:
        if key == "pause":
            self._running[function].clear()
        elif key == "resume":
            self._running[function].set()
        else:
            {"fail_next": self._fail, "lose_batch": self._lose, "crash_after_invoke": self._crash}[key][
                function
            ] = count

    def is_paused(self, function: str) -> bool:
        return not self._running[function].is_set()

    async def wait_while_paused(self, function: str) -> None:
        await self._running[function].wait()

    def take_failure(self, function: str) -> bool:
        """True when this invocation must fail without reaching the function."""
        return _take(self._fail, function)

    def take_lost_batch(self, function: str) -> bool:
        """True when this batch must be skipped while its checkpoint moves on."""
        return _take(self._lose, function)

    def crash_if_asked(self, function: str) -> None:
        """Kill this process as a power cut would: after the function ended, before anything is recorded."""
        if _take(self._crash, function):
            log.critical(
                "Killing this process after an invocation of %s, as the fault switch asks.", function
            )
            os.kill(os.getpid(), signal.SIGKILL)


def _take(counts: Counter[str], function: str) -> bool:
    if counts[function] <= 0:
        return False
    counts[function] -= 1
    return True

"""Work beside the main thread, which goes on looking after other things."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Job(Generic[Result]):
    """Work in a thread of its own."""

    def __init__(self, work: Callable[[], Result]) -> None:
        self._work = work
        self._results: list[Result] = []
        self._failure: BaseException | None = None
        # A daemon: work that waits for a broker must not keep a stopped program alive.
        self._thread = threading.Thread(target=self._run, name="job", daemon=True)
        self._thread.start()

    def wait(self, seconds: float | None = None) -> bool:
        """True when the work has ended; without a number, wait until it has."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def result(self) -> Result:
        """What the work returned; raises what it raised."""
        if self._failure is not None:
            raise self._failure
        if not self._results:
            raise RuntimeError("the work has not ended")
        return self._results[0]

    def _run(self) -> None:
        try:
            self._results.append(self._work())
        except BaseException as failure:  # noqa: BLE001 - handed to the thread that asks for the result
            self._failure = failure


def side_by_side(*works: Callable[[], Result]) -> list[Result]:
    """The results in the order of the works, which wait for the network at the same time; raises the first failure."""
    jobs = [Job(work) for work in works]
    for job in jobs:
        job.wait()
    return [job.result() for job in jobs]

"""Work beside the main thread."""

import threading

import pytest

from infra.local.stack.job import Job, side_by_side


def test_the_caller_looks_on_while_the_work_goes_on() -> None:
    allowed = threading.Event()
    job = Job(lambda: allowed.wait(60))
    assert not job.wait(0.01)
    with pytest.raises(RuntimeError):
        job.result()
    allowed.set()
    assert job.wait(60)
    assert job.result() is True


def test_a_failure_reaches_whoever_asks_for_the_result() -> None:
    job = Job(lambda: int("nothing"))
    assert job.wait()
    with pytest.raises(ValueError, match="nothing"):
        job.result()


def test_works_run_at_the_same_time_and_keep_their_order() -> None:
    both = threading.Barrier(2, timeout=60)
    assert side_by_side(lambda: (both.wait(), "first")[1], lambda: (both.wait(), "second")[1]) == [
        "first",
        "second",
    ]


def test_one_failure_is_the_failure_of_all() -> None:
    with pytest.raises(ZeroDivisionError):
        side_by_side(lambda: 1.0, lambda: 1 / 0)

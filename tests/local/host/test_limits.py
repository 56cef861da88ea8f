"""Limits: how many requests at once, how long a caller waits, how long a function may run, how long a stop may take."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from infra.local.host.__main__ import parse_arguments
from tests.local.host.conftest import RecordingHost
from tests.support.amqp_client import publish_batch
from tests.support.eventhubs import LocalEventHubs

TIMED_OUT = 3


@contextmanager
def sleeping(host: RecordingHost, seconds: float, number: int = 1) -> Iterator[list[int]]:
    """That many requests whose function sleeps, the first already running; their statuses when they have ended."""
    statuses: list[int] = []
    path = f"{host.prefix}/sleeps?seconds={seconds}"
    requests = [
        threading.Thread(target=lambda: statuses.append(host.get(path).status_code)) for _ in range(number)
    ]
    for request in requests:
        request.start()
    host.wait_for_call("sleeps")
    yield statuses
    for request in requests:
        request.join()


def test_requests_beyond_the_outstanding_are_refused(make_host: Callable[..., RecordingHost]) -> None:
    """With an empty prefix, so that routes begin at the root; the host's own paths stay its own."""
    host = make_host(host_json={"extensions": {"http": {"routePrefix": "", "maxOutstandingRequests": 1}}})
    host.prefix = ""
    host.start()
    with sleeping(host, 1.5) as statuses:
        assert host.get("/items/7").status_code == 429
        assert host.get("/admin/host/ping").status_code == 200
    assert statuses == [200]
    assert host.get("/items/7").json()["function"] == "a_item"
    assert host.get("/api/items/7").status_code == 404


def test_requests_beyond_the_concurrent_wait(make_host: Callable[..., RecordingHost]) -> None:
    host = make_host(host_json={"extensions": {"http": {"maxConcurrentRequests": 1}}})
    host.start()
    with sleeping(host, 0.3, number=3) as statuses:
        pass
    assert statuses == [200, 200, 200]
    starts, ends = (sorted(call["at"] for call in host.calls(kind)) for kind in ("sleeps", "sleeps done"))
    assert all(end <= start for end, start in zip(ends, starts[1:], strict=False))


def test_a_caller_waits_230_seconds_by_default() -> None:
    assert parse_arguments([]).response_seconds == 230.0


def test_a_late_answer_is_504_and_the_function_runs_on(make_host: Callable[..., RecordingHost]) -> None:
    host = make_host(options=("--response-seconds", "0.2"))
    host.start()
    assert host.get("/api/sleeps?seconds=1").status_code == 504
    assert host.calls("sleeps done") == []
    host.wait_for_call("sleeps done")


def test_a_function_beyond_its_time_takes_the_worker_with_it(make_host: Callable[..., RecordingHost]) -> None:
    host = make_host(host_json={"functionTimeout": "00:00:01"})
    host.start()
    with pytest.raises(httpx.RemoteProtocolError):
        host.get("/api/sleeps?seconds=60")
    assert host.wait_for_end() == TIMED_OUT


def test_what_a_stop_cuts_off_is_not_recorded(
    broker: LocalEventHubs, make_host: Callable[..., RecordingHost]
) -> None:
    host = make_host(options=("--stop-seconds", "0.3"))
    publish_batch(broker.port, "plain", b'{"sleep": 60}')
    host.start()
    host.wait_for_call("stream_plain")
    assert host.stop() == 1
    assert host.calls("stream_plain done") == []
    assert not (host.data / "checkpoints").exists()

"""HTTP functions through the host: routing, what the function sees, what the caller gets, keys."""

import socket

import httpx
import pytest

from tests.local.host.conftest import RecordingHost
from tests.support.functions_host import wait_until


def test_the_function_sees_the_request_as_the_platform_passes_it(shared_host: RecordingHost) -> None:
    headers = {
        "X-Mixed-Case": "Value",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }
    answer = shared_host.get("/api/items/a%20b?q=1&q=2&empty=", headers=headers)
    seen = answer.json()
    assert (seen["function"], seen["method"], seen["route"]) == ("b_item_by_name", "GET", {"name": "a b"})
    assert seen["url"] == f"{shared_host.url}/api/items/a%20b?q=1&q=2&empty="
    assert seen["query"] == {"q": "2"}
    assert seen["headers"]["x-mixed-case"] == "Value"
    assert seen["body"] == ""
    assert answer.headers["x-function"] == "b_item_by_name"


def test_the_callers_address_ends_the_forwarded_ones(shared_host: RecordingHost) -> None:
    """As the platform's front end writes it; what a caller says itself stands before."""
    for claimed in ("", "203.0.113.9"):
        headers = {"X-Forwarded-For": claimed} if claimed else {}
        seen = (
            shared_host.get("/api/items/7", headers=headers).json()["headers"]["x-forwarded-for"].split(",")
        )
        assert seen[:-1] == [claimed] * bool(claimed)
        assert seen[-1].rpartition(":")[0] == "127.0.0.1"


def test_status_headers_cookie_and_bytes_come_back(shared_host: RecordingHost) -> None:
    answer = shared_host.request("POST", "/api/bytes", content=b"\x00\xff\n")
    assert (answer.status_code, answer.content) == (418, b"\n\xff\x00")
    assert answer.headers["content-type"] == "application/x-own"
    assert answer.headers["x-answer"] == "yes"
    assert answer.headers["set-cookie"] == "a=1; HttpOnly; Path=/; SameSite=lax"


def test_a_body_without_content_length_is_not_passed(shared_host: RecordingHost) -> None:
    address = ("127.0.0.1", int(shared_host.ready["port"]))
    request = (
        b"POST /api/files/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection(address) as connection:
        connection.sendall(request + b"3\r\nabc\r\n0\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200")
    assert b'"body": ""' in answer


@pytest.mark.parametrize(
    ("method", "path", "function"),
    [
        ("GET", "/api/items/7", "a_item"),
        ("GET", "/api/items/seven", "b_item_by_name"),
        ("HEAD", "/api/items/7", "b_item_by_name"),
        ("PUT", "/api/items/7", "c_put_item"),
        ("PATCH", "/api/files/a/b", "files"),
        ("GET", "/API/Files", "files"),
    ],
)
def test_routes(shared_host: RecordingHost, method: str, path: str, function: str) -> None:
    answer = shared_host.request(method, path)
    assert (answer.status_code, answer.headers["x-function"]) == (200, function)
    assert bool(answer.content) == (method != "HEAD")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/nothing"),
        ("GET", "/items/7"),
        ("POST", "/api/items/7"),
        ("HEAD", "/api/items/7/8"),
        ("GET", "/api/off"),
        ("GET", "/admin/nothing"),
        ("GET", "/runtime/webhooks"),
        ("GET", "/api/items/%2e%2e/x"),
    ],
)
def test_what_no_route_takes_is_not_found(shared_host: RecordingHost, method: str, path: str) -> None:
    assert shared_host.request(method, path).status_code == 404


def test_keys_open_what_they_are_for(shared_host: RecordingHost) -> None:
    keys = shared_host.keys()
    own, other = keys["functions"]["guarded"], keys["functions"]["masters"]
    for key, guarded, masters in (
        (None, 401, 401),
        ("wrong", 401, 401),
        (other, 401, 401),
        (own, 204, 401),
        (keys["host"], 204, 401),
        (keys["master"], 204, 204),
    ):
        headers = {} if key is None else {"X-Functions-Key": key}
        assert shared_host.get("/api/guarded", headers=headers).status_code == guarded
        assert shared_host.get("/api/masters", headers=headers).status_code == masters
    assert shared_host.get(f"/api/guarded?code={own}").status_code == 204
    wins = {"x-functions-key": "wrong"}
    assert shared_host.get(f"/api/guarded?code={own}", headers=wins).status_code == 401


def test_the_key_file_is_for_its_owner_only(shared_host: RecordingHost) -> None:
    assert (shared_host.data / "keys.json").stat().st_mode & 0o777 == 0o600
    assert shared_host.ready["keys"] == str(shared_host.data / "keys.json")


def test_a_failing_function_is_500_and_one_log_line(shared_host: RecordingHost) -> None:
    answer = shared_host.get("/api/fails")
    assert (answer.status_code, answer.content) == (500, b"")
    lines = shared_host.log_text.splitlines()
    own = next(line for line in lines if "about to fail" in line)
    assert own.endswith("about to fail | in two lines")
    time, level, function, invocation_id = own.split()[:4]
    assert (time[-1], level, function) == ("Z", "WARNING", "fails")
    failed = next(line for line in lines if invocation_id in line and "Executed" in line)
    assert "'Functions.fails' (Failed" in failed
    assert failed.endswith("RuntimeError: as told")


def test_a_body_beyond_the_limit_is_refused(shared_host: RecordingHost) -> None:
    address = ("127.0.0.1", int(shared_host.ready["port"]))
    with socket.create_connection(address) as connection:
        connection.sendall(b"POST /api/bytes HTTP/1.1\r\nHost: h\r\nContent-Length: 104857601\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 413"


def test_host_endpoints(shared_host: RecordingHost) -> None:
    assert "up and running" in shared_host.get("/").text
    assert shared_host.get("/admin/host/ping").status_code == 200
    for path in ("host/status", "functions", "pumps"):
        assert shared_host.get(f"/admin/{path}").status_code == 401
        assert shared_host.admin("GET", path).status_code == 200
    status = shared_host.admin("GET", "host/status").json()
    assert status["state"] == "Running"
    assert "stream_plain" in status["functions"]


def test_a_paused_http_function_waits(shared_host: RecordingHost) -> None:
    shared_host.fault(pause="a_item")
    with pytest.raises(httpx.ReadTimeout):
        shared_host.get("/api/items/7", timeout=0.3)
    shared_host.fault(resume="a_item")
    assert shared_host.get("/api/items/7").status_code == 200


def test_fail_next_fails_as_often_as_asked(shared_host: RecordingHost) -> None:
    shared_host.fault(fail_next={"files": 2})
    assert [shared_host.get("/api/files/x").status_code for _ in range(3)] == [500, 500, 200]


@pytest.mark.parametrize(
    "document", [{"explode": "files"}, {"pause": "nothing"}, [], {"fail_next": {"files": "x"}}]
)
def test_an_unknown_fault_is_refused(shared_host: RecordingHost, document: object) -> None:
    answer = shared_host.admin("POST", "faults", document)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_a_timer_is_run_by_hand(shared_host: RecordingHost) -> None:
    before = len(shared_host.calls("timer_yearly"))
    assert shared_host.admin("POST", "functions/timer_yearly").status_code == 202
    wait_until(lambda: len(shared_host.calls("timer_yearly")) > before, "a run of timer_yearly")
    assert shared_host.admin("POST", "functions/a_item").status_code == 404

"""The sinks in their own process, spoken to as the product does."""

import gzip
import json
import os
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.processes import ModuleProcess

MODULE = "infra.local.sinks"
ENVELOPE = {
    "name": "Microsoft.ApplicationInsights.Message",
    "time": "2025-03-01T00:00:00Z",
    "iKey": "00000000-0000-0000-0000-000000000001",
    "data": {
        "baseType": "MessageData",
        "baseData": {"message": "batch applied", "properties": {"batch": "7"}},
    },
}


@pytest.fixture(scope="module")
def sinks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The ready line of running sinks."""
    with ModuleProcess(MODULE, ["--data", str(tmp_path_factory.mktemp("sinks"))]) as process:
        yield process.ready


def url(sinks: dict[str, Any], which: str) -> str:
    return f"http://127.0.0.1:{sinks[which]}"


def received(sinks: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    answer = httpx.get(f"{url(sinks, 'port')}/received", params={"kind": kind, "limit": 200})
    items: list[dict[str, Any]] = answer.raise_for_status().json()["items"]
    return items


def send_mail(sinks: dict[str, Any], message: EmailMessage) -> None:
    with smtplib.SMTP("127.0.0.1", sinks["mail_port"], timeout=10) as client:
        client.send_message(message)


def track(sinks: dict[str, Any], content: bytes, path: str = "/v2.1/track", **headers: str) -> httpx.Response:
    return httpx.post(f"{url(sinks, 'insights_port')}{path}", content=content, headers=headers)


def test_mail_is_kept_with_subject_text_and_recipients(sinks: dict[str, Any]) -> None:
    message = EmailMessage()
    message["From"] = "counterfoil@example.com"
    message["To"] = "operator@example.com, second@example.com"
    message["Subject"] = "Sync lag above 5 min – żółć"
    message.set_content("Lag is 312 s.\nRunbook: sync-lag\n")
    message.add_attachment(b"a,b\n", maintype="text", subtype="csv", filename="lag.csv")
    send_mail(sinks, message)
    kept = received(sinks, "mail")[-1]
    assert kept["from"] == "counterfoil@example.com"
    assert kept["to"] == ["operator@example.com", "second@example.com"]
    assert kept["subject"] == "Sync lag above 5 min – żółć"
    assert kept["text"].splitlines() == ["Lag is 312 s.", "Runbook: sync-lag"]
    assert kept["attachments"] == ["lag.csv"]


def test_mail_of_an_unknown_character_set_is_still_kept(sinks: dict[str, Any]) -> None:
    raw = b"Subject: odd\r\nContent-Type: text/plain; charset=no-such-set\r\n\r\nhello\r\n"
    with smtplib.SMTP("127.0.0.1", sinks["mail_port"], timeout=10) as client:
        client.sendmail("a@example.com", ["b@example.com"], raw)
    assert received(sinks, "mail")[-1]["text"].strip() == "hello"


def test_too_large_a_mail_is_refused(sinks: dict[str, Any]) -> None:
    message = EmailMessage()
    message["From"], message["To"] = "a@example.com", "b@example.com"
    message.set_content("x\n" * 1_500_000)
    with pytest.raises(smtplib.SMTPSenderRefused, match="552"):
        send_mail(sinks, message)


def test_a_hook_is_kept_without_its_credential(sinks: dict[str, Any]) -> None:
    address = f"{url(sinks, 'hook_port')}/services/T1/B1?x=1"
    answer = httpx.post(address, json={"text": "Lag is 312 s"}, headers={"Authorization": "Bearer secret"})
    assert (answer.status_code, answer.text) == (200, "ok")
    kept = received(sinks, "hook")[-1]
    assert (kept["method"], kept["path"], kept["body"]) == (
        "POST",
        "/services/T1/B1",
        {"text": "Lag is 312 s"},
    )
    assert kept["headers"]["authorization"] == "(hidden)"


def test_a_hook_may_send_what_is_not_json(sinks: dict[str, Any]) -> None:
    httpx.post(url(sinks, "hook_port"), content=b"\xff plain").raise_for_status()
    assert received(sinks, "hook")[-1]["body"].endswith(" plain")


@pytest.mark.parametrize("path", ["/v2/track", "/v2.1/track"])
@pytest.mark.parametrize("shape", ["array", "lines"])
@pytest.mark.parametrize("packed", [True, False])
def test_telemetry_is_accepted_in_every_shape(
    sinks: dict[str, Any], path: str, shape: str, packed: bool
) -> None:
    text = json.dumps([ENVELOPE, ENVELOPE]) if shape == "array" else "\n".join([json.dumps(ENVELOPE)] * 2)
    content = gzip.compress(text.encode()) if packed else text.encode()
    headers = {"Content-Encoding": "gzip"} if packed else {}
    before = len(received(sinks, "insights"))
    answer = track(sinks, content, path, **headers)
    assert answer.json() == {"itemsReceived": 2, "itemsAccepted": 2, "errors": []}
    kept = received(sinks, "insights")
    assert len(kept) == before + 2
    assert (kept[-1]["type"], kept[-1]["name"]) == ("MessageData", "batch applied")
    assert kept[-1]["envelope"] == ENVELOPE


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"{not json", {}, 400),
        (b"[1, 2]", {}, 400),
        (b"\xff\xfe", {}, 400),
        (b"not gzip", {"Content-Encoding": "gzip"}, 400),
        (gzip.compress(b"[" + b" " * 17_000_000 + b"]"), {"Content-Encoding": "gzip"}, 413),
    ],
)
def test_bad_telemetry_is_refused(
    sinks: dict[str, Any], content: bytes, headers: dict[str, str], status: int
) -> None:
    answer = track(sinks, content, **headers)
    assert answer.status_code == status
    assert answer.json()["itemsAccepted"] == 0


def test_the_real_exporter_is_understood(sinks: dict[str, Any]) -> None:
    code = (
        "import logging, sys, threading\n"
        "from opencensus.ext.azure.log_exporter import AzureLogHandler\n"
        "handler = AzureLogHandler(connection_string=sys.argv[1], enable_local_storage=False)\n"
        # Its own lock is None, which logging takes no longer since Python 3.13.
        "handler.lock = threading.RLock()\n"
        "logging.getLogger('stream').addHandler(handler)\n"
        "logging.getLogger('stream').warning('lag is %s s', 312)\n"
        "handler.flush(10)\n"
        "handler.close()\n"
    )
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, sinks["insights_connection_string"]],
        env={**os.environ, "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true"},
        check=True,
        timeout=60,
    )
    assert ("MessageData", "lag is 312 s") in [
        (kept["type"], kept["name"]) for kept in received(sinks, "insights")
    ]


def test_live_metrics_are_told_that_nobody_watches(sinks: dict[str, Any]) -> None:
    for call in ("ping", "post"):
        answer = httpx.post(f"{url(sinks, 'insights_port')}/QuickPulseService.svc/{call}?ikey=x")
        assert (answer.status_code, answer.headers["x-ms-qps-subscribed"]) == (200, "false")


def test_the_page_shows_what_came_and_runs_none_of_it(sinks: dict[str, Any]) -> None:
    httpx.post(
        f"{url(sinks, 'hook_port')}/page", json={"text": "<script>alert(1)</script>"}
    ).raise_for_status()
    answer = httpx.get(url(sinks, "port"), params={"kind": "hook"})
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in answer.text
    assert "<script>" not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_the_counts_agree_with_what_was_kept(sinks: dict[str, Any]) -> None:
    counts = httpx.get(f"{url(sinks, 'port')}/counts").json()
    assert counts == {kind: len(received(sinks, kind)) for kind in ("mail", "hook", "insights")}


@pytest.mark.parametrize("query", ["kind=fax", "kind=mail&limit=many", "kind=mail&after=-1", ""])
def test_a_bad_question_is_refused(sinks: dict[str, Any], query: str) -> None:
    answer = httpx.get(f"{url(sinks, 'port')}/received?{query}")
    assert answer.status_code == 400
    assert "kind must be one of mail, hook, insights" in answer.json()["error"]


def test_a_foreign_host_name_is_refused(sinks: dict[str, Any]) -> None:
    answer = httpx.get(f"{url(sinks, 'port')}/counts", headers={"Host": "attacker.example"})
    assert answer.status_code == 400


def test_it_stops_with_its_parent_and_keeps_what_it_received(tmp_path: Path) -> None:
    with ModuleProcess(MODULE, ["--data", str(tmp_path), "--watch-parent"]) as first:
        httpx.post(url(first.ready, "hook_port"), json={"n": 1}).raise_for_status()
        first.end_standard_input()
        assert first.wait() == (0, "")
    with ModuleProcess(MODULE, ["--data", str(tmp_path)]) as second:
        assert received(second.ready, "hook")[-1]["body"] == {"n": 1}


def test_a_busy_port_is_one_sentence(sinks: dict[str, Any], tmp_path: Path) -> None:
    arguments = ["--data", str(tmp_path), "--mail-port", str(sinks["mail_port"])]
    with ModuleProcess(MODULE, arguments) as process:
        code, complaints = process.wait()
    assert code == 1
    assert complaints.startswith(f"Port {sinks['mail_port']} on 127.0.0.1 is busy: stop")
    assert complaints.count("\n") == 1

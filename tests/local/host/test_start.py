"""Starts that are refused with one sentence, and stops."""

import json
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.local.host.conftest import RecordingHost
from tests.support.functions_host import ROOT

TIMER = '@app.timer_trigger(schedule="{schedule}", arg_name="timer")\ndef t(timer: func.TimerRequest) -> None: ...\n'
STREAM = (
    '@app.event_hub_message_trigger(arg_name="e", event_hub_name="h", connection="{connection}"{more})\n'
    "def s(e: {kind}) -> None: ...\n"
)
MANY = ', cardinality="many", data_type="binary"'
LIST = "typing.List[func.EventHubEvent]"

# Source of an app, and what the refusal must name.
REFUSED = {
    "two_triggers_of_a_name": (2 * TIMER.format(schedule="0 0 0 1 1 *"), "ValueError"),
    "builtin_list": (
        STREAM.format(connection="C", more=MANY, kind="list[func.EventHubEvent]"),
        "FunctionLoadError",
    ),
    "missing_setting": (TIMER.format(schedule="%NO_SUCH%"), "NO_SUCH"),
    "bad_schedule": (TIMER.format(schedule="*/5 * * * *"), "*/5 * * * *"),
    "missing_connection": (
        STREAM.format(connection="C", more=MANY, kind=LIST),
        " C ",
    ),
    "single_events": (
        STREAM.format(connection="C", more="", kind="func.EventHubEvent"),
        'cardinality="many"',
    ),
    "text_events": (
        STREAM.format(connection="C", more=', cardinality="many"', kind=LIST),
        'data_type="binary"',
    ),
    "reserved_route": (
        '@app.route(route="admin/x")\ndef r(req: func.HttpRequest) -> str: return ""\n',
        "admin/x",
    ),
    "other_trigger": (
        '@app.queue_trigger(arg_name="m", queue_name="q", connection="C")\ndef q(m: func.QueueMessage) -> None: ...\n',
        "queueTrigger",
    ),
}


def start(folder: Path, source: str, *more: str) -> subprocess.CompletedProcess[str]:
    (folder / "function_app.py").write_text(
        f"import typing\nimport azure.functions as func\napp = func.FunctionApp()\n{source}"
    )
    (folder / "host.json").write_text('{"version": "2.0"}')
    (folder / "local.settings.json").write_text(json.dumps({"IsEncrypted": False, "Values": {}}))
    command = [sys.executable, "-m", "infra.local.host", "--app", str(folder), "--data", str(folder / "data")]
    return subprocess.run(
        [*command, "--port", "0", *more], cwd=ROOT, text=True, capture_output=True, timeout=60, check=False
    )


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_platform_or_this_host_refuses(tmp_path: Path, case: str) -> None:
    source, named = REFUSED[case]
    outcome = start(tmp_path, source)
    assert (outcome.returncode, outcome.stdout) == (1, "")
    lines = outcome.stderr.splitlines()
    assert lines[-1].startswith("host: ")
    assert named in lines[-1]
    assert "Traceback" not in outcome.stderr


def test_a_busy_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = str(busy.getsockname()[1])
        outcome = start(tmp_path, TIMER.format(schedule="0 0 0 1 1 *"), "--port", port)
    assert outcome.returncode == 1
    assert port in outcome.stderr


def test_a_data_directory_in_use_is_refused(shared_host: RecordingHost, tmp_path: Path) -> None:
    outcome = start(tmp_path, TIMER.format(schedule="0 0 0 1 1 *"), "--data", str(shared_host.data))
    assert outcome.returncode == 1
    assert str(shared_host.pid) in outcome.stderr


def test_what_the_app_prints_goes_to_the_log(shared_host: RecordingHost) -> None:
    """Standard output has the ready line only, which the start of the shared host has read."""
    assert shared_host.get("/api/sleeps?seconds=0").text == "awake"
    assert {"the app is imported", "slept well"} <= set(shared_host.log_text.splitlines())


def test_a_running_request_ends_before_the_host(host: RecordingHost) -> None:
    host.start()
    answers: list[str] = []
    request = threading.Thread(target=lambda: answers.append(host.get("/api/sleeps?seconds=1").text))
    request.start()
    host.wait_for_call("sleeps")
    assert host.stop() == 0
    request.join()
    assert answers == ["awake"]

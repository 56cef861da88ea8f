"""Starting and stopping the process: what is wrong is said in one sentence."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.local.eventhubs.errors import StartError
from infra.local.eventhubs.hubs import HubSpec, Namespace, StorageOptions
from infra.local.eventhubs.log import Retention
from infra.local.eventhubs.options import Options
from tests.support.eventhubs import local_event_hubs
from tests.support.processes import ModuleProcess

STORAGE = StorageOptions(Retention(age_ms=10**12, size_bytes=10**9), durable=True)
MODULE = "infra.local.eventhubs"


def _open(folder: Path, *hubs: str) -> Namespace:
    return Namespace.open(folder, [HubSpec.parse(hub) for hub in hubs], ["Counterfoil"], STORAGE)


def _run(*arguments: str) -> tuple[int, str]:
    with ModuleProcess(MODULE, [*arguments, "--hub", "ledger:1"]) as process:
        assert process.ready == {}
        return process.wait()


@contextmanager
def _busy_port() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield str(listener.getsockname()[1])


def test_ready_line_and_clean_stop(tmp_path: Path) -> None:
    arguments = ["--port", "0", "--data", str(tmp_path), "--hub", "ledger:1"]
    with ModuleProcess(MODULE, arguments) as process:
        assert set(process.ready) == {"ready", "port", "pid"}
        assert process.ready["pid"] == process.pid
        process.terminate()
        assert process.wait() == (0, "")


def test_it_stops_when_its_parent_is_gone(tmp_path: Path) -> None:
    arguments = ["--port", "0", "--data", str(tmp_path), "--hub", "ledger:1", "--watch-parent"]
    with ModuleProcess(MODULE, arguments) as process:
        process.end_standard_input()
        assert process.wait() == (0, "")


def test_a_busy_port_is_named(tmp_path: Path) -> None:
    with _busy_port() as port:
        amqp = _run("--port", port, "--data", str(tmp_path))
        control = _run("--port", "0", "--control-port", port, "--data", str(tmp_path))
    for (status, text), option in ((amqp, " --port"), (control, " --control-port")):
        assert (status, text.count("\n")) == (1, 1)
        assert port in text
        assert option in text


def test_a_data_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    status, text = _run("--port", "0", "--data", str(tmp_path / "data"))
    assert (status, text.count("\n")) == (1, 1)
    assert str(tmp_path / "data") in text


def test_two_servers_do_not_share_a_folder(tmp_path: Path) -> None:
    with local_event_hubs(tmp_path / "data", {"ledger": 1}):
        status, text = _run("--port", "0", "--data", str(tmp_path / "data"))
    assert (status, text.count("\n")) == (1, 1)
    assert str(tmp_path / "data") in text


def test_the_creation_time_stays_until_the_data_goes(tmp_path: Path) -> None:
    first = _open(tmp_path / "a", "ledger:2")
    created = first.hub("LEDGER").created_ms
    first.close()
    again = _open(tmp_path / "a", "ledger:2", "payments:1")
    assert again.hub("ledger").created_ms == created
    again.close()
    (tmp_path / "a" / "ledger" / "hub.json").unlink()
    with pytest.raises(StartError, match=r"hub\.json"):
        _open(tmp_path / "a", "ledger:2")
    fresh = _open(tmp_path / "b", "ledger:2")
    assert fresh.hub("ledger").created_ms > created
    fresh.close()


def test_another_partition_count_is_refused(tmp_path: Path) -> None:
    _open(tmp_path, "ledger:2").close()
    with pytest.raises(StartError, match="ledger:2"):
        _open(tmp_path, "ledger:4")
    _open(tmp_path, "ledger:2").close()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", json.dumps({"format": 9, "partitions": 2, "created_ms": 5})]
)
def test_a_foreign_meta_file_is_refused(tmp_path: Path, text: str) -> None:
    _open(tmp_path, "ledger:2").close()
    (tmp_path / "ledger" / "hub.json").write_text(text)
    with pytest.raises(StartError, match=str(tmp_path / "ledger" / "hub.json")):
        _open(tmp_path, "ledger:2")


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["--hub", "ledger"], "--hub"),
        (["--hub", "ledger:0"], "--hub"),
        (["--hub", "../up:1"], "--hub"),
        (["--hub", "ledger:1", "--hub", "Ledger:1"], "--hub"),
        (["--hub", "ledger:1", "--port", "70000"], "--port"),
        (["--hub", "ledger:1", "--sas", "name"], "--sas"),
        (["--hub", "ledger:1", "--retention-hours", "0"], "--retention-hours"),
        ([], "--hub"),
    ],
)
def test_wrong_arguments_are_named(
    arguments: list[str], option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        Options.parse(arguments)
    complaint = capsys.readouterr().err.splitlines()[-1]
    assert option in complaint

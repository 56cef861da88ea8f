"""One broker and one host for all tests that do not stop or break them."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.eventhubs import LocalEventHubs, local_event_hubs
from tests.support.functions_host import LocalFunctionsHost, wait_until

APP = Path(__file__).parent / "app"
HUBS = {"plain": 2, "fixed": 2, "endless": 1, "metadata": 1}


class RecordingHost(LocalFunctionsHost):
    """The host of the app under test, with the calls that app wrote down."""

    def __init__(
        self,
        folder: Path,
        broker: LocalEventHubs,
        *,
        settings: Mapping[str, str] | None = None,
        host_json: Mapping[str, Any] | None = None,
        options: Sequence[str] = (),
    ) -> None:
        self.record_file = folder / "calls.jsonl"
        self.prefix = "/api"
        app = APP if host_json is None else app_with(folder / "app", host_json)
        every = app_settings(broker, self.record_file) | dict(settings or {})
        super().__init__(app, folder, every, options)

    def calls(self, kind: str) -> list[dict[str, Any]]:
        if not self.record_file.exists():
            return []
        calls = [json.loads(line) for line in self.record_file.read_text().splitlines()]
        return [call for call in calls if call["kind"] == kind]

    def wait_for_call(self, kind: str, count: int = 1) -> list[dict[str, Any]]:
        def enough() -> list[dict[str, Any]]:
            calls = self.calls(kind)
            return calls if len(calls) >= count else []

        return list(wait_until(enough, f"{count} calls of {kind}", lambda: self.log_text))


def app_with(folder: Path, sections: Mapping[str, Any]) -> Path:
    """A copy of the app with a host.json of these sections."""
    shutil.copytree(APP, folder)
    (folder / "host.json").write_text(json.dumps({"version": "2.0", **sections}))
    return folder


def receiver_of(host_pid: int) -> int:
    """The process id of the host's only child."""
    children = Path(f"/proc/{host_pid}/task/{host_pid}/children")
    (child,) = wait_until(lambda: children.read_text().split(), "the start of the receiver process")
    return int(child)


def has_ended(pid: int) -> bool:
    """True for a process that is gone or that only waits to be collected by its new parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def write_checkpoint(host: RecordingHost, hub: str, sequence_number: int, partition: str = "0") -> None:
    """What a host left behind that was done with the event of that number."""
    file = host.data / "checkpoints" / "127.0.0.1" / hub / "counterfoil" / f"{partition}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    offset = str(sequence_number)
    written = {
        "offset": offset,
        "sequence_number": sequence_number,
        "written_at": datetime.now(UTC).isoformat(),
    }
    file.write_text(json.dumps(written))


def app_settings(broker: LocalEventHubs, record_file: Path) -> dict[str, str]:
    return {
        "EventHubs": broker.connection_string,
        "PLAIN_HUB": "plain",
        "GROUP": "counterfoil",
        "YEARLY": "0 0 0 1 1 *",
        "RECORD_FILE": str(record_file),
        "AzureWebJobs.switched_off.Disabled": "true",
        # It would hold up every stop; the one test about it switches it on.
        "AzureWebJobs.timer_slow.Disabled": "true",
    }


@pytest.fixture(scope="session")
def shared_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEventHubs]:
    with local_event_hubs(tmp_path_factory.mktemp("broker") / "data", HUBS) as broker:
        yield broker


@pytest.fixture(scope="session")
def shared_host(
    tmp_path_factory: pytest.TempPathFactory, shared_broker: LocalEventHubs
) -> Iterator[RecordingHost]:
    host = RecordingHost(tmp_path_factory.mktemp("host"), shared_broker)
    try:
        host.start()
        yield host
    finally:
        host.close()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[LocalEventHubs]:
    """A broker of the test's own, which it may stop and break."""
    with local_event_hubs(tmp_path / "broker", HUBS) as own:
        yield own


@pytest.fixture
def make_host(tmp_path: Path, broker: LocalEventHubs) -> Iterator[Callable[..., RecordingHost]]:
    """Makes hosts of the test's own, with what sets them apart; the test starts them."""
    made: list[RecordingHost] = []

    def make(**differences: Any) -> RecordingHost:
        folder = tmp_path / f"host-{len(made)}"
        folder.mkdir()
        made.append(RecordingHost(folder, broker, **differences))
        return made[-1]

    try:
        yield make
    finally:
        for host in made:
            host.close()


@pytest.fixture
def host(make_host: Callable[..., RecordingHost]) -> RecordingHost:
    """A host of the test's own; the test starts it."""
    return make_host()

"""The local Functions host in its own process, with what a test needs to watch and disturb it."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
SECONDS_TO_HAPPEN = 30.0
SECONDS_TO_STOP = 30.0
SECONDS_TO_ANSWER = 30.0


def wait_until(happened: Callable[[], Any], what: str, log: Callable[[], str] = str) -> Any:
    """The first true answer. Raises AssertionError, with the log, when there is none in half a minute."""
    deadline = time.monotonic() + SECONDS_TO_HAPPEN
    while time.monotonic() < deadline:
        answer = happened()
        if answer:
            return answer
        time.sleep(0.02)
    raise AssertionError(f"not within {SECONDS_TO_HAPPEN:.0f} s: {what}\n{log()}")


class LocalFunctionsHost:
    """One function app under the local host; data and log survive its restarts."""

    def __init__(
        self, app: Path, folder: Path, settings: Mapping[str, str], options: Sequence[str] = ()
    ) -> None:
        self.data = folder / "host"
        self._app = app
        self._options = options
        self._settings_file = folder / "local.settings.json"
        self._settings_file.write_text(json.dumps({"IsEncrypted": False, "Values": dict(settings)}))
        self._log_file = folder / "host.stderr"
        self._process: subprocess.Popen[str] | None = None
        self._client: httpx.Client | None = None
        self.url = ""
        self.ready: dict[str, Any] = {}

    @property
    def log_text(self) -> str:
        return self._log_file.read_text() if self._log_file.exists() else ""

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start and wait until it is ready. Raises AssertionError, with the log, when it refuses."""
        command = [sys.executable, "-m", "infra.local.host", "--port", "0", "--faults", "--watch-parent"]
        command += ["--app", str(self._app), "--settings", str(self._settings_file), "--data", str(self.data)]
        with self._log_file.open("a") as log:
            self._process = subprocess.Popen(
                [*command, *self._options],
                cwd=ROOT,
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the host did not start: {self.log_text}"
        self.ready = json.loads(line)
        self.url = f"http://127.0.0.1:{self.ready['port']}"
        # No connection outlives its request: it would hold up the stop of the host.
        self._client = httpx.Client(
            base_url=self.url, timeout=SECONDS_TO_ANSWER, limits=httpx.Limits(max_keepalive_connections=0)
        )

    def stop(self) -> int:
        """Stop as a user does (SIGTERM); the exit status."""
        return self._end("terminate")

    def kill(self) -> int:
        return self._end("kill")

    def wait_for_end(self) -> int:
        """The exit status of a host that ends by itself."""
        return self._end("poll")

    def restart(self) -> None:
        self.close()
        self.start()

    def close(self) -> None:
        """Stop it if it runs."""
        if self._process is not None:
            self.stop()

    def keys(self) -> dict[str, Any]:
        return dict(json.loads((self.data / "keys.json").read_text()))

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        assert self._client is not None
        return self._client.request(method, path, **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def admin(self, method: str, path: str, document: object = None) -> httpx.Response:
        headers = {"x-functions-key": self.keys()["master"]}
        return self.request(method, f"/admin/{path}", headers=headers, json=document)

    def pumps(self) -> list[dict[str, Any]]:
        return list(self.admin("GET", "pumps").raise_for_status().json())

    def pump(self, hub: str, partition: str = "0") -> dict[str, Any]:
        """The status of one partition; empty while the host does not know it yet."""
        found = [each for each in self.pumps() if each["hub"] == hub and each.get("partition") == partition]
        return found[0] if found else {}

    def fault(self, **switches: object) -> None:
        self.admin("POST", "faults", switches).raise_for_status()

    def wait_for_checkpoint(self, hub: str, sequence_number: int, partition: str = "0") -> None:
        wait_until(
            lambda: self.pump(hub, partition).get("checkpoint") == sequence_number,
            f"checkpoint {sequence_number} of {hub}/{partition}",
            lambda: f"{self.pump(hub, partition)}\n{self.log_text}",
        )

    def _end(self, how: str) -> int:
        process = self._process
        assert process is not None
        getattr(process, how)()
        try:
            return process.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            if self._client is not None:
                self._client.close()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
            self._process = None


@contextmanager
def local_functions_host(
    app: Path, folder: Path, settings: Mapping[str, str]
) -> Iterator[LocalFunctionsHost]:
    """A running host with its data in the folder, stopped at the end."""
    host = LocalFunctionsHost(app, folder, settings)
    try:
        host.start()
        yield host
    finally:
        host.close()

"""A local Event Hubs in a process of its own, which tests may kill, restart and disturb."""

import json
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parents[2]
GROUPS = ("counterfoil", "replay")
KEY_NAME = "local"
KEY = "c2VjcmV0LW9mLXRoZS10ZXN0"
SECONDS_TO_STOP = 30
SECONDS_TO_ANSWER = 30


class LocalEventHubs:
    """The server process and its address. The port stays the same over restarts."""

    def __init__(
        self, data: Path, hubs: Mapping[str, int], groups: Sequence[str] = GROUPS, options: Sequence[str] = ()
    ) -> None:
        self.data = data
        self.hubs = dict(hubs)
        self.port = 0
        self._groups = groups
        self._options = options
        self.control_port = 0
        self._process: subprocess.Popen[str] | None = None
        self._log_path = data.with_name(f"{data.name}.stderr")

    @property
    def connection_string(self) -> str:
        """For the namespace; the hub's name is given to the client."""
        return self.connection_string_with(KEY_NAME, KEY)

    @property
    def pid(self) -> int:
        return self._running.pid

    @property
    def log_text(self) -> str:
        """What the server wrote to its standard error since it first started."""
        return self._log_path.read_text() if self._log_path.exists() else ""

    def connection_string_with(self, key_name: str, key: str) -> str:
        return (
            f"Endpoint=sb://127.0.0.1:{self.port};SharedAccessKeyName={key_name};"
            f"SharedAccessKey={key};UseDevelopmentEmulator=true"
        )

    def start(self) -> None:
        """Starts the process and waits until it is ready. Raises AssertionError if it does not start."""
        command = [sys.executable, "-m", "infra.local.eventhubs", "--data", str(self.data)]
        command += ["--port", str(self.port), "--control-port", str(self.control_port), "--watch-parent"]
        command += [part for name, count in self.hubs.items() for part in ("--hub", f"{name}:{count}")]
        command += [part for group in self._groups for part in ("--group", group)]
        with self._log_path.open("a") as log:
            self._process = subprocess.Popen(
                [*command, *self._options],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the local Event Hubs did not start: {self.log_text}"
        ready = json.loads(line)
        self.port, self.control_port = ready["port"], ready["control_port"]

    def stop(self) -> int:
        """Stops the process as a user does (SIGTERM); its exit status."""
        return self._end(self._running.terminate)

    def kill(self) -> None:
        """SIGKILL: no chance to write anything more."""
        self._end(self._running.kill)

    def restart(self) -> None:
        """Starts again on the same port and data, after stop() or kill(); stops first if it runs."""
        self.close()
        self.start()

    def close(self) -> None:
        """Ends the process if it runs."""
        if self._process is not None:
            self.stop()

    def pause(self, hub: str) -> None:
        """Stops delivery from a hub; publishing goes on."""
        self._control("POST", f"/hubs/{hub}/pause")

    def resume(self, hub: str) -> None:
        self._control("POST", f"/hubs/{hub}/resume")

    def drop_connections(self) -> int:
        """Cuts every connection; how many there were."""
        return int(self._control("POST", "/connections/drop")["dropped"])

    def refuse_management(self, refused: bool) -> None:
        """Lets hub and partition properties fail, or answers them again."""
        self._control("POST", f"/management/{'refuse' if refused else 'allow'}")

    def refuse_writes(self, refused: bool) -> None:
        """Lets every publish fail, or takes events again."""
        self._control("POST", f"/writes/{'refuse' if refused else 'allow'}")

    def state(self) -> dict[str, Any]:
        """Connections, switches, and per hub the properties of its partitions."""
        return self._control("GET", "/state")

    def limit_file_size(self, size: int | None) -> None:
        """Lets writes beyond the size fail as on a full disk; None lifts the limit."""
        soft = resource.RLIM_INFINITY if size is None else size
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (soft, resource.RLIM_INFINITY))

    @property
    def _running(self) -> "subprocess.Popen[str]":
        assert self._process is not None, "the local Event Hubs does not run"
        return self._process

    def _end(self, how: Callable[[], None]) -> int:
        process = self._running
        how()
        try:
            status = process.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
            self._process = None
        return status

    def _control(self, method: str, path: str) -> dict[str, Any]:
        request = Request(f"http://127.0.0.1:{self.control_port}{path}", method=method)
        with urlopen(request, timeout=SECONDS_TO_ANSWER) as answer:
            return dict(json.load(answer))


@contextmanager
def local_event_hubs(
    data: Path, hubs: Mapping[str, int], groups: Sequence[str] = GROUPS, options: Sequence[str] = ()
) -> Iterator[LocalEventHubs]:
    """A running local Event Hubs with its data in the folder; further command line options may be given."""
    server = LocalEventHubs(data, hubs, groups, options)
    try:
        server.start()
        yield server
    finally:
        server.close()

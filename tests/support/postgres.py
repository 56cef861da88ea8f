"""One throw-away PostgreSQL per pytest session, shared by all xdist workers, and a database per test."""

import fcntl
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import quote

import psycopg
from psycopg import sql

ROOT = Path(__file__).resolve().parents[2]
FOLDER_VARIABLE = "COUNTERFOIL_TEST_POSTGRES"
STOP_SECONDS = 30
# Copying a database in memory takes about 20 ms, on a disk up to 400 ms.
MEMORY_FOLDER = Path("/dev/shm")
MEMORY_BYTES_FREE_MIN = 4 * 1024**3

Prepare = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ClonedDatabase:
    """A test's own database: `url` is the superuser's, `url_as` gives one for another login."""

    name: str
    url: str
    port: int

    def url_as(self, user: str, password: str) -> str:
        return (
            f"postgresql+psycopg://{quote(user)}:{quote(password, safe='')}@127.0.0.1:{self.port}/{self.name}"
        )


class SharedPostgres:
    """The session's server. It starts with the first database asked for, in whichever process asks.

    The controlling pytest process opens and closes the session; its workers inherit the folder's name.
    The server watches the controlling process, so that a killed test run leaves no server behind.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def open_session(cls) -> Self:
        """Call once, in the controlling process, before the workers start."""
        folder = Path(tempfile.mkdtemp(prefix="counterfoil-tests-", dir=_fastest_folder()))
        # The server may have to run as a user who must pass through; what lies inside stays private.
        folder.chmod(0o711)
        (folder / "controller").write_text(str(os.getpid()))
        os.environ[FOLDER_VARIABLE] = str(folder)
        return cls(folder)

    @classmethod
    def of_session(cls) -> Self:
        """The session's server, in the controlling process or in a worker."""
        return cls(Path(os.environ[FOLDER_VARIABLE]))

    def close_session(self) -> None:
        """Stop the server if any test started it, and remove everything."""
        if self._state_file.exists():
            runner = int(self._state()["pid"])
            os.kill(runner, signal.SIGTERM)
            _wait_for_end(runner)
        shutil.rmtree(self._folder)

    @contextmanager
    def create_database_from(self, template: str, prepare: Prepare) -> Iterator[ClonedDatabase]:
        """A copy of the template for one test, dropped after it.

        `prepare(url)` fills the template; it runs once per template name and session, in one process.
        """
        self._ensure_template(template, prepare)
        name = f"{template}_{uuid.uuid4().hex[:12]}"
        self._execute("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy", name, template)
        try:
            yield ClonedDatabase(name, self._url(name), self.port)
        finally:
            self._execute("DROP DATABASE {} WITH (FORCE)", name)

    @property
    def port(self) -> int:
        return int(self._started()["port"])

    def dsn(self, dbname: str = "postgres") -> str:
        """The superuser's libpq connection string."""
        return f"host=127.0.0.1 port={self.port} user=postgres password={self._password()} dbname={dbname}"

    def _url(self, dbname: str) -> str:
        return f"postgresql+psycopg://postgres:{self._password()}@127.0.0.1:{self.port}/{dbname}"

    @property
    def _state_file(self) -> Path:
        return self._folder / "server.json"

    def _state(self) -> dict[str, str]:
        state: dict[str, str] = json.loads(self._state_file.read_text())
        return state

    def _password(self) -> str:
        return Path(self._started()["password_file"]).read_text()

    def _started(self) -> dict[str, str]:
        if not self._state_file.exists():
            with self._exclusively("server"):
                if not self._state_file.exists():
                    self._start()
        return self._state()

    def _start(self) -> None:
        controller = (self._folder / "controller").read_text()
        command = [sys.executable, "-m", "infra.local.postgres", "--data", str(self._folder / "server")]
        command += ["--throw-away", "--watch-pid", controller, "--set", "max_connections=200"]
        command += ["--set", "max_wal_size=256MB", "--set", "min_wal_size=64MB"]
        log = self._folder / "runner.log"
        ready = _start_detached(command, log)
        partial = self._state_file.with_suffix(".partial")
        partial.write_text(ready)
        partial.rename(self._state_file)

    def _ensure_template(self, template: str, prepare: Prepare) -> None:
        done = self._folder / f"template-{template}.done"
        if done.exists():
            return
        with self._exclusively(f"template-{template}"):
            if done.exists():
                return
            self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", template)
            self._execute("CREATE DATABASE {}", template)
            prepare(self._url(template))
            # A connection left open by prepare would make every copy fail.
            self._execute("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false", template)
            self._end_connections(template)
            done.touch()

    def _end_connections(self, dbname: str) -> None:
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", [dbname]
            )

    def _execute(self, statement: str, *names: str) -> None:
        composed = sql.SQL(statement).format(*map(sql.Identifier, names))
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            connection.execute(composed)

    @contextmanager
    def _exclusively(self, name: str) -> Iterator[None]:
        with (self._folder / f"{name}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _fastest_folder() -> Path | None:
    """The memory file system where there is one with room, else the default folder for temporary files."""
    if not os.access(MEMORY_FOLDER, os.W_OK):
        return None
    return MEMORY_FOLDER if shutil.disk_usage(MEMORY_FOLDER).free > MEMORY_BYTES_FREE_MIN else None


def _start_detached(command: list[str], log: Path) -> str:
    """Start a process in its own session and return its ready line.

    posix_spawn leaves no object behind that warns when the starter ends before the process does.
    """
    reader, writer = os.pipe()
    stderr = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    actions = [(os.POSIX_SPAWN_DUP2, writer, 1), (os.POSIX_SPAWN_DUP2, stderr, 2)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    os.posix_spawn(command[0], command, environment, file_actions=actions, setsid=True)
    os.close(writer)
    os.close(stderr)
    with os.fdopen(reader) as output:
        ready = output.readline()
    if not ready:
        raise RuntimeError(f"The test server did not start: {log.read_text()}")
    return ready


def _wait_for_end(pid: int) -> None:
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline:
        try:
            if os.waitpid(pid, os.WNOHANG)[0] == pid:
                return
        except ChildProcessError:
            # A worker started it, so it is not this process's child: wait until its id is gone.
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return
        time.sleep(0.05)
    raise TimeoutError(f"The test server (pid {pid}) did not stop within {STOP_SECONDS} s")

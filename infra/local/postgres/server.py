"""One local PostgreSQL server: its data, its password and its life."""

import os
import secrets
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, Self
from urllib.parse import quote

from psycopg.conninfo import make_conninfo

from infra.local.postgres import location
from infra.local.postgres.account import AccountKind, choose_account
from infra.local.postgres.binaries import find_binaries, major_version
from infra.local.postgres.claims import FolderLock, can_listen, free_port, is_postgres
from infra.local.postgres.errors import (
    OTHER_PROCESS_STILL_LEAVING,
    PORT_TAKEN,
    LocalPostgresError,
    port_busy,
    server_failure,
)

SUPERUSER = "postgres"
HOST = "127.0.0.1"
BUILTIN_LOCALE_SINCE = 17
START_ATTEMPTS = 10
RETRY_SECONDS = 0.5
COMMAND_SECONDS = 120
LOG_BYTES_MAX = 16 * 1024 * 1024

StopMode = Literal["smart", "fast", "immediate"]


def say_on_stderr(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


class LocalPostgres:
    """A server on loopback and a unix socket, whose data lives in one folder.

    `home` holds `cluster/` (the data), `password` (of the superuser, mode 0600), `server.log` and `lock`.
    When root must run the server as another user who cannot reach `home` or the programs, a folder under
    /var/tmp is used instead, and `notice` is told; `home` then names the folder in use.
    Every method raises LocalPostgresError, whose message is one sentence for the user.
    """

    def __init__(
        self,
        home: Path,
        *,
        port: int = 0,
        binaries: Path | None = None,
        account: AccountKind | None = None,
        notice: Callable[[str], None] = say_on_stderr,
    ) -> None:
        self._account = choose_account(account)
        self._notice = notice
        self._found_binaries = binaries or find_binaries()
        self.home = location.place_home(home, self._account)
        if self.home != home.absolute():
            notice(f"PostgreSQL keeps its data in {self.home}, because its user cannot reach {home}.")
        self.cluster = self.home / "cluster"
        self.password_file = self.home / "password"
        self.log_file = self.home / "server.log"
        self.socket_folder = location.socket_folder(self.home)
        self._wanted_port = port
        self._port = port
        self._binaries: Path | None = None
        self._lock = FolderLock(self.home)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The TCP port on loopback; 0 until a free one was chosen by start()."""
        return self._port

    @property
    def pid(self) -> int | None:
        """The process id of the running server, or None."""
        try:
            first = (self.cluster / "postmaster.pid").read_text().splitlines()[0]
        except (FileNotFoundError, IndexError):
            return None
        return int(first) if is_postgres(int(first)) else None

    def is_running(self) -> bool:
        return self.pid is not None

    def dsn(self, dbname: str = "postgres", *, user: str = SUPERUSER, password: str | None = None) -> str:
        """A libpq connection string; the superuser's password is read from its file when none is given."""
        return make_conninfo(
            "",
            host=HOST,
            port=self.port,
            dbname=dbname,
            user=user,
            password=self._superuser_password() if password is None else password,
        )

    def url(self, dbname: str = "postgres", user: str = SUPERUSER, password: str | None = None) -> str:
        """The same as an SQLAlchemy URL with the psycopg driver."""
        secret = self._superuser_password() if password is None else password
        account = f"{quote(user, safe='')}:{quote(secret, safe='')}"
        return f"postgresql+psycopg://{account}@{HOST}:{self.port}/{quote(dbname, safe='')}"

    def init(self) -> bool:
        """Create the data folder; False when it was there already."""
        binaries = self._programs()
        location.make_private_folder(self.home, self._account)
        if (self.cluster / "PG_VERSION").exists():
            self._check_version(binaries)
            return False
        unfinished = self.cluster.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        location.make_private_folder(unfinished, self._account)
        self._write_password()
        self._run_or_refuse(self._initdb_command(binaries, unfinished))
        # The rename comes last, so that an interrupted initdb is never taken for a server's data.
        unfinished.rename(self.cluster)
        return True

    def start(self, **conf: object) -> Self:
        """Initialise if needed and start; `conf` adds server settings, for example work_mem="16MB".

        A server left over by a killed process is stopped first. After a crash the new server recovers
        by itself; while processes of the old one are still leaving, the start is tried again.
        """
        location.make_private_folder(self.home, self._account)
        self._lock.take()
        try:
            self._stop_server("fast")
            if self._wanted_port and not can_listen(self._wanted_port):
                raise port_busy(self._wanted_port)
            self.init()
            self._bound_log()
            location.make_private_folder(self.socket_folder, self._account)
            self._start_with_retries(conf)
        except BaseException:
            self._lock.release()
            raise
        return self

    def stop(self, how: StopMode = "fast") -> None:
        """Stop the server if it runs and give the data free for other processes.

        A server that another process looks after is left alone, with an error.
        """
        if not self.home.exists():
            return
        self._lock.take()
        self._stop_server(how)
        self._lock.release()
        shutil.rmtree(self.socket_folder, ignore_errors=True)

    def release(self) -> None:
        """Let another process take the data over; a running server goes on until that happens."""
        self._lock.release()

    def destroy(self) -> None:
        """Stop the server and remove all its data; an error while another process looks after it."""
        self.stop("immediate")
        shutil.rmtree(self.home, ignore_errors=True)

    def _initdb_command(self, binaries: Path, folder: Path) -> list[str]:
        locale = ["--locale=C.UTF-8"]
        if major_version(binaries) >= BUILTIN_LOCALE_SINCE:
            locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command = [str(binaries / "initdb"), "-D", str(folder), "-U", SUPERUSER, "--encoding=UTF8", *locale]
        return [*command, "--auth=scram-sha-256", f"--pwfile={self.password_file}", "--data-checksums"]

    def _start_with_retries(self, conf: Mapping[str, object]) -> None:
        text = ""
        for _ in range(START_ATTEMPTS):
            self._port = self._wanted_port or free_port()
            done, text = self._start_once(conf)
            if done:
                return
            lost_port_race = not self._wanted_port and any(sign in text for sign in PORT_TAKEN)
            if not lost_port_race and not any(sign in text for sign in OTHER_PROCESS_STILL_LEAVING):
                break
            time.sleep(RETRY_SECONDS)
        raise server_failure(text, self.home, self._port)

    def _start_once(self, conf: Mapping[str, object]) -> tuple[bool, str]:
        log_before = self.log_file.stat().st_size if self.log_file.exists() else 0
        settings = {**self._default_settings(), **conf}
        options = " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in settings.items())
        command = [str(self._programs() / "pg_ctl"), "start", "-D", str(self.cluster), "-w", "-t", "60"]
        code, printed = self._account.run(
            [*command, "-l", str(self.log_file), "-o", options], COMMAND_SECONDS
        )
        if code == 0:
            return True, printed
        logged = (
            self.log_file.read_bytes()[log_before:].decode(errors="replace") if self.log_file.exists() else ""
        )
        return False, logged or printed

    def _default_settings(self) -> dict[str, object]:
        return {
            "listen_addresses": HOST,
            "port": self._port,
            "unix_socket_directories": self.socket_folder,
            "timezone": "UTC",
            "max_wal_size": "2GB",
        }

    def _stop_server(self, how: StopMode) -> None:
        if self.is_running():
            command = [str(self._programs() / "pg_ctl"), "stop", "-D", str(self.cluster), "-w", "-m", how]
            self._run_or_refuse(command)

    def _programs(self) -> Path:
        if self._binaries is None:
            self._binaries = location.place_binaries(self._found_binaries, self._account)
            if self._binaries != self._found_binaries:
                self._notice(f"PostgreSQL runs from a copy of its programs in {self._binaries}.")
        return self._binaries

    def _run_or_refuse(self, command: list[str]) -> None:
        try:
            code, printed = self._account.run(command, COMMAND_SECONDS)
        except subprocess.TimeoutExpired as failure:
            raise LocalPostgresError(
                f"{Path(command[0]).name} took longer than {COMMAND_SECONDS} s: look into {self.log_file}."
            ) from failure
        if code != 0:
            raise server_failure(printed, self.home, self._port)

    def _check_version(self, binaries: Path) -> None:
        written = (self.cluster / "PG_VERSION").read_text().strip()
        offered = major_version(binaries)
        if written != str(offered):
            raise LocalPostgresError(
                f"The data in {self.home} was written by PostgreSQL {written}, but the programs in "
                f"{binaries} are version {offered}: run `make reset` to begin with empty data, "
                f"or set LOCAL_POSTGRES_BIN to programs of version {written}."
            )

    def _superuser_password(self) -> str:
        return self.password_file.read_text()

    def _write_password(self) -> None:
        self.password_file.unlink(missing_ok=True)
        handle = os.open(self.password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(24))
        self._account.take(self.password_file)

    def _bound_log(self) -> None:
        if self.log_file.exists() and self.log_file.stat().st_size > LOG_BYTES_MAX:
            self.log_file.replace(self.log_file.with_suffix(".log.1"))

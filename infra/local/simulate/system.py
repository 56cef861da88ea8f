"""The system a run disturbs: PostgreSQL, Event Hubs, issuer and host as processes of their own, in their own folder.

The host reaches its database through a proxy; the simulator reaches everything directly.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from infra.local.faults import TcpProxy
from infra.local.postgres.claims import is_postgres
from infra.local.sample.model import LEDGER, PAYMENT_ORDER, Stream
from infra.local.stack.credentials import Credentials
from infra.local.stack.database import insert_sites, migrate, prepare_server, url_of
from infra.local.stack.errors import StackError
from infra.local.stack.layout import ROOT, Layout, Ports
from infra.local.stack.parts import Part, PartSpec
from infra.local.stack.principals import seed_principals
from infra.local.stack.settings import app_settings, check_settings, event_hubs_connection, write_settings
from infra.local.stack.stack import PARTITIONS
from shared.settings import Settings

HOST, HUBS, DATABASE, ISSUER = "host", "eventhubs", "postgres", "identity"
LOOPBACK = "127.0.0.1"
ASK_SECONDS = 10.0
GONE_SECONDS = 20.0
LOOK_SECONDS = 0.05

Step = Callable[[str], None]


class System:
    """Starts the parts, kills and restarts single ones, stops all. Raises StackError with one sentence."""

    def __init__(self, folder: Path, cancelled: Callable[[], bool]) -> None:
        self.layout = Layout(folder)
        self.settings: Settings
        self._cancelled = cancelled
        self._credentials = Credentials.load(self.layout)
        self._values: dict[str, str] = {}
        self._specs: dict[str, PartSpec] = {}
        self._parts: dict[str, Part] = {}
        self._ready: dict[str, dict[str, Any]] = {}
        self._proxy: TcpProxy | None = None
        # Whoever changes a part holds its lock, so that two faults never work on one.
        self.locks = {name: threading.Lock() for name in (HOST, HUBS, DATABASE)}

    def start(self, step: Step) -> None:
        """Start everything, PostgreSQL and Event Hubs with empty data."""
        values = app_settings(self.layout, Ports.from_first(0), "http://127.0.0.1:1", self._credentials)
        for name, spec in self._server_specs(values).items():
            self._specs[name] = spec
            self._begin(name)
        for name in (DATABASE, HUBS, ISSUER):
            step(self._specs[name].title)
            self._await(name)
        self._prepare_database(step)
        step("Functions host")
        self._proxy = TcpProxy(LOOPBACK, self.port(DATABASE)).__enter__()
        self._write_settings()
        self._specs[HOST] = self._host_spec()
        self.up(HOST)

    def _server_specs(self, values: Mapping[str, str]) -> dict[str, PartSpec]:
        hubs = [f"{values[name]}:{PARTITIONS}" for name in ("LEDGER_HUB_NAME", "PAYMENT_ORDER_HUB_NAME")]
        more = [word for hub in hubs for word in ("--hub", hub)]
        groups = [values[name] for name in ("EVENT_CONSUMER_GROUP", "EVENT_REPLAY_CONSUMER_GROUP")]
        more += [word for group in groups for word in ("--group", group)]
        more += ["--sas", f"local={self._credentials.event_hubs_key}"]
        return {
            DATABASE: self._server_spec("PostgreSQL", DATABASE, self.layout.postgres),
            HUBS: self._server_spec("Event Hubs", HUBS, self.layout.event_hubs, "--control-port", "0", *more),
            ISSUER: self._server_spec("The development issuer", ISSUER, self.layout.identity),
        }

    def _server_spec(self, title: str, name: str, data: Path, *more: str) -> PartSpec:
        arguments = ("--data", str(data), "--port", "0", *more)
        return PartSpec(title, f"infra.local.{name}", arguments, {"APP_ENV": "local"})

    def _prepare_database(self, step: Step) -> None:
        step("migrations")
        port = self.port(DATABASE)
        prepare_server(port, Path(self._ready[DATABASE]["password_file"]), self._credentials)
        migrate(url_of("migrator", self._credentials.migrator, port), lambda: None)
        app = url_of("app", self._credentials.app, port)
        insert_sites(app)
        seed_principals(app, str(self._ready[ISSUER]["issuer"]), self.layout.admin_token)

    def _write_settings(self) -> None:
        ports = replace(Ports.from_first(0), postgres=self.proxy.port, event_hubs=self.port(HUBS))
        values = app_settings(self.layout, ports, str(self._ready[ISSUER]["issuer"]), self._credentials)
        self.settings = check_settings(values)
        self._values = values
        write_settings(self.layout, values)

    def _host_spec(self) -> PartSpec:
        where = ("--settings", str(self.layout.settings), "--data", str(self.layout.host))
        return PartSpec(
            "The Functions host", "infra.local.host", ("--app", ".", *where, "--port", "0", "--faults")
        )

    @property
    def proxy(self) -> TcpProxy:
        """Between the host and its database."""
        if self._proxy is None:
            raise RuntimeError("the system was not started")
        return self._proxy

    @property
    def host_log(self) -> Path:
        """What the host says; each start goes on in the same file."""
        return self.layout.logs / "host.log"

    def start_product(self, module: str, arguments: Sequence[str], output: Path) -> subprocess.Popen[bytes]:
        """A command of the product in a process of its own, with the settings the host runs with."""
        with output.open("wb") as printed, (self.layout.logs / "commands.log").open("ab") as said:
            return subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=ROOT,
                env={**os.environ, **self._values},
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=said,
                # Ctrl-C is for the simulator, which lets the command end.
                start_new_session=True,
            )

    @property
    def hubs_connection(self) -> str:
        """The connection string of producers and consumers."""
        return event_hubs_connection(self.port(HUBS), self._credentials)

    @property
    def hub_names(self) -> dict[Stream, str]:
        """Stream → hub."""
        return {
            LEDGER: self.settings.ledger_hub_name,
            PAYMENT_ORDER: self.settings.payment_order_hub_name,
        }

    def port(self, name: str) -> int:
        """The port a part listens on; the same after each of its restarts, the host's excepted."""
        return int(self._ready[name]["port"])

    def conninfo(self, role: str) -> str:
        """The database itself, around the proxy, as libpq takes it; `postgres` is the superuser."""
        port = self.port(DATABASE)
        if role == "postgres":
            password = Path(self._ready[DATABASE]["password_file"]).read_text()
            return f"host={LOOPBACK} port={port} user=postgres password={password} dbname=counterfoil"
        return url_of(role, getattr(self._credentials, role), port).replace("+psycopg", "", 1)

    def ended(self, name: str) -> str | None:
        """None while the part runs, else how it ended."""
        return self._parts[name].ended()

    def end_of(self, name: str) -> str:
        """What a part that ended by itself said last."""
        part = self._parts[name]
        return f"{part.spec.title} {part.ended()}. {part.last_words()}"

    def kill(self, name: str) -> None:
        """SIGKILL, to the database's own server process where the part is the database; returns when it is gone."""
        pid = int(self._ready[name]["server_pid"]) if name == DATABASE else self._parts[name].pid
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + GONE_SECONDS
        while self.ended(name) is None and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
        if name == DATABASE and is_postgres(pid):
            raise StackError(f"PostgreSQL (process {pid}) does not go away after SIGKILL.")

    def wait_for_end(self, name: str, seconds: float) -> bool:
        """True when the part ended within that time."""
        deadline = time.monotonic() + seconds
        while self.ended(name) is None:
            if time.monotonic() > deadline:
                return False
            time.sleep(LOOK_SECONDS)
        return True

    def up(self, name: str) -> None:
        """Start a part that does not run, again or for the first time, and wait until it serves."""
        before = self._parts.get(name)
        self._begin(name)
        if before is not None:
            before.stop()
        self._await(name)

    def _begin(self, name: str) -> None:
        part = Part(self._with_known_ports(name), self.layout.logs)
        part.start()
        self._parts[name] = part

    def _await(self, name: str) -> None:
        self._ready[name] = self._parts[name].wait_ready(self._cancelled)

    def _with_known_ports(self, name: str) -> PartSpec:
        """Others keep the address they were told, so a part that comes back listens where it did."""
        spec, ready = self._specs[name], self._ready.get(name)
        if ready is None or name == HOST:
            return spec
        arguments = list(spec.arguments)
        for option, key in (("--port", "port"), ("--control-port", "control_port")):
            if option in arguments:
                arguments[arguments.index(option) + 1] = str(ready[key])
        return replace(spec, arguments=tuple(arguments))

    def switch(self, **switches: object) -> None:
        """Set fault switches of the host. Raises httpx.HTTPError while it is away."""
        self._admin("POST", "faults", switches)

    def run_timer(self, name: str) -> None:
        """Let the host run a timer function beside its schedule. Raises httpx.HTTPError while it is away."""
        self._admin("POST", f"functions/{name}", {})

    def pumps(self) -> list[dict[str, Any]]:
        """How far the host is with each partition. Raises httpx.HTTPError while it is away."""
        found: list[dict[str, Any]] = self._admin("GET", "pumps").json()
        return found

    def _admin(self, method: str, path: str, document: object = None) -> httpx.Response:
        keys: dict[str, str] = json.loads((self.layout.host / "keys.json").read_text())
        address = f"http://{LOOPBACK}:{self.port(HOST)}/admin/{path}"
        headers = {"x-functions-key": keys["master"]}
        answer = httpx.request(method, address, json=document, headers=headers, timeout=ASK_SECONDS)
        return answer.raise_for_status()

    def hubs_control(self, method: str, path: str) -> dict[str, Any]:
        """Ask the control port of Event Hubs. Raises httpx.HTTPError while it is away."""
        address = f"http://{LOOPBACK}:{self._ready[HUBS]['control_port']}/{path}"
        answer: dict[str, Any] = httpx.request(method, address, timeout=ASK_SECONDS).raise_for_status().json()
        return answer

    def stop(self) -> None:
        """Stop the host first and the database last."""
        for name in (HOST, ISSUER, HUBS, DATABASE):
            if name in self._parts:
                self._parts[name].stop()
        if self._proxy is not None:
            self._proxy.__exit__()
            self._proxy = None

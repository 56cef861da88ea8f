"""The running stack: which parts there are, in which order they start, and what happens when one ends."""

import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from infra.local.postgres.server import LocalPostgres
from infra.local.stack.credentials import Credentials
from infra.local.stack.database import insert_sites, migrate, pending_migrations, prepare_server, url_of
from infra.local.stack.errors import StackError
from infra.local.stack.layout import Layout, Ports, write_private
from infra.local.stack.parts import Part, PartSpec
from infra.local.stack.principals import seed_principals
from infra.local.stack.settings import (
    DATABASE_SETTING,
    EVENT_HUBS_SETTING,
    app_settings,
    check_settings,
    write_settings,
)

POSTGRES_MODULE = "infra.local.postgres"
PARTITIONS = 4
MIGRATOR_SETTING = "MIGRATOR_DATABASE_URL"
# The platform starts a host that ended again; one that cannot stay up is a defect to look at.
RESTARTS_MAX = 5
RESTARTS_WINDOW_SECONDS = 60.0

Step = Callable[[str], None]


class Stack:
    """Starts the parts, watches them, stops them in order."""

    def __init__(self, layout: Layout, ports: Ports, cancelled: Callable[[], bool]) -> None:
        self._layout = layout
        self._ports = ports
        self._cancelled = cancelled
        self._credentials = Credentials.load(layout)
        self._parts: list[Part] = []
        self._password_file = Path()
        self._restarts: deque[float] = deque()
        self.issuer = ""
        self.sinks_url = ""

    @property
    def ports(self) -> Ports:
        """The ports in use, free ones included once the parts have chosen them."""
        return self._ports

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._ports.http}"

    def start(self, step: Step, add_steps: Callable[[int], None]) -> None:
        """Start everything.

        Raises SettingsInvalid before anything is started, StackError with one sentence, StackCancelled when asked
        to stop meanwhile.
        """
        # The issuer chooses its own address only when it starts, so the one it is told to take stands for it.
        foreseen = self._values(f"http://127.0.0.1:{self._ports.identity}")
        check_settings(foreseen)
        self._start_servers(step, foreseen)
        owner = self._prepare_database(step, add_steps)
        values = self._values(self.issuer)
        seed_principals(owner, values["OIDC_ISSUER"], self._layout.admin_token)
        write_settings(self._layout, values)
        write_private(self._layout.connection, values[EVENT_HUBS_SETTING] + "\n")
        step("Functions host")
        host = self._launch(self._host_spec())
        self._ports = replace(self._ports, http=int(host.wait_ready(self._cancelled)["port"]))

    def _values(self, issuer: str) -> dict[str, str]:
        return app_settings(self._layout, self._ports, issuer, self._credentials)

    def _start_servers(self, step: Step, values: Mapping[str, str]) -> None:
        """The servers do not need each other, so they start side by side."""
        layout, ports = self._layout, self._ports
        postgres = event_hubs = None
        if not os.environ.get(DATABASE_SETTING):
            postgres = self._launch(_spec("PostgreSQL", "postgres", layout.postgres, ports.postgres))
        if not os.environ.get(EVENT_HUBS_SETTING):
            more = ("--sas", f"local={self._credentials.event_hubs_key}", *_hubs_and_groups(values))
            event_hubs = self._launch(
                _spec("Event Hubs", "eventhubs", layout.event_hubs, ports.event_hubs, *more)
            )
        identity = self._launch(_spec("The development issuer", "identity", layout.identity, ports.identity))
        sinks = self._launch(_sinks_spec(layout, ports))
        for part, title in (
            (postgres, "PostgreSQL"),
            (event_hubs, "Event Hubs"),
            (identity, "issuer"),
            (sinks, "sinks"),
        ):
            step(title)
            if part is not None:
                self._note(part.spec.module, part.wait_ready(self._cancelled))

    def _note(self, module: str, ready: dict[str, object]) -> None:
        port = int(str(ready["port"]))
        if module.endswith("postgres"):
            self._ports = replace(self._ports, postgres=port)
            self._password_file = Path(str(ready["password_file"]))
        elif module.endswith("eventhubs"):
            self._ports = replace(self._ports, event_hubs=port)
        elif module.endswith("identity"):
            self._ports = replace(self._ports, identity=port)
            self.issuer = str(ready["issuer"])
        else:
            self._ports = replace(self._ports, sinks=port)
            self.sinks_url = f"http://127.0.0.1:{port}"

    def _prepare_database(self, step: Step, add_steps: Callable[[int], None]) -> str:
        """The address of the database for whoever may fill it: its owner's, the app's where that is not known."""
        external = os.environ.get(DATABASE_SETTING, "")
        migrator = os.environ.get(MIGRATOR_SETTING, "")
        app = external or url_of("app", self._credentials.app, self._ports.postgres)
        if not external:
            prepare_server(self._ports.postgres, self._password_file, self._credentials)
            migrator = url_of("migrator", self._credentials.migrator, self._ports.postgres)
        if migrator:
            add_steps(pending_migrations(migrator))
            migrate(migrator, lambda: step("migrations"))
        elif pending_migrations(app):
            raise StackError(
                f"The database of {DATABASE_SETTING} has no current tables: set {MIGRATOR_SETTING} to the "
                "connection of the schema's owner, so that they can be made."
            )
        insert_sites(app)
        return migrator or app

    def _host_spec(self) -> PartSpec:
        arguments = ("--app", ".", "--settings", str(self._layout.settings))
        return PartSpec(
            "The Functions host",
            "infra.local.host",
            (*arguments, "--port", str(self._ports.http), "--data", str(self._layout.host)),
        )

    def _launch(self, spec: PartSpec) -> Part:
        part = Part(spec, self._layout.logs)
        self._parts.append(part)
        part.start()
        return part

    def watch(self, say: Callable[[str], None]) -> None:
        """One look at the parts: a host that ended is started again, as the platform does.

        Raises StackError when another part ended, or when the host does not stay up.
        """
        for part in tuple(self._parts):
            how = part.ended()
            if how is None:
                continue
            if part is not self._parts[-1]:
                raise StackError(f"{part.spec.title} {how}, so everything is stopped. {part.last_words()}")
            self._restart_host(part, how, say)

    def _restart_host(self, part: Part, how: str, say: Callable[[str], None]) -> None:
        now = time.monotonic()
        while self._restarts and now - self._restarts[0] > RESTARTS_WINDOW_SECONDS:
            self._restarts.popleft()
        if len(self._restarts) >= RESTARTS_MAX:
            raise StackError(f"The Functions host {how} and does not stay up: look into {part.log_file}.")
        self._restarts.append(now)
        part.stop()
        self._parts.remove(part)
        say(f"The Functions host {how}; it is started again and goes on from its last checkpoint.")
        self._launch(self._host_spec()).wait_ready(self._cancelled)

    def stop(self) -> None:
        """Stop the host first, so that nothing it needs goes away under it, and the database last."""
        for part in reversed(self._parts):
            part.stop()
            if part.spec.module == POSTGRES_MODULE:
                # A part that was killed could not stop its server.
                LocalPostgres(self._layout.postgres, notice=lambda _sentence: None).stop()
        self._parts.clear()


def _spec(title: str, name: str, data: Path, port: int, *more: str) -> PartSpec:
    arguments = ("--data", str(data), "--port", str(port), *more)
    return PartSpec(title, f"infra.local.{name}", arguments, {"APP_ENV": "local"})


def _hubs_and_groups(values: Mapping[str, str]) -> list[str]:
    """What the app listens to, as options of the local Event Hubs."""
    hubs = [f"{values[name]}:{PARTITIONS}" for name in ("LEDGER_HUB_NAME", "PAYMENT_ORDER_HUB_NAME")]
    groups = dict.fromkeys((values["EVENT_CONSUMER_GROUP"], values["EVENT_REPLAY_CONSUMER_GROUP"]))
    return [word for hub in hubs for word in ("--hub", hub)] + [w for g in groups for w in ("--group", g)]


def _sinks_spec(layout: Layout, ports: Ports) -> PartSpec:
    more = (
        "--mail-port",
        str(ports.mail),
        "--hook-port",
        str(ports.hook),
        "--insights-port",
        str(ports.insights),
    )
    return _spec("The sinks for mail, web hooks and telemetry", "sinks", layout.sinks, ports.sinks, *more)

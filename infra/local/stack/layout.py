"""Where the local stack keeps its files, and which ports it uses."""

import json
import os
import tempfile
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from infra.local.loopback import PortBusyError, listen_on_loopback
from infra.local.stack.errors import StackError

ROOT = Path(__file__).resolve().parents[3]
DEFAULT_FOLDER = ROOT / ".local"
DEFAULT_PORT = 7071
PORT_MAX = 65_535
PORT_USES = {
    "http": "the API",
    "identity": "the development issuer",
    "event_hubs": "Event Hubs",
    "postgres": "PostgreSQL",
    "sinks": "the page of received mail and hooks",
    "mail": "mail",
    "hook": "web hooks",
    "insights": "telemetry",
}
# Raised when the folder's content changes so that an older one cannot be read.
FORMAT = 1


@dataclass(frozen=True)
class Ports:
    """One port per part on 127.0.0.1; 0 lets a part choose a free one."""

    http: int
    identity: int
    event_hubs: int
    postgres: int
    sinks: int
    mail: int
    hook: int
    insights: int

    @classmethod
    def from_first(cls, first: int) -> "Ports":
        """Neighbouring ports, so that one number moves them all; 0 chooses free ones."""
        if first == 0:
            return cls(*[0] * 8)
        if not 1 <= first <= PORT_MAX - 7:
            raise StackError(
                f"PORT must lie between 1 and {PORT_MAX - 7}, or be 0 for free ports; it is {first}."
            )
        return cls(*range(first, first + 8))

    def refuse_busy(self) -> None:
        """Before anything is made: every port must be free. Raises StackError naming the first that is not."""
        for field in fields(self):
            port: int = getattr(self, field.name)
            try:
                listen_on_loopback(port).close()
            except PortBusyError:
                raise StackError(
                    f"Port {port} on 127.0.0.1, meant for {PORT_USES[field.name]}, is busy: stop the program that "
                    f"uses it, or move all ports of the stack, for example with `make run PORT={self.http + 1000}`."
                ) from None


@dataclass(frozen=True)
class Layout:
    """The files below one folder."""

    folder: Path

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"

    @property
    def event_hubs(self) -> Path:
        return self.folder / "eventhubs"

    @property
    def identity(self) -> Path:
        return self.folder / "identity"

    @property
    def host(self) -> Path:
        return self.folder / "host"

    @property
    def sinks(self) -> Path:
        return self.folder / "sinks"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def telemetry(self) -> Path:
        return self.folder / "telemetry.ndjson"

    @property
    def settings(self) -> Path:
        """The settings file the host reads."""
        return self.folder / "local.settings.json"

    @property
    def connection(self) -> Path:
        """One line: the Event Hubs connection string a producer uses."""
        return self.folder / "connection"

    @property
    def token(self) -> Path:
        return self.folder / "token"

    @property
    def admin_token(self) -> Path:
        """The Counterfoil token `make admin` acts with."""
        return self.folder / "admin-token"

    @property
    def secrets(self) -> Path:
        """The app's store of secrets."""
        return self.folder / "secrets"

    @property
    def blobs(self) -> Path:
        """Archives and anchors of the audit record."""
        return self.folder / "blobs"

    @property
    def audit_public_key(self) -> Path:
        """By which archives and anchors are checked."""
        return self.folder / "audit-public-key.pem"

    @property
    def credentials(self) -> Path:
        return self.folder / "credentials.json"

    @property
    def state_file(self) -> Path:
        return self.folder / "stack.json"

    @property
    def lock(self) -> Path:
        return self.folder / "lock"


@dataclass(frozen=True)
class State:
    """What is remembered from one run to the next. `fed` is absent, "begun" or "done"."""

    format: int = FORMAT
    fed: str = ""
    pid: int = 0
    url: str = ""
    postgres_port: int = 0

    @classmethod
    def read(cls, layout: Layout) -> "State":
        """Raises StackError when the folder was written by another version."""
        try:
            document = json.loads(layout.state_file.read_text())
        except FileNotFoundError:
            return cls()
        except ValueError:
            document = {}
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise StackError(
                f"The data in {layout.folder} was written by another version of Counterfoil: "
                "run `make reset` to begin with empty data."
            )
        known = {name: document[name] for name in cls.__dataclass_fields__ if name in document}
        return cls(**known)

    def write(self, layout: Layout) -> None:
        write_private(layout.state_file, json.dumps(asdict(self), indent=2) + "\n")


def write_private(path: Path, text: str) -> None:
    """Write a file only its owner can read, whole or not at all."""
    descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    Path(partial).replace(path)


def read_private_json(path: Path) -> dict[str, Any]:
    """The object in a file of ours, empty when there is none."""
    try:
        document = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}

"""The settings of the stack's function app: the sample file with this installation's addresses and secrets."""

import json
import os
from collections.abc import Mapping

from infra.local.eventhubs.options import DEFAULT_RETENTION_HOURS
from infra.local.stack.credentials import Credentials
from infra.local.stack.database import url_of
from infra.local.stack.layout import ROOT, Layout, Ports, write_private
from shared.errors.base import SettingsInvalid
from shared.settings import Settings, load_settings

SAMPLE = ROOT / "local.settings.sample.json"
# Where one of these is set, that server is used and no embedded one starts.
DATABASE_SETTING = "DATABASE_URL"
EVENT_HUBS_SETTING = "EventHubs"


def event_hubs_connection(port: int, credentials: Credentials) -> str:
    """The connection string of the local Event Hubs, as the official SDK takes it."""
    return (
        f"Endpoint=sb://127.0.0.1:{port};SharedAccessKeyName=local;"
        f"SharedAccessKey={credentials.event_hubs_key};UseDevelopmentEmulator=true"
    )


def app_settings(layout: Layout, ports: Ports, issuer: str, credentials: Credentials) -> dict[str, str]:
    """Every setting of the app; what the environment says wins, as it does on the platform."""
    values: dict[str, str] = json.loads(SAMPLE.read_text())["Values"]
    values |= {
        DATABASE_SETTING: url_of("app", credentials.app, ports.postgres),
        EVENT_HUBS_SETTING: event_hubs_connection(ports.event_hubs, credentials),
        "EVENT_RETENTION_HOURS": f"{DEFAULT_RETENTION_HOURS:.0f}",
        "OIDC_ISSUER": issuer,
        "CURSOR_SIGNING_KEY": credentials.cursor_signing_key,
        "TELEMETRY_LOG_PATH": str(layout.telemetry),
        "SECRETS_FOLDER": str(layout.secrets),
        "BLOB_FOLDER": str(layout.blobs),
        # Everybody on this machine comes from one address, and so do our own probes.
        "RATE_LIMIT_ADDRESS_FACTOR": "1000",
    }
    return values | {name: os.environ[name] for name in values if os.environ.get(name)}


def check_settings(values: Mapping[str, str]) -> Settings:
    """These values as the app reads them here. Raises SettingsInvalid naming every setting that is wrong."""
    return load_settings({**values, **{name: value for name, value in os.environ.items() if value}})


def write_settings(layout: Layout, values: Mapping[str, str]) -> None:
    """The file the host reads, readable by its owner only."""
    document = {"IsEncrypted": False, "Values": dict(values)}
    write_private(layout.settings, json.dumps(document, indent=2) + "\n")


def read_values(layout: Layout) -> dict[str, str]:
    """The settings of the last run as they were written. Raises SettingsInvalid."""
    try:
        values: dict[str, str] = json.loads(layout.settings.read_text())["Values"]
    except FileNotFoundError:
        raise SettingsInvalid("nothing was started here yet: run `make run` first") from None
    return values


def read_settings(layout: Layout) -> Settings:
    """The settings of the last run. Raises SettingsInvalid."""
    return check_settings(read_values(layout))

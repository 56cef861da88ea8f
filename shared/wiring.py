"""Wiring: settings in, Runtime out. The one place where adapters are chosen."""

from pathlib import Path

from shared.adapters.clock import SystemClock
from shared.adapters.event_hubs import EventHubsInspector
from shared.adapters.ids import RandomIds
from shared.adapters.telemetry import LogTelemetry, NoTelemetry, Telemetry
from shared.adapters.token_keys import JwksTokenKeys
from shared.database import Database
from shared.database.engine import build_engine
from shared.runtime import Runtime
from shared.settings import Settings


def build_runtime(settings: Settings) -> Runtime:
    """The runtime of a deployed instance. Opens no connection: that happens at the first use."""
    return Runtime(
        settings=settings,
        clock=SystemClock(),
        ids=RandomIds(),
        database=Database(lambda: build_engine(settings)),
        telemetry=_telemetry(settings),
        hubs=EventHubsInspector(settings),
        token_keys=JwksTokenKeys(settings),
    )


def _telemetry(settings: Settings) -> Telemetry:
    if settings.telemetry_exporter == "none":
        return NoTelemetry()
    path = Path(settings.telemetry_log_path) if settings.telemetry_log_path else None
    return LogTelemetry(SystemClock(), path)

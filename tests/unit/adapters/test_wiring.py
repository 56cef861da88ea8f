"""The wiring: settings choose the adapters, and nothing connects before it is needed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.adapters.clock import SystemClock
from shared.adapters.event_hubs import EventHubsInspector
from shared.adapters.ids import RandomIds
from shared.adapters.telemetry import LogTelemetry, NoTelemetry
from shared.adapters.token_keys import JwksTokenKeys
from shared.errors.base import DatabaseUnavailable
from shared.wiring import build_runtime
from tests.support.runtime import BASE_SETTINGS, settings_for

# Nothing answers at any of its addresses.
SETTINGS = settings_for(BASE_SETTINGS["DATABASE_URL"])


def test_a_runtime_is_made_without_asking_anyone() -> None:
    runtime = build_runtime(SETTINGS)
    assert runtime.settings is SETTINGS
    assert isinstance(runtime.clock, SystemClock)
    assert isinstance(runtime.hubs, EventHubsInspector)
    assert isinstance(runtime.token_keys, JwksTokenKeys)
    assert isinstance(runtime.ids, RandomIds)
    with pytest.raises(DatabaseUnavailable), runtime.database.statement():
        pass
    runtime.database.dispose()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"TELEMETRY_EXPORTER": "none"}, NoTelemetry()),
        ({"TELEMETRY_EXPORTER": "log"}, LogTelemetry(SystemClock())),
        (
            {"TELEMETRY_EXPORTER": "log", "TELEMETRY_LOG_PATH": "/tmp/x"},
            LogTelemetry(SystemClock(), Path("/tmp/x")),
        ),
    ],
)
def test_the_exporter_is_chosen_by_setting(changes: dict[str, str], expected: object) -> None:
    runtime = build_runtime(settings_for(BASE_SETTINGS["DATABASE_URL"], **changes))
    assert runtime.telemetry == expected


def test_a_runtime_shows_no_secret() -> None:
    shown = repr(build_runtime(SETTINGS))
    assert SETTINGS.cursor_signing_key not in shown
    assert SETTINGS.eventhubs_connection not in shown
    assert SETTINGS.database_url not in shown


def test_the_clock_shows_utc_now() -> None:
    now = SystemClock().now()
    assert now.tzinfo == UTC
    assert abs(datetime.now(UTC) - now) < timedelta(seconds=10)


def test_ids_are_new_each_time_and_safe_in_a_path() -> None:
    ids = [RandomIds().new() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert all(each.isalnum() and len(each) == 32 for each in ids)

"""The app's settings: the sample file, this installation's addresses, and the environment above both."""

import json

import pytest

from infra.local.stack.credentials import Credentials
from infra.local.stack.layout import Layout, Ports
from infra.local.stack.settings import (
    SAMPLE,
    app_settings,
    check_settings,
    event_hubs_connection,
    read_settings,
    write_settings,
)
from shared.errors.base import SettingsInvalid

PORTS = Ports.from_first(21_000)
ISSUER = "http://127.0.0.1:21001"


def values_of(layout: Layout) -> dict[str, str]:
    return app_settings(layout, PORTS, ISSUER, Credentials.load(layout))


def test_they_are_the_samples_with_this_installations_addresses(layout: Layout) -> None:
    values, credentials = values_of(layout), Credentials.load(layout)
    sample = json.loads(SAMPLE.read_text())["Values"]
    assert values.keys() == sample.keys()
    own = {name: value for name, value in values.items() if value != sample[name]}
    assert own == {
        "DATABASE_URL": f"postgresql+psycopg://counterfoil_app:{credentials.app}@127.0.0.1:21003/counterfoil",
        "EventHubs": event_hubs_connection(21_002, credentials),
        "OIDC_ISSUER": ISSUER,
        "CURSOR_SIGNING_KEY": credentials.cursor_signing_key,
        "TELEMETRY_LOG_PATH": str(layout.telemetry),
        "SECRETS_FOLDER": str(layout.secrets),
        "BLOB_FOLDER": str(layout.blobs),
        "RATE_LIMIT_ADDRESS_FACTOR": "1000",
        "EVENT_RETENTION_HOURS": "168",
    }


def test_the_environment_wins(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql+psycopg://me:secret@db:5432/mine")
    monkeypatch.setenv("EVENT_DEFAULT_CURRENCY", "JPY")
    monkeypatch.setenv("SOMETHING_ELSE", "1")
    values = values_of(layout)
    assert values["DATABASE_URL"] == "postgresql+psycopg://me:secret@db:5432/mine"
    assert values["EVENT_DEFAULT_CURRENCY"] == "JPY"
    assert "SOMETHING_ELSE" not in values


def test_a_blank_variable_hides_nothing(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    values = values_of(layout)
    write_settings(layout, values)
    monkeypatch.setenv("DATABASE_URL", "")
    assert values_of(layout) == values
    assert read_settings(layout).database_url == values["DATABASE_URL"]


def test_what_was_written_is_read_and_is_its_owners_alone(layout: Layout) -> None:
    values = values_of(layout)
    write_settings(layout, values)
    assert layout.settings.stat().st_mode & 0o777 == 0o600
    document = json.loads(layout.settings.read_text())
    assert document == {"IsEncrypted": False, "Values": values}
    found = read_settings(layout)
    assert (found.database_url, found.oidc_issuer) == (values["DATABASE_URL"], ISSUER)


def test_commands_need_a_first_run(layout: Layout) -> None:
    with pytest.raises(SettingsInvalid):
        read_settings(layout)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"EVENT_DEFAULT_CURRENCY": "euro"}, ["EVENT_DEFAULT_CURRENCY"]),
        ({"EVENT_DEFAULT_CURENCY": "EUR"}, ["EVENT_DEFAULT_CURENCY"]),
        ({"LEDGER_HUB_NAME": "payment.order.upserted"}, ["LEDGER_HUB_NAME", "PAYMENT_ORDER_HUB_NAME"]),
        ({"DATABASE_URL": "somewhere"}, ["DATABASE_URL"]),
        (
            {"LEDGER_HUB_NAME": "no hub", "DATABASE_POOL_SIZE": "many"},
            ["LEDGER_HUB_NAME", "DATABASE_POOL_SIZE"],
        ),
    ],
)
def test_every_wrong_setting_is_named(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], named: list[str]
) -> None:
    check_settings(values_of(layout))
    for name, value in changes.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsInvalid) as refused:
        check_settings(values_of(layout))
    assert [name for name in named if name not in refused.value.detail] == []

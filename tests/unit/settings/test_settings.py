"""Settings fail closed: each refusal names its setting, all at once, and no secret is ever shown."""

import json
import os
import subprocess
import sys
from typing import Any, get_type_hints

import msgspec
import pytest
from sqlalchemy.engine import make_url

from shared.errors.base import SettingsInvalid
from shared.settings import (
    FAMILIES,
    PLATFORM_NAMES,
    SECRETS,
    Settings,
    load_migration_url,
    load_settings,
    setting_names,
)
from shared.sync.profiles.load_profile import load_profile, profile_names
from tests.house.sources import ROOT
from tests.support.runtime import BASE_SETTINGS

HUBS = {"LEDGER_HUB_NAME", "PAYMENT_ORDER_HUB_NAME"}
REQUIRED = sorted(
    name
    for name in set(BASE_SETTINGS) - HUBS
    if name != "TELEMETRY_EXPORTER" and not name.startswith("RATE_LIMIT_")
)
SECRET_MARK = "hunter2"
# What every instance outside of a developer's machine needs.
DEPLOYED = {
    "KEY_VAULT_URL": "https://kv.vault.azure.net",
    "BLOB_ACCOUNT_URL": "https://a.blob.core.windows.net",
}
WRONG = {
    "APP_ENV": ["production", "LOCAL"],
    "DATABASE_URL": [
        "sqlite://",
        "postgresql://a:b@c/d",
        "postgres",
        "postgresql+psycopg://a b",
        "x" * 3000,
        "postgresql+psycopg://u:p@h:port/d",
        "postgresql+psycopg://u:p@h:5432",
        "postgresql+psycopg://h/",
    ],
    "DATABASE_AUTH": ["entra-id"],
    "DATABASE_POOL_SIZE": ["0", "51", "-1", "many", "4.5", "nan", "1e400"],
    "DATABASE_POOL_TIMEOUT_SECONDS": ["0", "-1", "121", "nan", "inf", "soon"],
    "DATABASE_PREPARE": ["maybe", "yes please"],
    "EventHubs": ["sb://127.0.0.1", "Endpoint=http://127.0.0.1"],
    "LEDGER_HUB_NAME": ["with space", "-x", "x" * 256, "a/b", "x\ny"],
    "PAYMENT_ORDER_HUB_NAME": ["ü"],
    "EVENT_CONSUMER_GROUP": ["$Default"],
    "EVENT_REPLAY_CONSUMER_GROUP": ["$Default"],
    "EVENT_RETENTION_HOURS": ["0", "2161", "1 day"],
    "WATCH_STALL_SECONDS": ["0", "86401", "soon"],
    "EVENT_PROFILE": ["canonical-v2"],
    "EVENT_DEFAULT_CURRENCY": ["usd", "US", "USDT", "U$D"],
    "EVENT_DEFAULT_SITE_ID": ["x" * 41, ".a", "a b"],
    "EVENT_TIME_TOLERANCE_SECONDS": ["-1", "31536001", "1 day"],
    "EVENT_FAST_DECODE": ["fast", "2"],
    "EVENT_REJECT_SHARE_MAX": ["0", "1.01", "-0.5", "nan", "half"],
    "EVENT_REJECT_BATCH_MIN": ["0", "1001", "1.5", "few"],
    "WATCH_SYNC_SCHEDULE": ["* * * * *", "0 * * * * * *", "hourly"],
    "AUTH_MODE": ["disabled", "none"],
    "AUTH_PLATFORM_HEADER": ["maybe"],
    "WEBSITE_AUTH_ENABLED": ["maybe"],
    "OIDC_ACTOR_CLAIMS": ["oid sub", "oid,"],
    "OIDC_ROLE_CLAIMS": ["roles scp", ",roles"],
    "OIDC_ROLE_MAP": ["viewer", "A=root", "A=viewer,", "A=viewer+"],
    "TOKEN_LIFE_DAYS_MAX": ["0", "31", "a month"],
    "TOKEN_IDLE_DAYS_MAX": ["0", "31"],
    "TOKEN_ROTATE_AFTER_DAYS": ["0", "31"],
    "TOKEN_WARN_DAYS": ["0", "31"],
    "TOKEN_OVERLAP_MINUTES": ["-1", "10081"],
    "TOKEN_ACTIVE_MAX": ["0", "6"],
    "ACCESS_BREAK_GLASS_HOURS_MAX": ["0", "25"],
    "BOOTSTRAP_SECRET": ["short", "x" * 513],
    "WARN_EXPIRING_TOKENS_SCHEDULE": ["* * * * *", "daily"],
    "OIDC_ISSUER": ["x" * 261],
    "OIDC_AUDIENCE": ["x" * 261],
    "OIDC_ALGORITHMS": ["HS256", "none", "RS256,", "RS256;ES256", "rs256"],
    "OIDC_LEEWAY_SECONDS": ["-1", "61"],
    "OIDC_KEYS_COOLDOWN_SECONDS": ["0", "3601"],
    "CURSOR_SIGNING_KEY": ["too short", "x" * 4097],
    "REQUEST_BODY_BYTES_MAX": ["1023", "104857601"],
    "TRUSTED_PROXIES": ["localhost", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/8;10.1.0.0/16"],
    "RATE_LIMIT_STORE": ["disk"],
    "RATE_LIMIT_REDIS_URL": ["http://host", "redis://"],
    "RATE_LIMIT_FAIL_MODE": ["half"],
    **{
        f"RATE_LIMIT_{name}": ["0", "1000001", "1.5"]
        for name in ("READ", "WRITE", "ADMIN", "UPLOAD", "HEAVY", "PUBLIC", "FAILURES")
    },
    "RATE_LIMIT_ADDRESS_FACTOR": ["0", "1001"],
    "KEY_VAULT_URL": ["http://kv", "https://kv/secrets", "kv"],
    "BLOB_ACCOUNT_URL": ["http://blob", "https://blob/container?sig=x"],
    "BLOB_CONTAINER": ["Audit", "a", "a--b", "-ab"],
    "SEAL_ACCESS_RECORDS_SCHEDULE": ["* * * * *"],
    "KEEP_REQUEST_ROWS_SCHEDULE": ["* * * * *"],
    "PUBLISH_ANCHORS_SCHEDULE": ["hourly"],
    "ARCHIVE_CHAINS_SCHEDULE": ["monthly"],
    "ACCESS_RECORDS_KEPT_DAYS": ["30", "36501", "a year"],
    "REFUSAL_COUNTS_KEPT_DAYS": ["0", "36501"],
    "EXPIRE_APPROVALS_SCHEDULE": ["* * * * *", "daily"],
    "TELEMETRY_EXPORTER": ["stdout"],
}


def refusal(**changes: str) -> list[str]:
    """The problems a start with these settings is refused for."""
    with pytest.raises(SettingsInvalid) as caught:
        load_settings({**BASE_SETTINGS, **changes})
    return caught.value.detail.split("; ")


def named(problem: str) -> str:
    return problem.split(" ")[0].split("=")[0]


def test_the_base_settings_are_taken() -> None:
    settings = load_settings(BASE_SETTINGS)
    assert settings.database_url == BASE_SETTINGS["DATABASE_URL"]
    assert settings.eventhubs_connection == BASE_SETTINGS["EventHubs"]
    assert settings.algorithms() == ["RS256", "ES256"]


def test_the_sample_file_is_taken() -> None:
    sample = json.loads((ROOT / "local.settings.sample.json").read_text("utf-8"))["Values"]
    settings = load_settings(sample)
    defaults = {f.name: f.default for f in msgspec.structs.fields(Settings) if not f.required}
    told = {"eventhubs_connection", *(name.lower() for name in HUBS)}
    shown = {name: getattr(settings, name) for name in defaults if name not in told}
    assert shown == {name: value for name, value in defaults.items() if name not in told}
    hubs = load_profile(settings.event_profile)
    assert (settings.ledger_hub_name, settings.payment_order_hub_name) == (
        hubs.ledger.hub,
        hubs.payment_order.hub,
    )


@pytest.mark.parametrize("name", profile_names())
def test_the_hubs_are_the_profiles_and_a_setting_names_another_one_by_one(name: str) -> None:
    without = {key: value for key, value in BASE_SETTINGS.items() if key not in HUBS}
    profile = load_profile(name)
    settings = load_settings({**without, "EVENT_PROFILE": name})
    assert settings.ledger_hub_name == profile.ledger.hub
    assert settings.payment_order_hub_name == profile.payment_order.hub
    own = load_settings({**without, "EVENT_PROFILE": name, "LEDGER_HUB_NAME": "own.hub"})
    assert (own.ledger_hub_name, own.payment_order_hub_name) == ("own.hub", profile.payment_order.hub)


def test_an_unknown_profile_is_refused_with_the_nearest_name() -> None:
    (problem,) = refusal(EVENT_PROFILE="cdc-v2")
    assert named(problem) == "EVENT_PROFILE"
    assert "cdc-v1" in problem


def test_values_become_what_they_mean() -> None:
    changes = {
        "DATABASE_POOL_SIZE": " 7 ",
        "DATABASE_POOL_TIMEOUT_SECONDS": "2.5",
        "DATABASE_PREPARE": "false",
        "OIDC_ALGORITHMS": "ES256",
    }
    settings = load_settings({**BASE_SETTINGS, **changes})
    assert (settings.database_pool_size, settings.database_pool_timeout_seconds) == (7, 2.5)
    assert (settings.database_prepare, settings.algorithms()) == (False, ["ES256"])


@pytest.mark.parametrize("value", ["", "  ", "\t\n"])
def test_a_blank_value_is_no_value(value: str) -> None:
    assert load_settings({**BASE_SETTINGS, "DATABASE_POOL_SIZE": value}).database_pool_size == 4
    assert [named(each) for each in refusal(APP_ENV=value)] == ["APP_ENV"]


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_setting_is_named(name: str) -> None:
    without = {key: value for key, value in BASE_SETTINGS.items() if key != name}
    with pytest.raises(SettingsInvalid) as caught:
        load_settings(without)
    assert [named(each) for each in caught.value.detail.split("; ")] == [name]


def test_required_are_exactly_those_without_a_default() -> None:
    fields = {f.encode_name for f in msgspec.structs.fields(Settings) if f.required}
    # Of the two ways to name the Event Hubs one is needed.
    assert {*fields, "EventHubs"} == set(REQUIRED)


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
def test_a_wrong_value_is_named(name: str, value: str) -> None:
    assert [named(each) for each in refusal(**{name: value})] == [name]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://app@server.postgres.database.azure.com/counterfoil?sslmode=verify-full&sslrootcert=system",
        "postgresql+psycopg://app:p%40ss:w/ord@10.0.0.4:6432/counterfoil",
        "postgresql+psycopg://[::1]:5432/counterfoil",
        "postgresql+psycopg:///counterfoil?host=/var/run/postgresql",
    ],
)
def test_an_address_of_a_database_is_taken_as_the_engine_will_read_it(url: str) -> None:
    settings = load_settings({**BASE_SETTINGS, "DATABASE_URL": url})
    assert make_url(settings.database_url).database == "counterfoil"


def test_every_constrained_setting_has_a_wrong_value_here() -> None:
    free = {n for n, hint in get_type_hints(Settings, include_extras=True).items() if hint is str}
    names = {PLATFORM_NAMES.get(n.upper(), n.upper()) for n in get_type_hints(Settings) if n not in free}
    assert set(WRONG) == names


@pytest.mark.parametrize(
    ("unknown", "suggested"),
    [
        ("DATABASE_POOLSIZE", "DATABASE_POOL_SIZE"),
        ("EVENT_DEFAULT_CURENCY", "EVENT_DEFAULT_CURRENCY"),
        ("OIDC_ISSUERS", "OIDC_ISSUER"),
        ("PAYMENT_ORDER_HUB", "PAYMENT_ORDER_HUB_NAME"),
        ("WATCH_SYNC_SCHEDULES", "WATCH_SYNC_SCHEDULE"),
        ("TELEMETRY_EXPORT", "TELEMETRY_EXPORTER"),
    ],
)
def test_an_unknown_key_of_our_families_is_refused_with_a_suggestion(unknown: str, suggested: str) -> None:
    (problem,) = refusal(**{unknown: "1"})
    assert named(problem) == unknown
    assert suggested in problem


def test_an_unknown_key_that_resembles_nothing_is_refused_too() -> None:
    (problem,) = refusal(DATABASE_ZZZZZZZZZZZZZ="1")
    assert named(problem) == "DATABASE_ZZZZZZZZZZZZZ"


def test_keys_of_others_are_left_alone() -> None:
    others = {
        "PATH": "/bin",
        "WEBSITE_SITE_NAME": "x",
        "AzureWebJobsStorage": "y",
        "EventHubs__credential": "z",
    }
    assert load_settings({**BASE_SETTINGS, **others}) == load_settings(BASE_SETTINGS)


def test_every_setting_of_ours_belongs_to_a_family() -> None:
    outside = {name for name in setting_names() if not name.startswith(FAMILIES)}
    assert outside == {"APP_ENV", *PLATFORM_NAMES.values()}


def test_everything_wrong_is_told_at_once() -> None:
    wrong = {"APP_ENV": "moon", "DATABASE_POOL_SIZE": "0", "OIDC_ISSUR": "x", "EVENT_DEFAULT_CURRENCY": ""}
    problems = refusal(**wrong, CURSOR_SIGNING_KEY="short")
    assert sorted(map(named, problems)) == sorted([*wrong, "CURSOR_SIGNING_KEY"])


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"PAYMENT_ORDER_HUB_NAME": "ledger.entry.upserted"}, {"LEDGER_HUB_NAME", "PAYMENT_ORDER_HUB_NAME"}),
        (
            {"EVENT_REPLAY_CONSUMER_GROUP": "counterfoil"},
            {"EVENT_CONSUMER_GROUP", "EVENT_REPLAY_CONSUMER_GROUP"},
        ),
        ({**DEPLOYED, "APP_ENV": "prod"}, {"AUTH_MODE", "APP_ENV"}),
        ({"KEY_VAULT_URL": "https://kv", "SECRETS_FOLDER": "/s"}, {"KEY_VAULT_URL", "SECRETS_FOLDER"}),
        ({"BLOB_ACCOUNT_URL": "https://a", "BLOB_FOLDER": "/b"}, {"BLOB_ACCOUNT_URL", "BLOB_FOLDER"}),
        (
            {
                "KEY_VAULT_URL": "https://kv",
                "APP_ENV": "dev",
                "AUTH_MODE": "oidc",
                "OIDC_ISSUER": "https://issuer",
            },
            {"BLOB_ACCOUNT_URL", "BLOB_FOLDER"},
        ),
        ({"EventHubs": ""}, {"EventHubs", "EventHubs__fullyQualifiedNamespace"}),
        ({"AUTH_MODE": "oidc"}, {"OIDC_ISSUER"}),
        ({"RATE_LIMIT_STORE": "redis"}, {"RATE_LIMIT_STORE", "RATE_LIMIT_REDIS_URL"}),
        ({"RATE_LIMIT_REDIS_URL": "redis://host:port/0"}, {"RATE_LIMIT_REDIS_URL"}),
        ({"RATE_LIMIT_REDIS_URL": "redis://[::1/0"}, {"RATE_LIMIT_REDIS_URL"}),
        (
            {"AUTH_MODE": "oidc", "OIDC_ISSUER": "https://issuer", "OIDC_JWKS_URL": "http://keys"},
            {"OIDC_JWKS_URL"},
        ),
        (
            {
                **DEPLOYED,
                "APP_ENV": "dev",
                "AUTH_MODE": "oidc",
                "OIDC_ISSUER": "https://issuer",
                "TELEMETRY_EXPORTER": "log",
                "TELEMETRY_LOG_PATH": "/tmp/log",
            },
            {"TELEMETRY_LOG_PATH"},
        ),
    ],
)
def test_settings_at_odds_are_named(changes: dict[str, str], names: set[str]) -> None:
    (problem,) = refusal(**changes)
    assert all(name in problem for name in names)


def test_a_deployed_instance_starts_without_a_connection_string() -> None:
    changes = {
        **DEPLOYED,
        "APP_ENV": "prod",
        "AUTH_MODE": "oidc",
        "OIDC_ISSUER": "https://login.microsoftonline.com/tenant/v2.0",
        "DATABASE_AUTH": "entra",
        "EventHubs": "",
        "EventHubs__fullyQualifiedNamespace": "ns.servicebus.windows.net",
        "EventHubs__clientId": "00000000-0000-0000-0000-000000000000",
        "TELEMETRY_EXPORTER": "log",
    }
    settings = load_settings({**BASE_SETTINGS, **changes})
    assert (settings.eventhubs_connection, settings.eventhubs_namespace) == ("", "ns.servicebus.windows.net")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", f"postgres://app:{SECRET_MARK}@host/db"),
        ("EventHubs", f"SharedAccessKey={SECRET_MARK}"),
        ("CURSOR_SIGNING_KEY", SECRET_MARK),
        ("RATE_LIMIT_REDIS_URL", f"https://:{SECRET_MARK}@host"),
    ],
)
def test_a_wrong_secret_is_named_and_not_shown(name: str, value: str) -> None:
    (problem,) = refusal(**{name: value})
    assert named(problem) == name
    assert SECRET_MARK not in problem


def test_a_wrong_value_that_is_no_secret_is_shown() -> None:
    (problem,) = refusal(APP_ENV="moonbase")
    assert "moonbase" in problem


def test_settings_never_show_their_secrets() -> None:
    secrets = {
        "DATABASE_URL": f"postgresql+psycopg://app:{SECRET_MARK}@host/db",
        "EventHubs": f"Endpoint=sb://host;SharedAccessKey={SECRET_MARK}",
        "CURSOR_SIGNING_KEY": SECRET_MARK * 5,
        "BOOTSTRAP_SECRET": SECRET_MARK * 5,
        "RATE_LIMIT_REDIS_URL": f"rediss://:{SECRET_MARK}@host:6380/0",
    }
    assert {PLATFORM_NAMES.get(name, name) for name in SECRETS} == set(secrets)
    settings = load_settings({**BASE_SETTINGS, **secrets})
    for shown in (repr(settings), str(settings), f"{settings}", repr([settings])):
        assert SECRET_MARK not in shown
        assert "LEDGER_HUB_NAME".lower() in shown


def test_settings_are_frozen_and_complete() -> None:
    settings: Any = load_settings(BASE_SETTINGS)
    with pytest.raises(AttributeError):
        settings.app_env = "prod"
    with pytest.raises(TypeError):
        Settings(app_env="local")  # type: ignore[call-arg]


def test_names_are_as_the_environment_spells_them() -> None:
    names = setting_names()
    assert len(names) == len(set(names)) == len(msgspec.structs.fields(Settings))
    assert {"APP_ENV", "EventHubs", "EventHubs__fullyQualifiedNamespace", "EventHubs__clientId"} <= set(names)


@pytest.mark.parametrize("environ", [{}, {"MIGRATOR_DATABASE_URL": "  "}])
def test_the_migrators_connection_is_required_by_the_migrations_alone(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        load_migration_url(environ)
    assert named(caught.value.detail) == "MIGRATOR_DATABASE_URL"
    assert load_migration_url({"MIGRATOR_DATABASE_URL": " postgresql+psycopg://m@h/d "}).startswith(
        "postgresql"
    )


def test_the_process_environment_is_the_default() -> None:
    """In a process of its own, whose environment is the test's to choose."""
    code = "from shared.settings import load_settings; print(load_settings().event_default_site_id)"
    environ = {**BASE_SETTINGS, "EVENT_DEFAULT_SITE_ID": "JP-TOKYO", "PATH": os.environ["PATH"]}
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environ, capture_output=True, text=True
    )
    assert shown.stdout.strip() == "JP-TOKYO", shown.stderr

"""Settings: the one reader of the environment.

Every field is an application setting of the same name in capitals. A missing required setting, a value of the
wrong shape and an unknown key in one of our families stop the start and are named, all at once.
"""

import difflib
import os
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_type_hints

import msgspec

from shared.errors.base import SettingsInvalid
from shared.sync.errors import ProfileInvalid
from shared.sync.profiles.load_profile import CANONICAL, load_profile

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=260)]
# Another driver than the one we are built on would start and behave otherwise. The engine reads the URL at the first
# use only, so its form is checked here: user, password, host, port, database.
DatabaseUrl = Annotated[
    str,
    msgspec.Meta(
        max_length=2048,
        pattern=r"\Apostgresql\+psycopg://([^\s:/@]*(:[^\s@]*)?@)?(\[[0-9a-fA-F:.]+\]|[^\s@/:?\[\]]*)(:[0-9]{1,5})?"
        r"/[^\s/?]+(\?\S*)?\Z",
    ),
]
EventHubsConnection = Annotated[str, msgspec.Meta(max_length=2048, pattern=r"\A(Endpoint=sb://\S+)?\Z")]
HubName = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,254}\Z")]
# Absent: the profile's hub.
OwnHubName = Annotated[str, msgspec.Meta(pattern=r"\A([A-Za-z0-9][A-Za-z0-9._-]{0,254})?\Z")]
SiteCode = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,39}\Z")]
Currency = Annotated[str, msgspec.Meta(pattern=r"\A[A-Z]{3}\Z")]
Secret = Annotated[str, msgspec.Meta(min_length=32, max_length=4096)]
Schedule = Annotated[str, msgspec.Meta(pattern=r"\A(\S+ ){5}\S+\Z")]


class Settings(msgspec.Struct, frozen=True, kw_only=True, rename="upper", forbid_unknown_fields=True):
    """What an instance needs to know before it serves anything; see docs/settings.md for each one's meaning."""

    app_env: Literal["local", "dev", "prod"]

    database_url: DatabaseUrl
    database_auth: Literal["password", "entra"] = "password"
    database_pool_size: Annotated[int, msgspec.Meta(ge=1, le=50)] = 4
    database_pool_timeout_seconds: Annotated[float, msgspec.Meta(gt=0, le=120)] = 10.0
    database_prepare: bool = True

    eventhubs_connection: EventHubsConnection = ""
    eventhubs_namespace: str = ""
    eventhubs_client_id: str = ""
    ledger_hub_name: OwnHubName = ""
    payment_order_hub_name: OwnHubName = ""
    event_consumer_group: HubName = "counterfoil"
    event_replay_consumer_group: HubName = "replay"
    event_retention_hours: Annotated[int, msgspec.Meta(ge=1, le=2160)] = 24
    event_profile: Name = CANONICAL
    event_default_currency: Currency
    event_default_site_id: SiteCode
    event_time_tolerance_seconds: Annotated[int, msgspec.Meta(ge=0, le=31_536_000)] = 86_400
    event_fast_decode: bool = False
    event_reject_share_max: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.5
    event_reject_batch_min: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 20

    watch_sync_schedule: Schedule = "0 * * * * *"
    watch_stall_seconds: Annotated[int, msgspec.Meta(ge=1, le=86_400)] = 300

    auth_mode: Literal["local", "oidc"]
    oidc_issuer: Name
    oidc_audience: Name
    oidc_jwks_url: str = ""
    oidc_algorithms: Annotated[str, msgspec.Meta(pattern=r"\A(RS256|ES256)(,(RS256|ES256))*\Z")] = (
        "RS256,ES256"
    )
    oidc_leeway_seconds: Annotated[int, msgspec.Meta(ge=0, le=60)] = 30
    oidc_keys_cooldown_seconds: Annotated[int, msgspec.Meta(ge=1, le=3600)] = 30

    cursor_signing_key: Secret

    telemetry_exporter: Literal["none", "log"] = "log"
    telemetry_log_path: str = ""

    def algorithms(self) -> list[str]:
        """The signature algorithms a token may use."""
        return self.oidc_algorithms.split(",")

    def __repr__(self) -> str:
        """Every setting but the secrets, so that no log and no trace can show one."""
        values = msgspec.structs.asdict(self)
        shown = (
            f"{n}={'***' if n.upper() in SECRETS and value else repr(value)}" for n, value in values.items()
        )
        return f"Settings({', '.join(shown)})"


# The Event Hubs trigger reads its connection by the platform's own names; these are the same facts, ours to read.
PLATFORM_NAMES = {
    "EVENTHUBS_CONNECTION": "EventHubs",
    "EVENTHUBS_NAMESPACE": "EventHubs__fullyQualifiedNamespace",
    "EVENTHUBS_CLIENT_ID": "EventHubs__clientId",
}
FAMILIES = (
    "DATABASE_",
    "EVENT_",
    "LEDGER_",
    "PAYMENT_ORDER_",
    "WATCH_",
    "AUTH_",
    "OIDC_",
    "CURSOR_",
    "TELEMETRY_",
)
SECRETS = frozenset({"DATABASE_URL", "EVENTHUBS_CONNECTION", "CURSOR_SIGNING_KEY"})


def setting_names() -> list[str]:
    """The names of all settings as the environment spells them."""
    fields = [f.upper() for f in get_type_hints(Settings)]
    return [PLATFORM_NAMES.get(name, name) for name in fields]


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read and check every setting.

    Raises SettingsInvalid, naming each setting that is missing, malformed, unknown or at odds with another.
    """
    env = os.environ if environ is None else environ
    known = [f.upper() for f in get_type_hints(Settings)]
    values = {name: env[source] for name in known if (source := PLATFORM_NAMES.get(name, name)) in env}
    values = {name: value.strip() for name, value in values.items() if value.strip()}
    problems = [*_unknown(env, known), *_malformed(values), *_without_profile(values)]
    if problems:
        raise SettingsInvalid("; ".join(problems))
    settings = _with_hubs(msgspec.convert(values, Settings, strict=False))
    if problems := _contradictions(settings):
        raise SettingsInvalid("; ".join(problems))
    return settings


def _without_profile(values: Mapping[str, str]) -> list[str]:
    try:
        load_profile(values.get("EVENT_PROFILE", CANONICAL))
    except ProfileInvalid as error:
        return [f"EVENT_PROFILE is wrong: {error}"]
    return []


def _with_hubs(settings: Settings) -> Settings:
    """The hubs are the profile's, each unless a setting names another."""
    profile = load_profile(settings.event_profile)
    return msgspec.structs.replace(
        settings,
        ledger_hub_name=settings.ledger_hub_name or profile.ledger.hub,
        payment_order_hub_name=settings.payment_order_hub_name or profile.payment_order.hub,
    )


def load_migration_url(environ: Mapping[str, str] | None = None) -> str:
    """The migrator's own connection: DATABASE_URL as the schema's owner, read by the migrations only."""
    env = os.environ if environ is None else environ
    url = env.get("MIGRATOR_DATABASE_URL", "").strip()
    if not url:
        raise SettingsInvalid(
            "MIGRATOR_DATABASE_URL is missing: set it to the connection of the schema's owner"
        )
    return url


def _unknown(env: Mapping[str, str], known: list[str]) -> list[str]:
    problems = []
    for name in sorted(env):
        if name.startswith(FAMILIES) and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else "remove it"
            problems.append(f"{name} is not a setting ({hint})")
    return problems


def _malformed(values: dict[str, str]) -> list[str]:
    """Convert field by field, so that one start names every wrong setting and never prints a secret's value."""
    hints: dict[str, Any] = get_type_hints(Settings, include_extras=True)
    required = {f.encode_name for f in msgspec.structs.fields(Settings) if f.required}
    problems = [f"{PLATFORM_NAMES.get(n, n)} is missing" for n in sorted(required - values.keys())]
    for name, value in values.items():
        try:
            msgspec.convert(value, hints[name.lower()], strict=False)
        except msgspec.ValidationError as error:
            shown = "" if name in SECRETS else f" (it is {value!r})"
            problems.append(f"{PLATFORM_NAMES.get(name, name)} is wrong: {error}{shown}")
    return problems


def _contradictions(s: Settings) -> list[str]:
    problems = []
    if s.ledger_hub_name == s.payment_order_hub_name:
        problems.append(
            "LEDGER_HUB_NAME and PAYMENT_ORDER_HUB_NAME are equal, but each stream has its own hub"
        )
    if s.event_consumer_group == s.event_replay_consumer_group:
        problems.append(
            "EVENT_CONSUMER_GROUP and EVENT_REPLAY_CONSUMER_GROUP are equal, but reading again needs its own group"
        )
    if s.auth_mode == "local" and s.app_env != "local":
        problems.append("AUTH_MODE=local starts only with APP_ENV=local, elsewhere set AUTH_MODE=oidc")
    for name, address in (("OIDC_ISSUER", s.oidc_issuer), ("OIDC_JWKS_URL", s.oidc_jwks_url)):
        if s.auth_mode == "oidc" and address and not address.startswith("https://"):
            problems.append(f"{name} must begin with https:// unless AUTH_MODE=local")
    if not s.eventhubs_connection and not s.eventhubs_namespace:
        problems.append("EventHubs is missing: set EventHubs or EventHubs__fullyQualifiedNamespace")
    if s.telemetry_exporter == "log" and s.telemetry_log_path and s.app_env != "local":
        problems.append("TELEMETRY_LOG_PATH is for APP_ENV=local, elsewhere the platform collects the log")
    return problems

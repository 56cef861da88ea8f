"""Settings: the one reader of the environment.

Every field is an application setting of the same name in capitals. A missing required setting, a value of the
wrong shape and an unknown key in one of our families stop the start and are named, all at once.
"""

import difflib
import os
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any, Literal, get_type_hints
from urllib.parse import urlsplit

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
# Addresses and networks with commas between; each is read by ipaddress, see _contradictions.
Networks = Annotated[str, msgspec.Meta(max_length=4096, pattern=r"\A[0-9A-Fa-f.:/, ]*\Z")]
RedisUrl = Annotated[str, msgspec.Meta(max_length=2048, pattern=r"\A(rediss?://\S+)?\Z")]
RatePerMinute = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Schedule = Annotated[str, msgspec.Meta(pattern=r"\A(\S+ ){5}\S+\Z")]
ClaimNames = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_.:/-]+(,[A-Za-z0-9_.:/-]+)*\Z")]
_ROLE = "(viewer|operator|approver|auditor|site_manager|administrator|service)"
_ROLES = rf"[A-Za-z0-9_.-]+={_ROLE}(\+{_ROLE})*"
RoleMap = Annotated[str, msgspec.Meta(max_length=4096, pattern=rf"\A{_ROLES}(,{_ROLES})*\Z")]
Days = Annotated[int, msgspec.Meta(ge=1, le=30)]
HttpsUrl = Annotated[str, msgspec.Meta(max_length=2048, pattern=r"\A(https://[^\s/?#]+/?)?\Z")]
ContainerName = Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9](?:[a-z0-9]|-(?=[a-z0-9])){2,62}\Z")]


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
    oidc_actor_claims: ClaimNames = "oid,sub"
    oidc_role_claims: ClaimNames = "roles,scp"
    oidc_role_map: RoleMap = "ADMIN_READ=viewer,ADMIN_AUDIT=viewer+auditor"
    auth_platform_header: bool = False
    auth_platform_enabled: bool = False

    token_life_days_max: Days = 30
    token_idle_days_max: Days = 30
    token_rotate_after_days: Days = 20
    token_warn_days: Days = 7
    token_overlap_minutes: Annotated[int, msgspec.Meta(ge=0, le=10_080)] = 60
    token_active_max: Annotated[int, msgspec.Meta(ge=1, le=5)] = 5
    access_break_glass_hours_max: Annotated[int, msgspec.Meta(ge=1, le=24)] = 4
    bootstrap_secret: Annotated[str, msgspec.Meta(pattern=r"\A(\S{32,512})?\Z")] = ""
    warn_expiring_tokens_schedule: Schedule = "0 0 6 * * *"

    cursor_signing_key: Secret

    request_body_bytes_max: Annotated[int, msgspec.Meta(ge=1024, le=104_857_600)] = 1_048_576
    trusted_proxies: Networks = ""

    rate_limit_store: Literal["auto", "memory", "redis"] = "auto"
    rate_limit_redis_url: RedisUrl = ""
    rate_limit_fail_mode: Literal["mixed", "open", "closed"] = "mixed"
    rate_limit_read: RatePerMinute = 300
    rate_limit_write: RatePerMinute = 120
    rate_limit_admin: RatePerMinute = 180
    rate_limit_upload: RatePerMinute = 40
    rate_limit_heavy: RatePerMinute = 40
    rate_limit_public: RatePerMinute = 120
    rate_limit_failures: RatePerMinute = 30
    rate_limit_address_factor: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1

    key_vault_url: HttpsUrl = ""
    secrets_folder: str = ""
    blob_account_url: HttpsUrl = ""
    blob_container: ContainerName = "counterfoil-audit"
    blob_folder: str = ""

    seal_access_records_schedule: Schedule = "15 * * * * *"
    keep_request_rows_schedule: Schedule = "45 */5 * * * *"
    publish_anchors_schedule: Schedule = "0 5 * * * *"
    archive_chains_schedule: Schedule = "0 30 2 * * *"
    access_records_kept_days: Annotated[int, msgspec.Meta(ge=31, le=36_500)] = 400
    refusal_counts_kept_days: Annotated[int, msgspec.Meta(ge=1, le=36_500)] = 90

    expire_approvals_schedule: Schedule = "30 * * * * *"

    telemetry_exporter: Literal["none", "log"] = "log"
    telemetry_log_path: str = ""

    def algorithms(self) -> list[str]:
        """The signature algorithms a token may use."""
        return self.oidc_algorithms.split(",")

    def trusts_platform(self) -> bool:
        """Whether the platform's principal header is believed: we are told to, and the platform says it is on."""
        return self.auth_platform_header and self.auth_platform_enabled

    def proxies(self) -> list[IPv4Network | IPv6Network]:
        """The proxies whose word on the address before them is taken."""
        return [ip_network(each.strip()) for each in self.trusted_proxies.split(",") if each.strip()]

    def rate_limit(self, rate_class: str) -> int:
        """How many requests of that class one caller may send in a minute."""
        return int(getattr(self, f"rate_limit_{rate_class}"))

    def by_name(self) -> dict[str, object]:
        """Every setting under its name, secrets too: for whoever compares them, and shows none."""
        return {name.upper(): value for name, value in msgspec.structs.asdict(self).items()}

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
    "AUTH_PLATFORM_ENABLED": "WEBSITE_AUTH_ENABLED",
}
FAMILIES = (
    "DATABASE_",
    "EVENT_",
    "LEDGER_",
    "PAYMENT_ORDER_",
    "WATCH_",
    "AUTH_",
    "OIDC_",
    "TOKEN_",
    "ACCESS_",
    "BOOTSTRAP_",
    "WARN_",
    "CURSOR_",
    "REQUEST_",
    "TRUSTED_",
    "RATE_LIMIT_",
    "KEY_VAULT_",
    "SECRETS_",
    "BLOB_",
    "SEAL_",
    "KEEP_",
    "PUBLISH_",
    "ARCHIVE_",
    "ACCESS_RECORDS_",
    "REFUSAL_COUNTS_",
    "EXPIRE_",
    "TELEMETRY_",
)
SECRETS = frozenset(
    {"DATABASE_URL", "EVENTHUBS_CONNECTION", "CURSOR_SIGNING_KEY", "RATE_LIMIT_REDIS_URL", "BOOTSTRAP_SECRET"}
)


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


def retention_environ(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment as the one role has it that may drop days of access records: DATABASE_URL is its connection."""
    env = os.environ if environ is None else environ
    url = env.get("RETENTION_DATABASE_URL", "").strip()
    if not url:
        raise SettingsInvalid(
            "RETENTION_DATABASE_URL is missing: set it to the connection of counterfoil_retention"
        )
    return {**env, "DATABASE_URL": url}


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
    if s.rate_limit_store == "redis" and not s.rate_limit_redis_url:
        problems.append("RATE_LIMIT_REDIS_URL is missing, RATE_LIMIT_STORE=redis counts there")
    try:
        # The library reads the address at the first request only.
        _port = urlsplit(s.rate_limit_redis_url).port
    except ValueError:
        problems.append("RATE_LIMIT_REDIS_URL is wrong: it is no address such as rediss://host:6380/0")
    try:
        s.proxies()
    except ValueError as error:
        problems.append(f"TRUSTED_PROXIES is wrong: {error}")
    if not s.eventhubs_connection and not s.eventhubs_namespace:
        problems.append("EventHubs is missing: set EventHubs or EventHubs__fullyQualifiedNamespace")
    for ours, azures in (("SECRETS_FOLDER", "KEY_VAULT_URL"), ("BLOB_FOLDER", "BLOB_ACCOUNT_URL")):
        folder, url = (getattr(s, name.lower()) for name in (ours, azures))
        if folder and url:
            problems.append(f"{ours} and {azures} are both set, but only one of them is used")
        if s.app_env != "local" and not url:
            problems.append(f"{azures} is missing: {ours} is for APP_ENV=local")
    problems += _token_contradictions(s)
    if s.telemetry_exporter == "log" and s.telemetry_log_path and s.app_env != "local":
        problems.append("TELEMETRY_LOG_PATH is for APP_ENV=local, elsewhere the platform collects the log")
    return problems


def _token_contradictions(s: Settings) -> list[str]:
    """A token must be rotated, warned of and let go while it lives."""
    life = f"TOKEN_LIFE_DAYS_MAX ({s.token_life_days_max})"
    problems = []
    for name, days in (
        ("TOKEN_ROTATE_AFTER_DAYS", s.token_rotate_after_days),
        ("TOKEN_WARN_DAYS", s.token_warn_days),
    ):
        if days >= s.token_life_days_max:
            problems.append(f"{name} ({days}) must be less than {life}")
    if s.token_idle_days_max > s.token_life_days_max:
        problems.append(f"TOKEN_IDLE_DAYS_MAX ({s.token_idle_days_max}) must not be more than {life}")
    if s.token_overlap_minutes >= s.token_rotate_after_days * 24 * 60:
        problems.append("TOKEN_OVERLAP_MINUTES must end before TOKEN_ROTATE_AFTER_DAYS come round again")
    return problems

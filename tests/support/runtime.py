"""A Runtime for tests: real database, a clock that stands until moved, a broker that answers what it is told."""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

import jwt

from shared.adapters.blob import BlobConflict, BlobMissing
from shared.adapters.event_hubs import HubState, HubUnreachable, PartitionState
from shared.adapters.hub_events import HubEvent
from shared.adapters.rate_limits import StoredRateLimits
from shared.adapters.secrets import Secret, SecretUnavailable
from shared.adapters.telemetry import EventName, MetricName
from shared.database import Database
from shared.database.engine import build_engine
from shared.runtime import Runtime
from shared.settings import Settings, load_settings

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
APP_PASSWORD = "test"
# Made for tests and used nowhere else.
MADE_SECRETS = {
    "access-hash-key": ["a-hash-key-of-the-tests-with-32-bytes"],
    "audit-signing-key": [
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB\n"
        "-----END PRIVATE KEY-----\n"
    ],
}

BASE_SETTINGS = {
    "APP_ENV": "local",
    "DATABASE_URL": "postgresql+psycopg://counterfoil_app:test@127.0.0.1:1/none",
    "EventHubs": "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=local;SharedAccessKey=k;UseDevelopmentEmulator=true",
    "LEDGER_HUB_NAME": "ledger.entry.upserted",
    "PAYMENT_ORDER_HUB_NAME": "payment.order.upserted",
    "EVENT_DEFAULT_CURRENCY": "USD",
    "EVENT_DEFAULT_SITE_ID": "KR-SEOUL",
    "AUTH_MODE": "local",
    "OIDC_ISSUER": "http://127.0.0.1:1",
    "OIDC_AUDIENCE": "api://counterfoil",
    "CURSOR_SIGNING_KEY": "test-cursor-signing-key-of-32-characters",
    "TELEMETRY_EXPORTER": "none",
    # Tests ask as often as they like; those of the limits set their own.
    "RATE_LIMIT_READ": "1000000",
    "RATE_LIMIT_WRITE": "1000000",
    "RATE_LIMIT_ADMIN": "1000000",
    "RATE_LIMIT_UPLOAD": "1000000",
    "RATE_LIMIT_HEAVY": "1000000",
    "RATE_LIMIT_PUBLIC": "1000000",
    "RATE_LIMIT_FAILURES": "1000000",
}


@dataclass
class StandingClock:
    """A clock that shows one instant until it is moved."""

    instant: datetime = NOON

    def now(self) -> datetime:
        return self.instant

    def move(self, **by: float) -> None:
        self.instant += timedelta(**by)


@dataclass
class CountedIds:
    """Ids in a row: id-1, id-2, …"""

    given: int = 0

    def new(self) -> str:
        self.given += 1
        return f"id-{self.given}"


@dataclass
class ToldHubs:
    """Answers with the creation times and partitions it was given; raises when `reachable` is False."""

    created: dict[str, datetime] = field(default_factory=dict)
    states: dict[str, list[PartitionState]] = field(default_factory=dict)
    events: dict[tuple[str, str], list[HubEvent]] = field(default_factory=dict)
    reachable: bool = True
    asked: int = 0

    def created_at(self, hub: str) -> datetime:
        self._answer(hub)
        return self.created.get(hub, datetime(2026, 1, 1, tzinfo=UTC))

    def partitions(self, hub: str) -> list[PartitionState]:
        self._answer(hub)
        return self.states.get(hub, [])

    def describe(self, hubs: Sequence[str], seconds_max: float) -> Mapping[str, HubState | None]:
        self.asked += 1
        if not self.reachable:
            return dict.fromkeys(hubs)
        made = datetime(2026, 1, 1, tzinfo=UTC)
        return {hub: HubState(self.created.get(hub, made), self.states.get(hub, [])) for hub in hubs}

    @contextmanager
    def read(
        self, hub: str, partition_id: str, first: int, seconds_max: float
    ) -> Iterator[Iterator[list[HubEvent]]]:
        yield self._batches(hub, partition_id, first)

    def _batches(self, hub: str, partition_id: str, first: int) -> Iterator[list[HubEvent]]:
        """Two events at a time; at the end no more come, which is no answer."""
        self._answer(hub)
        held = [e for e in self.events.get((hub, partition_id), []) if e.sequence_number >= first]
        for start in range(0, len(held), 2):
            self._answer(hub)
            yield held[start : start + 2]
        raise HubUnreachable(f"hub {hub}: no event came")

    def _answer(self, hub: str) -> None:
        self.asked += 1
        if not self.reachable:
            raise HubUnreachable(f"hub {hub}: told not to answer")


@dataclass
class KeptTelemetry:
    """Keeps what it is told, for tests to read."""

    metrics: list[tuple[str, float, dict[str, str]]] = field(default_factory=list)
    events: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def metric(self, name: MetricName, value: float, **labels: str) -> None:
        self.metrics.append((name, value, labels))

    def observations(self, name: MetricName, values: Sequence[float], **labels: str) -> None:
        self.metrics.append((name, float("nan"), labels))

    def event(self, name: EventName, **fields: object) -> None:
        self.events.append((name, fields))


@dataclass
class HeldKeys:
    """The issuer's keys a test gives it; none by default."""

    keys: dict[str, jwt.PyJWK] = field(default_factory=dict)

    def find(self, key_id: str) -> jwt.PyJWK | None:
        return self.keys.get(key_id)


@dataclass
class HeldSecrets:
    """The secrets a test gives it, the newest version last; a key for signing and one for hashes are there."""

    held: dict[str, list[str]] = field(default_factory=lambda: {**MADE_SECRETS})
    reachable: bool = True

    def get(self, name: str) -> Secret:
        return self.versions(name)[0]

    def versions(self, name: str) -> list[Secret]:
        if not self.reachable or not self.held.get(name):
            raise SecretUnavailable(f"secret {name}: told not to answer")
        return [Secret(value, f"v{n}") for n, value in enumerate(self.held[name], 1)][::-1]


@dataclass
class HeldBlobs:
    """Blobs in memory, with the store's own rule."""

    held: dict[str, bytes] = field(default_factory=dict)

    def put_once(self, name: str, parts: Iterable[bytes]) -> None:
        body = b"".join(parts)
        if self.held.setdefault(name, body) != body:
            raise BlobConflict(name)

    def open(self, name: str) -> BinaryIO:
        if name not in self.held:
            raise BlobMissing(name)
        return io.BytesIO(self.held[name])

    def names(self, prefix: str) -> list[str]:
        return sorted(name for name in self.held if name.startswith(prefix))


def settings_for(url: str, **changes: str) -> Settings:
    """Settings of a test app on one database."""
    return load_settings({**BASE_SETTINGS, "DATABASE_URL": url, **changes})


def runtime_for(url: str, **changes: str) -> Runtime:
    """A runtime on one database, as the application's role; dispose its database at the end."""
    settings = settings_for(url, **changes)
    clock = StandingClock()
    return Runtime(
        settings=settings,
        clock=clock,
        ids=CountedIds(),
        database=Database(lambda: build_engine(settings, "counterfoil-test")),
        telemetry=KeptTelemetry(),
        hubs=ToldHubs(),
        token_keys=HeldKeys(),
        rate_limits=StoredRateLimits(settings, clock),
        secrets=HeldSecrets(),
        blobs=HeldBlobs(),
    )

"""The system the acceptance stories talk to, wherever it runs: its HTTP address, hubs, database and a token."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import httpx
import psycopg

from infra.local.identity.tokens import mint_token
from infra.local.sample.model import LEDGER, PAYMENT_ORDER, SampleEvent, Stream
from infra.local.sample.publish import publish
from infra.local.stack.settings import DATABASE_SETTING, EVENT_HUBS_SETTING
from tests.support.eventhubs_sdk import publish as publish_bodies
from tests.support.migrated import libpq
from tests.support.stack import LocalStack

HUBS: dict[Stream, str] = {LEDGER: "ledger.entry.upserted", PAYMENT_ORDER: "payment.order.upserted"}
CONSUMER_GROUP = "counterfoil"
SECONDS_TO_ANSWER = 60.0
# The sample of the first run.
SAMPLE_EVENTS = 3_000
TOKEN_SECONDS = 3600
# What an address outside the local stack is given in, all four together.
VARIABLES = {
    "url": "COUNTERFOIL_URL",
    "connection": "COUNTERFOIL_EVENTHUBS",
    "database_url": "COUNTERFOIL_DATABASE_URL",
    "token": "COUNTERFOIL_TOKEN",
}
_RECEIVED = """
SELECT coalesce(sum(applied), 0), coalesce(sum(superseded), 0), coalesce(sum(duplicate), 0),
       coalesce(sum(dead_lettered), 0), coalesce(sum(redelivered), 0)
FROM stream_positions WHERE consumer_group = %s
"""


@dataclass(frozen=True)
class Outcomes:
    """Distinct events by what became of them, and how many came again."""

    applied: int
    superseded: int
    duplicate: int
    dead_lettered: int
    redelivered: int

    @property
    def received(self) -> int:
        return self.applied + self.superseded + self.duplicate + self.dead_lettered


@dataclass(frozen=True)
class Target:
    """Where the stories look.

    `url` is the host's, without /api; `connection` the namespace's connection string; `database_url` a SQLAlchemy
    or libpq URL of the application's role; `token` one of a viewer.
    """

    url: str
    connection: str
    database_url: str
    token: str

    @classmethod
    def from_environment(cls) -> Self | None:
        """The target the environment names, None when it names none. Raises ValueError when it names half of one."""
        given = {name: os.environ.get(variable, "") for name, variable in VARIABLES.items()}
        if not any(given.values()):
            return None
        if missing := [VARIABLES[name] for name, value in given.items() if not value]:
            raise ValueError(f"a target needs all of {', '.join(VARIABLES.values())}; missing: {missing}")
        return cls(**given)

    @classmethod
    def of_stack(cls, stack: LocalStack) -> Self:
        """The local stack as its own files describe it."""
        values = json.loads(stack.layout.settings.read_text())["Values"]
        token = mint_token(stack.layout.identity, ttl_seconds=TOKEN_SECONDS)
        return cls(stack.url, values[EVENT_HUBS_SETTING], values[DATABASE_SETTING], token)

    def get(
        self, path: str, query: Mapping[str, str | int] | None = None, *, token: str | None = None
    ) -> httpx.Response:
        """Ask `/api/<path>`; as a viewer unless another token is given, an empty one sends no header."""
        chosen = self.token if token is None else token
        headers = {"Authorization": f"Bearer {chosen}"} if chosen else {}
        address = f"{self.url}/api/{path}"
        return httpx.get(address, params=query, headers=headers, timeout=SECONDS_TO_ANSWER)

    def found(self, path: str) -> dict[str, Any] | None:
        """The answer's body, None while there is none (404)."""
        answer = self.get(path)
        if answer.status_code == 404:
            return None
        return dict(answer.raise_for_status().json())

    def publish(self, stream: Stream, bodies: Sequence[bytes], key: str) -> None:
        """Publish in one order to one partition; returns when the broker has them."""
        publish_bodies(self.connection, HUBS[stream], bodies, partition_key=key)

    def publish_sample(self, events: Sequence[SampleEvent]) -> None:
        """Publish to both hubs through the sample's publisher."""
        publish(events, self.connection, HUBS)

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """What the database answers."""
        with psycopg.connect(libpq(self.database_url), autocommit=True) as connection:
            return connection.execute(statement, values).fetchall()

    def outcomes(self) -> Outcomes:
        """Of everything received so far."""
        return Outcomes(*map(int, self.rows(_RECEIVED, CONSUMER_GROUP)[0]))

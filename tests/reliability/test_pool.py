"""All connections of an instance in use: callers are told to come again, in time, and then all goes on."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.support.callers import seed_development_principals
from tests.support.eventhubs import local_event_hubs
from tests.support.functions_host import ROOT, LocalFunctionsHost, local_functions_host, wait_until
from tests.support.identity import RunningIssuer, running_issuer
from tests.support.interleaving import waiting
from tests.support.kept_secrets import keep_secrets
from tests.support.runtime import BASE_SETTINGS
from tests.support.schedules import never
from tests.support.sync_events import CONSUMER_GROUP, HUBS

Owner = psycopg.Connection[Any]
SECONDS_TO_WAIT = 1.0
# Far below what a caller, or the front before us, waits for.
SECONDS_TO_REFUSE_MAX = 8.0


@pytest.fixture
def issuer(tmp_path: Path) -> Iterator[RunningIssuer]:
    with running_issuer(tmp_path / "issuer") as running:
        yield running


@pytest.fixture
def host(tmp_path: Path, database_url: str, issuer: RunningIssuer) -> Iterator[LocalFunctionsHost]:
    """The whole app under the local host, with one connection to its database."""
    with local_event_hubs(tmp_path / "broker", dict.fromkeys(HUBS.values(), 1)) as broker:
        settings = {
            **BASE_SETTINGS,
            "DATABASE_URL": database_url,
            "DATABASE_POOL_SIZE": "1",
            "DATABASE_POOL_TIMEOUT_SECONDS": str(SECONDS_TO_WAIT),
            "EVENT_CONSUMER_GROUP": CONSUMER_GROUP,
            "EventHubs": broker.connection_string,
            "OIDC_ISSUER": issuer.url,
            "SECRETS_FOLDER": str(keep_secrets(tmp_path / "secrets")),
            # Nobody else asks for the connection.
            **never(),
        }
        with local_functions_host(ROOT, tmp_path, settings) as running:
            yield running


def test_without_a_connection_callers_are_told_to_come_again(
    host: LocalFunctionsHost, issuer: RunningIssuer, owner: Owner
) -> None:
    headers = {"Authorization": f"Bearer {issuer.mint()}"}
    seed_development_principals(owner, issuer.url)

    def ask() -> httpx.Response:
        return host.get("/api/tx/t-1", headers=headers)

    assert ask().status_code == 404
    with ThreadPoolExecutor(1) as pool:
        with psycopg.connect(owner.info.dsn, password=owner.info.password) as holder:
            holder.execute("LOCK TABLE ledger_entries")
            first = pool.submit(ask)
            wait_until(lambda: waiting(owner), "the first caller has the connection", lambda: host.log_text)
            began = time.monotonic()
            refused = ask()
            seconds = time.monotonic() - began
            ready = host.get("/api/health/ready")
            assert not first.done()
        assert first.result().status_code == 404
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert refused.json()["code"] == "C1-SYS-001"
    assert ready.status_code == 503
    assert SECONDS_TO_WAIT <= seconds < SECONDS_TO_REFUSE_MAX
    assert host.get("/api/health/live").status_code == 200
    assert ask().status_code == 404

"""The app as it is installed: a migrated database, a broker, an issuer, and the worker runtime in its own process."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.functions.app_process import AppProcess, Done, app_process
from tests.functions.platform import Delivered, event_batch, get
from tests.support.callers import seed_development_principals
from tests.support.eventhubs import LocalEventHubs, local_event_hubs
from tests.support.identity import RunningIssuer, running_issuer
from tests.support.kept_secrets import keep_secrets
from tests.support.migrated import app_url, libpq, prepare_migrated
from tests.support.postgres import ClonedDatabase, SharedPostgres
from tests.support.runtime import BASE_SETTINGS

LEDGER_HUB = BASE_SETTINGS["LEDGER_HUB_NAME"]
ORDER_HUB = BASE_SETTINGS["PAYMENT_ORDER_HUB_NAME"]
STREAMS = {"stream_ledger": LEDGER_HUB, "stream_payment_orders": ORDER_HUB}


@dataclass(frozen=True)
class Installation:
    """One installed app, and what a test needs around it."""

    app: AppProcess
    database: ClonedDatabase
    broker: LocalEventHubs
    issuer: RunningIssuer
    telemetry: Path

    def deliver(self, function: str, *events: Delivered, partition: str = "0", **options: Any) -> Done:
        """Hand a batch of the function's own hub to it."""
        return self.app.invoke(event_batch(function, STREAMS[function], events, partition, **options))

    def get(self, function: str, path: str, role: str = "viewer", **route: str) -> Done:
        """Ask as somebody of that role."""
        headers = {"Authorization": f"Bearer {self.issuer.mint(role)}"}
        return self.app.invoke(get(function, path, route, headers))


def install(
    folder: Path, database: ClonedDatabase, broker: LocalEventHubs, issuer: RunningIssuer
) -> tuple[dict[str, str], Path]:
    """The settings of an app on these servers, and the file its telemetry goes to."""
    telemetry = folder / "telemetry.log"
    with psycopg.connect(libpq(database.url), autocommit=True) as owner:
        seed_development_principals(owner, issuer.url)
    settings = {
        **BASE_SETTINGS,
        "DATABASE_URL": app_url(database),
        "EventHubs": broker.connection_string,
        "OIDC_ISSUER": issuer.url,
        "WATCH_SYNC_SCHEDULE": "0 * * * * *",
        "TELEMETRY_EXPORTER": "log",
        "TELEMETRY_LOG_PATH": str(telemetry),
        "SECRETS_FOLDER": str(keep_secrets(folder / "secrets")),
        "BLOB_FOLDER": str(folder / "blobs"),
    }
    return settings, telemetry


@pytest.fixture(scope="session")
def functions_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEventHubs]:
    data = tmp_path_factory.mktemp("functions-broker") / "data"
    with local_event_hubs(data, {LEDGER_HUB: 1, ORDER_HUB: 1}) as server:
        yield server


@pytest.fixture(scope="session")
def functions_issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningIssuer]:
    with running_issuer(tmp_path_factory.mktemp("functions-issuer")) as server:
        yield server


@pytest.fixture(scope="session")
def installed(
    tmp_path_factory: pytest.TempPathFactory,
    functions_broker: LocalEventHubs,
    functions_issuer: RunningIssuer,
) -> Iterator[Installation]:
    """An installation for every test that leaves it as it is; tests keep apart by ids and partitions of their own."""
    folder = tmp_path_factory.mktemp("functions-app")
    with SharedPostgres.of_session().create_database_from("migrated", prepare_migrated) as database:
        settings, telemetry = install(folder, database, functions_broker, functions_issuer)
        with app_process(settings, folder / "app.log") as app:
            yield Installation(app, database, functions_broker, functions_issuer, telemetry)


@pytest.fixture
def own_installation(
    tmp_path: Path,
    database: ClonedDatabase,
    functions_broker: LocalEventHubs,
    functions_issuer: RunningIssuer,
) -> Iterator[Installation]:
    """An installation of the test's own, which it may break."""
    settings, telemetry = install(tmp_path, database, functions_broker, functions_issuer)
    with app_process({**settings, "DATABASE_POOL_SIZE": "1"}, tmp_path / "app.log") as app:
        yield Installation(app, database, functions_broker, functions_issuer, telemetry)


@pytest.fixture
def rows(installed: Installation) -> Iterator[psycopg.Connection[Any]]:
    """The installed database, to look at."""
    with psycopg.connect(libpq(installed.database.url), autocommit=True) as connection:
        yield connection


_PARTITIONS = count(100)


@pytest.fixture
def partition() -> str:
    """A partition no other test of this process delivers from; sequence numbers begin at will."""
    return str(next(_PARTITIONS))

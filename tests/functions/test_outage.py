"""When we are unwell: the invocation fails, nothing is quarantined, and everything goes on afterwards."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg

from tests.functions.conftest import LEDGER_HUB, Installation
from tests.functions.platform import Delivered, event_batch, get, timer
from tests.functions.test_streams import answer, counts, dead_letters, entry, order, payment
from tests.support.migrated import libpq
from tests.support.postgres import SharedPostgres


@contextmanager
def database_gone(postgres: SharedPostgres, installation: Installation) -> Iterator[None]:
    """Nobody can reach the database, and who was there is thrown out."""
    name = installation.database.name
    with psycopg.connect(postgres.dsn(), autocommit=True) as server:
        server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'.encode())
        server.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        try:
            yield
        finally:
            server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'.encode())


def look(installation: Installation) -> psycopg.Connection[Any]:
    return psycopg.connect(libpq(installation.database.url), autocommit=True)


def test_a_database_that_is_gone_holds_the_batch_and_quarantines_nothing(
    own_installation: Installation, postgres: SharedPostgres
) -> None:
    batch = [Delivered(each, number) for number, each in enumerate([*payment("o-1"), b"poison"])]
    assert own_installation.deliver(
        "stream_ledger", Delivered(entry("t-0", "w", "CHARGE", ""), 0), partition="1"
    ).succeeded
    with database_gone(postgres, own_installation):
        for _attempt in range(2):
            done = own_installation.deliver("stream_ledger", *batch, partition="0")
            assert not done.succeeded
            assert "DatabaseUnavailable" in done.error
        assert not own_installation.app.invoke(timer("timer_watch_sync")).succeeded
    with look(own_installation) as rows:
        assert dead_letters(rows, "0") == []
        assert counts(rows, "0") == ()
        done = own_installation.deliver("stream_ledger", *batch, partition="0")
        assert done.succeeded, done.error
        assert counts(rows, "0") == (2, 0, 0, 1, 0)
    assert answer(own_installation, "o-1-p")["pairing_status"] == "COMPLETE"


def test_a_database_that_is_gone_is_a_503_and_not_ready(
    own_installation: Installation, postgres: SharedPostgres
) -> None:
    asked = {
        "http_tx": ("tx/t-1", {"tx_id": "t-1"}),
        "http_payment_order": ("payment-orders/o-1", {"order_id": "o-1"}),
        "http_wallet_tx": ("wallets/w-1/tx", {"wallet_id": "w-1"}),
    }
    ready = get("http_health_ready", "health/ready")
    assert own_installation.app.invoke(ready).status == 200
    with database_gone(postgres, own_installation):
        for function, (path, route) in asked.items():
            done = own_installation.get(function, path, **route)
            assert (done.status, done.headers["Retry-After"]) == (503, "5")
            assert json.loads(done.body)["code"] == "C1-SYS-001"
            assert own_installation.database.name.encode() not in done.body
        assert own_installation.app.invoke(ready).status == 503
        assert own_installation.app.invoke(get("http_health_live", "health/live")).status == 200
    assert own_installation.app.invoke(ready).status == 200
    assert own_installation.get("http_tx", "tx/t-1", tx_id="t-1").status == 404


def test_a_broker_that_cannot_be_asked_holds_the_first_batch_of_a_partition(
    own_installation: Installation,
) -> None:
    """Which generation of the hub the events belong to is unknown, and a guess could lose them."""
    own_installation.broker.refuse_management(True)
    try:
        done = own_installation.deliver("stream_payment_orders", Delivered(order("o-1"), 0))
        assert not done.succeeded
        assert "HubUnreachable" in done.error
    finally:
        own_installation.broker.refuse_management(False)
    with look(own_installation) as rows:
        assert rows.execute("SELECT count(*) FROM payment_orders").fetchone() == (0,)
        assert dead_letters(rows, "0") == []
    assert own_installation.deliver("stream_payment_orders", Delivered(order("o-1"), 0)).succeeded
    own_installation.broker.refuse_management(True)
    try:
        assert own_installation.deliver("stream_payment_orders", Delivered(order("o-2"), 1)).succeeded
    finally:
        own_installation.broker.refuse_management(False)


def test_metadata_that_does_not_fit_the_bodies_fails_and_stores_nothing(
    own_installation: Installation,
) -> None:
    fits = event_batch("stream_ledger", LEDGER_HUB, [Delivered(b"{}", 0)])
    more = event_batch("stream_ledger", LEDGER_HUB, [Delivered(b"{}", 0), Delivered(b"{}", 1)])
    done = own_installation.app.invoke(replace(fits, inputs=more.inputs))
    assert not done.succeeded
    with look(own_installation) as rows:
        assert dead_letters(rows, "0") == []

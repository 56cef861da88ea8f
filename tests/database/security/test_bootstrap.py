"""The first administrator: made by the secret of the settings, once."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from shared.errors.request import RequestInvalid
from shared.runtime import Runtime
from shared.security.authenticate import authenticate
from shared.security.bootstrap_administrator import bootstrap_administrator
from shared.security.errors import BootstrapVoid
from shared.security.model import EVERYTHING, Permission
from shared.security.principals.model import NewPrincipal
from shared.spine.model import Done
from tests.support.runtime import runtime_for

Owner = psycopg.Connection[Any]
SECRET = "the-secret-of-the-first-start-of-32"


@pytest.fixture
def fresh(database_url: str) -> Iterator[Runtime]:
    runtime = runtime_for(database_url, BOOTSTRAP_SECRET=SECRET)
    yield runtime
    runtime.database.dispose()


def start(runtime: Runtime, secret: str = SECRET, reason: str = "the first start", **changes: Any) -> Done:
    wished = NewPrincipal(**{"kind": "PERSON", "name": "Root", "principal_id": "root", **changes})
    return bootstrap_administrator(runtime, "request-1", secret, wished, reason)


def test_the_first_start_makes_an_administrator_who_can_do_everything(owner: Owner, fresh: Runtime) -> None:
    done = start(fresh)
    caller = authenticate(fresh, f"Bearer {done.body['secret']}")
    assert (done.status, caller.principal_id) == (201, "root")
    assert all(caller.scope_of(permission) == EVERYTHING for permission in Permission)
    entry = owner.execute(
        "SELECT actor, principal_type, action, outcome, after FROM audit_entries"
    ).fetchall()
    assert [row[:4] for row in entry] == [
        ("system:bootstrap", "SYSTEM", "system:administrator:bootstrap", "DONE")
    ]
    assert str(done.body["secret"])[20:] not in entry[0][4]


def test_it_works_once(owner: Owner, fresh: Runtime) -> None:
    start(fresh)
    with pytest.raises(BootstrapVoid):
        start(fresh, principal_id="second")
    assert owner.execute("SELECT principal_id FROM principals").fetchall() == [("root",)]


@pytest.mark.parametrize("secret", ["", "wrong", SECRET[:-1], SECRET + "x", SECRET.upper(), "é" * 32])
def test_another_secret_does_nothing_and_leaves_no_entry(owner: Owner, fresh: Runtime, secret: str) -> None:
    with pytest.raises(BootstrapVoid):
        start(fresh, secret)
    for table in ("principals", "audit_entries"):
        assert owner.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    assert start(fresh).status == 201


@pytest.mark.parametrize("secret", ["", SECRET])
def test_without_a_secret_in_the_settings_there_is_no_first_start(runtime: Runtime, secret: str) -> None:
    with pytest.raises(BootstrapVoid):
        start(runtime, secret)


@pytest.mark.parametrize("changes", [{"name": " "}, {"principal_id": "a b"}, {"reason": " "}])
def test_a_start_that_fails_can_be_tried_again(fresh: Runtime, changes: dict[str, Any]) -> None:
    with pytest.raises(RequestInvalid):
        start(fresh, **changes)
    assert start(fresh).status == 201


def test_the_settings_never_show_the_secret(fresh: Runtime) -> None:
    assert SECRET not in repr(fresh.settings)

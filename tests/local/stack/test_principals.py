"""The development principals: whoever `make token` makes a token for is let in, and `make admin` may do everything."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from infra.local.identity.claims import object_id_of
from infra.local.stack.principals import principal_id_of, seed_principals
from shared.runtime import Runtime
from shared.security.authenticate import authenticate
from shared.security.errors import TokenInvalid
from shared.security.model import EVERYTHING, Caller, Permission, Role
from tests.support.migrated import app_url, migrator_url
from tests.support.postgres import ClonedDatabase
from tests.support.runtime import BASE_SETTINGS, HeldKeys, StandingClock
from tests.support.tokens import rsa_key, token

Owner = psycopg.Connection[Any]
ISSUER = BASE_SETTINGS["OIDC_ISSUER"]


@pytest.fixture(params=["owner", "app"])
def seeded(
    request: pytest.FixtureRequest, database: ClonedDatabase, runtime: Runtime, tmp_path: Path
) -> Runtime:
    """A runtime on a database filled by its owner, or by the app where the owner is not known."""
    url = migrator_url(database.url) if request.param == "owner" else app_url(database)
    for _ in range(2):
        seed_principals(url, ISSUER, tmp_path / "admin-token")
    assert isinstance(runtime.token_keys, HeldKeys)
    runtime.token_keys.keys["rsa-1"] = rsa_key().public()
    show_the_time(runtime)
    return runtime


def show_the_time(runtime: Runtime) -> None:
    """Rows are seeded at the machine's time."""
    assert isinstance(runtime.clock, StandingClock)
    runtime.clock.instant = datetime.now(UTC)


def called(runtime: Runtime, role: Role) -> Caller:
    now = runtime.clock.now()
    oid = object_id_of(principal_id_of(role))
    return authenticate(runtime, f"Bearer {token(now=now, oid=oid, roles=[role.value])}")


@pytest.mark.parametrize("role", Role)
def test_every_role_has_its_principal_for_all_sites(seeded: Runtime, role: Role) -> None:
    caller = called(seeded, role)
    assert caller.principal_id == principal_id_of(role)
    assert [(each.role, each.scope) for each in caller.holdings] == [(role.value, EVERYTHING)]


def test_the_administrators_token_opens_and_is_private(seeded: Runtime, tmp_path: Path) -> None:
    file = tmp_path / "admin-token"
    assert file.stat().st_mode & 0o777 == 0o600
    caller = authenticate(seeded, f"Bearer {file.read_text().strip()}")
    assert caller.scope_of(Permission.ROLE_MANAGE) == EVERYTHING


def test_a_new_run_writes_a_new_token_and_moves_the_issuer(
    database: ClonedDatabase, owner: Owner, runtime: Runtime, tmp_path: Path
) -> None:
    file = tmp_path / "admin-token"
    credentials = []
    for port in range(1, 8):
        seed_principals(migrator_url(database.url), f"http://127.0.0.1:{port}", file)
        credentials.append(file.read_text().strip())
    assert owner.execute("SELECT DISTINCT issuer FROM principals").fetchall() == [("http://127.0.0.1:7",)]
    show_the_time(runtime)
    authenticate(runtime, f"Bearer {credentials[-1]}")
    with pytest.raises(TokenInvalid):
        authenticate(runtime, f"Bearer {credentials[0]}")

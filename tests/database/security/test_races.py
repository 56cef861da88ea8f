"""Many at once: five tokens and not six, one first administrator, and always one administrator left."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import psycopg
import pytest

from shared.errors.base import CounterfoilError
from shared.runtime import Runtime
from shared.security.bootstrap_administrator import bootstrap_administrator
from shared.security.grants.revoke_grant import revoke_grant
from shared.security.model import Permission
from shared.security.own_tokens.issue_token import issue_token
from shared.security.own_tokens.model import Wish
from shared.security.own_tokens.rotate_token import rotate_token
from shared.security.principals.deactivate_principal import deactivate_principal
from shared.security.principals.model import NewPrincipal
from tests.support.callers import (
    caller_with,
    context_of,
    context_with,
    seed_administrator,
    seed_grant,
    seed_principal,
    seed_token,
)
from tests.support.migrated import libpq
from tests.support.postgres import ClonedDatabase
from tests.support.runtime import runtime_for

Owner = psycopg.Connection[Any]
SECRET = "the-secret-of-the-first-start-of-32"
TIMES = 20


@pytest.fixture
def wide(database_url: str) -> Iterator[Runtime]:
    """A runtime with a connection for everybody."""
    runtime = runtime_for(database_url, DATABASE_POOL_SIZE=str(TIMES), BOOTSTRAP_SECRET=SECRET)
    yield runtime
    runtime.database.dispose()


def at_once(
    *acts: Callable[[], object], refusal: type[CounterfoilError | psycopg.Error] = CounterfoilError
) -> Counter[str | None]:
    """How the acts end when all begin together: `done`, or the code or constraint of the refusal."""
    start = Barrier(len(acts))

    def run(act: Callable[[], object]) -> str | None:
        start.wait()
        try:
            act()
        except refusal as error:
            return error.diag.constraint_name if isinstance(error, psycopg.Error) else error.code
        return "done"

    with ThreadPoolExecutor(len(acts)) as pool:
        return Counter(pool.map(run, acts))


def test_twenty_who_ask_for_a_token_at_once_get_five(owner: Owner, wide: Runtime) -> None:
    context = context_with("administrator", Permission.TOKEN_MANAGE)
    for number in range(3):
        seed_principal(owner, f"service-{number}", kind="SERVICE")
        wish = Wish(principal_id=f"service-{number}", name="an app")
        ends = at_once(*[lambda w=wish: issue_token(wide, context, w, "a race")] * TIMES)
        assert ends == {"done": 5, "TOKENS_TOO_MANY": TIMES - 5}
    assert owner.execute("SELECT count(*) FROM tokens").fetchone() == (15,)


def test_the_database_itself_refuses_a_sixth_token(owner: Owner) -> None:
    seed_principal(owner, "alice")
    for _ in range(5):
        seed_token(owner, "alice")
    with pytest.raises(psycopg.IntegrityError) as refused:
        seed_token(owner, "alice")
    assert refused.value.diag.constraint_name == "tokens_active"


def test_the_database_alone_counts_exactly(owner: Owner, database: ClonedDatabase) -> None:
    """Whoever writes past the use case, and as many at once as like."""
    seed_principal(owner, "alice")

    def insert() -> None:
        with psycopg.connect(libpq(database.url)) as connection:
            seed_token(connection, "alice")

    ends = at_once(*[insert] * TIMES, refusal=psycopg.IntegrityError)
    assert ends == {"done": 5, "tokens_active": TIMES - 5}


def test_of_twenty_first_starts_one_comes_through(owner: Owner, wide: Runtime) -> None:
    def start(number: int) -> object:
        wished = NewPrincipal(kind="PERSON", name="Root", principal_id=f"root-{number % 4}")
        return bootstrap_administrator(wide, f"request-{number}", SECRET, wished, "a race")

    ends = at_once(*(lambda n=number: start(n) for number in range(TIMES)))
    assert ends == {"done": 1, "BOOTSTRAP_VOID": TIMES - 1}
    assert owner.execute("SELECT count(*) FROM grants").fetchone() == (1,)


def test_administrators_who_remove_each_other_leave_one(owner: Owner, wide: Runtime) -> None:
    context = context_with("administrator", Permission.PRINCIPAL_MANAGE)
    for turn in range(4):
        names = [f"root-{turn}-{number}" for number in range(6)]
        for name in names:
            seed_principal(owner, name)
        grants = [seed_grant(owner, name, "administrator") for name in names]
        acts: list[Callable[[], object]] = [
            lambda g=grant_id: revoke_grant(wide, context, g, "a race")  # type: ignore[misc]
            for grant_id in grants[:3]
        ]
        acts += [
            lambda n=name: deactivate_principal(wide, context, n, "a race")  # type: ignore[misc]
            for name in names[3:]
        ]
        if turn == 0:
            assert at_once(*acts) == {"done": 5, "LAST_ADMINISTRATOR": 1}
        else:
            assert at_once(*acts) == {"done": 6}
        assert standing(owner) == 1


def standing(owner: Owner) -> int:
    row = owner.execute(
        "SELECT count(*) FROM grants JOIN principals USING (principal_id)"
        " WHERE role = 'administrator' AND revoked_at IS NULL AND is_active"
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_a_token_rotated_twice_at_once_has_one_secret_of_each_kind(owner: Owner, wide: Runtime) -> None:
    seed_administrator(owner, "alice")
    token_id = seed_token(owner, "alice")[3:19]
    context = context_of(caller_with("administrator", principal_id="alice"), Permission.TOKEN_OWN)
    ends = at_once(*[lambda: rotate_token(wide, context, token_id, "a race")] * 6)
    assert ends == {"done": 6}
    row = owner.execute("SELECT secret_sha256 <> previous_sha256 FROM tokens").fetchall()
    assert row == [(True,)]

"""Counterfoil's own tokens: their shape, their secrets, and when they are alive."""

from datetime import timedelta

import pytest

from shared.security.errors import TokenInvalid
from shared.security.model import NO_SECRET, Standing, StoredSecret
from shared.security.secrets import digest, is_alive, is_own, matches, new_id, new_secret, parts, shown
from tests.support.runtime import NOON

MINUTE = timedelta(minutes=1)


def test_what_is_shown_is_read_back() -> None:
    for _ in range(200):
        token_id, secret = new_id(), new_secret()
        assert is_own(shown(token_id, secret))
        assert parts(shown(token_id, secret)) == (token_id, secret)


def test_secrets_do_not_repeat() -> None:
    assert len({new_secret() for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    "token",
    ["", "cf_", "cf_x", f"cf_{'0' * 15}_{'A' * 43}", f"cf_{'0' * 16}_{'A' * 42}", f"cf_{'0' * 16}_{'A' * 44}",
     f"cf_{'G' * 16}_{'A' * 43}", f"cf_{'0' * 16}-{'A' * 43}", f"cf_{'0' * 16}_{'+' * 43}", f"CF_{'0' * 16}_{'A' * 43}",
     f"cf_{'0' * 16}_{'A' * 43}\n", f"cf_{'٠' * 16}_{'A' * 43}"],
)  # fmt: skip
def test_another_shape_is_refused(token: str) -> None:
    with pytest.raises(TokenInvalid):
        parts(token)


def test_a_secret_matches_itself_and_the_previous_one_in_its_overlap() -> None:
    stored = StoredSecret(digest("new"), digest("old"), NOON + MINUTE)
    assert matches(stored, "new", NOON + 2 * MINUTE)
    assert matches(stored, "old", NOON)
    assert not matches(stored, "old", NOON + MINUTE)
    assert not matches(stored, "other", NOON)
    assert not matches(StoredSecret(digest("new")), "old", NOON)


@pytest.mark.parametrize("secret", ["", "\0" * 32, "A" * 43])
def test_no_secret_matches_nothing(secret: str) -> None:
    assert not matches(StoredSecret(), secret, NOON)
    assert len(NO_SECRET) == len(digest(secret))


@pytest.mark.parametrize(
    ("ends", "used", "revoked", "alive"),
    [
        (1, 0, False, True),
        (0, 0, False, False),
        (1, -2, False, False),
        (1, -1, False, True),
        (1, 0, True, False),
    ],
)
def test_a_token_is_alive_until_its_end_its_revocation_or_too_long_a_rest(
    ends: int, used: int, revoked: bool, alive: bool
) -> None:
    token = Standing(NOON + ends * MINUTE, NOON + used * MINUTE, NOON if revoked else None)
    assert is_alive(token, NOON, 2 * MINUTE) is alive

"""The settings of access: a policy that contradicts itself does not start."""

import pytest

from shared.errors.base import SettingsInvalid
from tests.support.runtime import BASE_SETTINGS, settings_for

URL = BASE_SETTINGS["DATABASE_URL"]


def test_the_usual_policy() -> None:
    usual = settings_for(URL)
    assert (usual.token_life_days_max, usual.token_active_max, usual.token_warn_days) == (30, 5, 7)
    assert not usual.trusts_platform()


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("TOKEN_LIFE_DAYS_MAX", {"TOKEN_LIFE_DAYS_MAX": "31"}),
        ("TOKEN_LIFE_DAYS_MAX", {"TOKEN_LIFE_DAYS_MAX": "0"}),
        ("TOKEN_IDLE_DAYS_MAX", {"TOKEN_IDLE_DAYS_MAX": "31"}),
        ("TOKEN_IDLE_DAYS_MAX", {"TOKEN_LIFE_DAYS_MAX": "25"}),
        ("TOKEN_ROTATE_AFTER_DAYS", {"TOKEN_ROTATE_AFTER_DAYS": "30"}),
        ("TOKEN_ROTATE_AFTER_DAYS", {"TOKEN_LIFE_DAYS_MAX": "20", "TOKEN_IDLE_DAYS_MAX": "20"}),
        ("TOKEN_WARN_DAYS", {"TOKEN_WARN_DAYS": "30"}),
        ("TOKEN_OVERLAP_MINUTES", {"TOKEN_OVERLAP_MINUTES": "1440", "TOKEN_ROTATE_AFTER_DAYS": "1"}),
        ("TOKEN_ACTIVE_MAX", {"TOKEN_ACTIVE_MAX": "6"}),
        ("ACCESS_BREAK_GLASS_HOURS_MAX", {"ACCESS_BREAK_GLASS_HOURS_MAX": "25"}),
        ("BOOTSTRAP_SECRET", {"BOOTSTRAP_SECRET": "short"}),
        ("OIDC_ROLE_MAP", {"OIDC_ROLE_MAP": "ADMIN=root"}),
        ("OIDC_ROLE_MAP", {"OIDC_ROLE_MAP": "viewer"}),
        ("OIDC_ROLE_MAP", {"OIDC_ROLE_MAP": "A=viewer,"}),
        ("OIDC_ACTOR_CLAIMS", {"OIDC_ACTOR_CLAIMS": "oid sub"}),
        ("TOKEN_LIVE_DAYS", {"TOKEN_LIVE_DAYS": "3"}),
    ],
)
def test_a_policy_that_cannot_be_is_named(name: str, changes: dict[str, str]) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        settings_for(URL, **changes)
    assert name in str(refused.value)


def test_a_wrong_secret_is_not_shown() -> None:
    with pytest.raises(SettingsInvalid) as refused:
        settings_for(URL, BOOTSTRAP_SECRET="short-and-secret")
    assert "short-and-secret" not in str(refused.value)

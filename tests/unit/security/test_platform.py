"""The platform's principal header: believed only where the platform itself says that it checks tokens."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from shared.errors.base import DatabaseUnavailable
from shared.runtime import Runtime
from shared.security.authenticate import authenticate
from shared.security.errors import TokenInvalid, TokenMissing
from shared.security.platform import HEADER, platform_claims
from tests.support.runtime import BASE_SETTINGS, runtime_for

OID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
ROLE = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
ON = {"AUTH_PLATFORM_HEADER": "true", "WEBSITE_AUTH_ENABLED": "True"}


def header(*pairs: tuple[str, str], **more: Any) -> str:
    claims = [{"typ": name, "val": value} for name, value in pairs]
    return base64.b64encode(json.dumps({"auth_typ": "aad", "claims": claims, **more}).encode()).decode()


USUAL = (("iss", BASE_SETTINGS["OIDC_ISSUER"]), ("aud", BASE_SETTINGS["OIDC_AUDIENCE"]), (OID, "o-1"))


@pytest.fixture
def trusting() -> Iterator[Runtime]:
    runtime = runtime_for(BASE_SETTINGS["DATABASE_URL"], **ON)
    yield runtime
    runtime.database.dispose()


def test_the_header_names_who_the_platform_let_in(trusting: Runtime) -> None:
    with pytest.raises(DatabaseUnavailable):
        authenticate(trusting, None, {HEADER: header(*USUAL)})


@pytest.mark.parametrize(
    "changes",
    [{}, {"AUTH_PLATFORM_HEADER": "true"}, {"WEBSITE_AUTH_ENABLED": "true"},
     {"AUTH_PLATFORM_HEADER": "true", "WEBSITE_AUTH_ENABLED": "false"}],
)  # fmt: skip
def test_unless_both_say_so_the_header_is_nothing(changes: dict[str, str]) -> None:
    runtime = runtime_for(BASE_SETTINGS["DATABASE_URL"], **changes)
    with pytest.raises(TokenMissing):
        authenticate(runtime, None, {HEADER: header(*USUAL)})
    runtime.database.dispose()


def test_a_token_beside_the_header_is_what_counts(trusting: Runtime) -> None:
    with pytest.raises(TokenInvalid):
        authenticate(trusting, "Bearer a.b.c", {HEADER: header(*USUAL)})


@pytest.mark.parametrize(
    "value",
    [
        "%%%",
        base64.b64encode(b"[]").decode(),
        base64.b64encode(b"{}").decode(),
        base64.b64encode(b"\xff").decode(),
        base64.b64encode(b"[" * 9_000).decode(),
        "A" * 20_000,
        header(*USUAL[1:]),
        header(("iss", "https://evil.example"), *USUAL[1:]),
        header(USUAL[0], ("aud", "api://other"), USUAL[2]),
        header(*USUAL[:2]),
        header(*USUAL, (OID, "o-2")),
        header(*USUAL, ("iss", "https://evil.example")),
    ],
)
def test_what_the_platform_would_not_write_is_refused(trusting: Runtime, value: str) -> None:
    with pytest.raises(TokenInvalid):
        authenticate(trusting, None, {HEADER: value})


def test_claims_come_under_the_names_a_token_has_them_by() -> None:
    claims = platform_claims(
        header((OID, "o-1"), (ROLE, "viewer"), ("groups", "operator"), ("name", "Kim"), role_typ="groups")
    )
    assert claims == {"oid": "o-1", "roles": ["viewer", "operator"], "name": "Kim"}

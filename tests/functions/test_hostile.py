"""Hostile requests through the worker runtime, to an endpoint that writes: each is refused, and nothing is made."""

import gzip
import json
import zlib
from typing import Any

import psycopg
import pytest

from tests.functions.app_process import Done
from tests.functions.conftest import Installation
from tests.functions.platform import get, post
from tests.functions.test_http import problem

SITE = {"site_id": "XX-HOSTILE", "name": "n", "time_zone": "UTC", "reason": "because"}
GOOD = json.dumps(SITE).encode()
BOMB = gzip.compress(bytes(20_000_000))
INJECTIONS = [
    "' OR 1=1 --",
    "'; DROP TABLE sites; --",
    "{{7*7}}",
    "${jndi:ldap://127.0.0.1/a}",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "$(id)",
    "\r\nSet-Cookie: a=b",
    "\u202e",
    "\x00",
]


def create(installed: Installation, sent: bytes, role: str = "administrator", **headers: str) -> Done:
    credential = f"Bearer {installed.issuer.mint(role)}"
    return installed.app.invoke(post("http_site_create", "sites", sent, authorization=credential, **headers))


@pytest.mark.parametrize(
    ("sent", "headers", "status", "code"),
    [
        (b"x" * 1_048_577, {}, 413, "BODY_TOO_LARGE"),
        (BOMB, {"content_encoding": "gzip"}, 415, "MEDIA_TYPE_UNSUPPORTED"),
        (zlib.compress(bytes(20_000_000)), {"content_encoding": "deflate"}, 415, "MEDIA_TYPE_UNSUPPORTED"),
        (BOMB, {}, 422, "REQUEST_INVALID"),
        # In chunks there is no Content-Length, and the platform hands no body over.
        (b"", {"transfer_encoding": "chunked"}, 422, "REQUEST_INVALID"),
        (GOOD, {"content_type": "text/xml"}, 415, "MEDIA_TYPE_UNSUPPORTED"),
        (GOOD, {"content_type": "application/json; charset=utf-16"}, 415, "MEDIA_TYPE_UNSUPPORTED"),
        (GOOD.replace(b"XX", b"\xff\xfe"), {}, 422, "REQUEST_INVALID"),
        (GOOD.replace(b"XX", b"\\ud800"), {}, 422, "REQUEST_INVALID"),
        (b"[" * 1_000_000, {}, 422, "REQUEST_INVALID"),
        (GOOD[:-1], {}, 422, "REQUEST_INVALID"),
        (GOOD, {"idempotency_key": "a b"}, 422, "REQUEST_INVALID"),
        (GOOD, {"x_more": "y" * 20_000}, 431, "HEADERS_TOO_LARGE"),
        (GOOD, {f"x_{n}": "y" for n in range(101)}, 431, "HEADERS_TOO_LARGE"),
    ],
    ids=range(14),
)
def test_what_cannot_be_taken_is_refused(
    installed: Installation,
    rows: psycopg.Connection[Any],
    sent: bytes,
    headers: dict[str, str],
    status: int,
    code: str,
) -> None:
    problem(create(installed, sent, **headers), status, code)
    assert rows.execute("SELECT count(*) FROM sites WHERE site_id = 'XX-HOSTILE'").fetchone() == (0,)


@pytest.mark.parametrize("word", INJECTIONS, ids=range(len(INJECTIONS)))
def test_a_word_is_a_word_in_every_field(
    installed: Installation, rows: psycopg.Connection[Any], word: str
) -> None:
    """It is refused, or stored as it is; and the sites stand as they stood."""
    before = rows.execute("SELECT count(*) FROM sites").fetchone()
    for name in ("site_id", "time_zone"):
        done = create(installed, json.dumps({**SITE, name: word}).encode())
        assert done.status == 422, done
        assert not any("Set-Cookie" in header for header in done.headers)
    assert rows.execute("SELECT count(*) FROM sites").fetchone() == before


@pytest.mark.parametrize("word", INJECTIONS, ids=range(len(INJECTIONS)))
@pytest.mark.parametrize("name", ["limit", "cursor", "id", "from", "entry_type", "status_group"])
def test_a_word_is_a_word_in_every_parameter(installed: Installation, name: str, word: str) -> None:
    quoted = "".join(f"%{byte:02x}" for byte in word.encode())
    headers = {"authorization": f"Bearer {installed.issuer.mint('viewer')}", "x-correlation-id": word}
    done = installed.app.invoke(
        get("http_wallet_tx", f"wallets/w-1/tx?{name}={quoted}", {"wallet_id": "w-1"}, headers)
    )
    assert done.status in (200, 422)
    assert done.status == 422 or name == "entry_type"
    assert word not in done.headers.values()


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer",
        "Bearer " + "a" * 9000,
        "Bearer cf_x_y",
        "Bearer \u00ff",
        "Basic YTpi",
        "Bearer a b",
        "bearer\t..",
    ],
    ids=range(7),
)
def test_a_credential_that_is_none_is_a_401(installed: Installation, authorization: str) -> None:
    done = installed.app.invoke(
        post("http_site_create", "sites", GOOD, authorization=authorization, x_forwarded_for="198.51.100.77")
    )
    assert done.status == 401
    assert done.headers["WWW-Authenticate"].startswith("Bearer")

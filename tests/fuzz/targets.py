"""What reads bytes of strangers, one function each: it takes any bytes and raises nothing but its own refusals.

An exception that leaves a target is a finding; so is a broken promise, which an assertion says.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import azure.functions as func
import msgspec

from functions.edge.body import read_body
from functions.edge.query import read_query
from functions.edge.sender import client_address, user_agent
from shared.audit.links import ChainCheck, line_of
from shared.audit.manifest import Manifest
from shared.audit.model import Chain
from shared.database.cursor import CursorSigner
from shared.errors.request import CursorInvalid, MediaTypeUnsupported, RequestInvalid
from shared.security.claims import bearer_token
from shared.security.errors import TokenInvalid, TokenMissing
from shared.security.platform import platform_claims
from shared.security.secrets import is_own, parts
from shared.security.tokens import key_id_of, verified_claims
from shared.sync.events import CONTRACTS
from shared.sync.model import Event, EventBatch
from shared.sync.read_batch import read_batch
from tests.support.audit import chain_of
from tests.support.runtime import BASE_SETTINGS, NOON, settings_for
from tests.support.sync_events import DEFAULTS
from tests.support.tokens import rsa_key, token

SETTINGS = settings_for(BASE_SETTINGS["DATABASE_URL"])
SIGNER = CursorSigner("k" * 32, "fuzz", {"a": "b"})


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """A request body with the usual kinds of fields."""

    name: str
    reason: str
    sites: list[str] = []
    parts: dict[str, int] = {}


@dataclass(frozen=True)
class Target:
    """One reader, and some bytes it takes, to begin with."""

    name: str
    read: Callable[[bytes], None]
    seeds: tuple[bytes, ...]


def events(data: bytes) -> None:
    """A body is a record or a rejection, never both and never neither."""
    for contract in CONTRACTS:
        batch = EventBatch(contract.stream, "hub", "group", "0", [Event(data, 1, NOON)])
        read = read_batch(batch, DEFAULTS, timedelta(days=1))
        assert len(read.records) + len(read.rejections) == 1


def cursors(data: bytes) -> None:
    """What is read is what was signed."""
    text = data.decode("latin-1")
    try:
        place = SIGNER.read(text)
    except CursorInvalid:
        return
    assert SIGNER.sign(place) == text


def tokens(data: bytes) -> None:
    """Nothing that was not signed by the key becomes claims."""
    text = data.decode("latin-1")
    with suppress(TokenInvalid):
        platform_claims(text)
    try:
        shown = bearer_token(text)
        if is_own(shown):
            parts(shown)
            return
        key_id_of(shown, SETTINGS)
        claims = verified_claims(shown, rsa_key().public(), SETTINGS)
    except (TokenMissing, TokenInvalid):
        return
    assert claims["iss"] == SETTINGS.oidc_issuer


def archives(data: bytes) -> None:
    """A manifest has one spelling, and a line that is no entry of the chain is found."""
    manifest = Manifest.decode(data)
    assert manifest is None or manifest.encode() == data
    lines = [line + b"\n" for line in data.split(b"\n")]
    check = ChainCheck(Chain.CONTROL)
    finding = check.take_all(lines)
    assert finding is not None or check.position == len(lines)


def requests(data: bytes) -> None:
    """A request is read or refused: its body, its query, its address."""
    text = data.decode("latin-1")
    headers = {"content-type": "application/json", "x-forwarded-for": text, "user-agent": text}
    http = func.HttpRequest(
        "POST", f"http://127.0.0.1/api/x?{text}", headers=headers, params={}, route_params={}, body=data
    )
    client_address(headers, [])
    assert (user_agent(headers) or "x").isprintable()
    with suppress(RequestInvalid, MediaTypeUnsupported):
        read_body(http, Wanted)
    with suppress(RequestInvalid):
        read_query(http, ("limit", "cursor", "id"))


TARGETS = (
    Target(
        "events",
        events,
        (
            b'{"tx_id":"a","wallet_id":"w","entry_type":"PAYMENT","amount":"1.5","event_time":"2026-11-23T11:00:00Z"}',
            b'{"order_id":"a","amount":1,"status":"PAID","created_at":"2026-11-23T11:00:00Z","currency":"USD"}',
            b'{"specversion":"1.0","data":{"tx_id":"a"}}',
        ),
    ),
    Target("cursors", cursors, (SIGNER.sign([NOON, "a", 7]).encode(), b"", b"AAAA")),
    Target("tokens", tokens, (f"Bearer {token()}".encode(), b"Bearer cf_a_b", b"eyJhdXRoX3R5cCI6ImEifQ==")),
    Target("archives", archives, (b"".join(map(line_of, chain_of(2))).removesuffix(b"\n"), b"{}")),
    Target("requests", requests, (b'{"name":"a","reason":"b","sites":["c"]}', b"limit=1&cursor=a&id=%ff")),
)

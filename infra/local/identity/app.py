"""The issuer's HTTP face: discovery, key set, token endpoint, rotation and, for tests, switches."""

import base64
import binascii
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, unquote

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.local.identity.claims import DEFAULT_AUDIENCE, DEFAULT_TTL_SECONDS, TokenClaims
from infra.local.identity.errors import LocalIdentityError
from infra.local.identity.faults import Faults
from infra.local.identity.keys import ALGORITHMS, Algorithm, KeyRing
from infra.local.identity.tokens import sign

NO_STORE = {"Cache-Control": "no-store"}
GRANT = "client_credentials"


class Issuer:
    """The state behind the endpoints: the ring in memory and in its file, and the switches."""

    def __init__(self, data: Path, issuer: str, *, hostile: bool) -> None:
        self._data = data
        self._ring = KeyRing.open(data, issuer)
        self._hostile = hostile
        self._faults = Faults()

    def app(self) -> Starlette:
        routes = [
            Route("/.well-known/openid-configuration", self.discovery),
            Route("/jwks", self.key_set),
            Route("/token", self.token, methods=["POST"]),
            Route("/rotate", self.rotate, methods=["POST"]),
        ]
        if self._hostile:
            routes.append(Route("/faults", self.faults, methods=["GET", "PUT"]))
        # Without a check of the host name a web page could reach this server under a name of its own.
        guard = Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
        return Starlette(routes=routes, middleware=[guard])

    async def discovery(self, _: Request) -> Response:
        self._faults.discovery_requests += 1
        issuer = self._ring.issuer
        return JSONResponse(
            {
                "issuer": issuer,
                "jwks_uri": f"{issuer}/jwks",
                "token_endpoint": f"{issuer}/token",
                "grant_types_supported": [GRANT],
                "response_types_supported": ["token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": list(ALGORITHMS),
                "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            }
        )

    async def key_set(self, _: Request) -> Response:
        return await self._faults.answer_key_set(self._ring.key_set())

    async def token(self, request: Request) -> Response:
        form = _form(await request.body())
        if form.get("grant_type") != GRANT:
            return _refusal("unsupported_grant_type", f"grant_type must be {GRANT}")
        client = form.get("client_id") or _basic_client(request.headers.get("authorization", ""))
        if not client:
            return _refusal("invalid_client", "client_id is missing; any secret is accepted")
        try:
            claims = _requested_claims(form, client)
            token = sign(self._ring, claims, cast(Algorithm, form.get("alg", "RS256")))
        except (LocalIdentityError, ValueError) as failure:
            return _refusal("invalid_request", str(failure))
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": claims.ttl_seconds}
        return JSONResponse(answer, headers=NO_STORE)

    async def rotate(self, request: Request) -> Response:
        """New keys sign from now on; `?keep_old=false` also withdraws the old ones."""
        self._ring = self._ring.rotated(keep_old=request.query_params.get("keep_old") != "false")
        self._ring.save(self._data)
        return JSONResponse({"kids": [key.kid for key in self._ring.keys]})

    async def faults(self, request: Request) -> Response:
        if request.method == "PUT":
            try:
                self._faults.change(cast(dict[str, Any], json.loads(await request.body())))
            except (ValueError, AttributeError) as failure:
                return _refusal("invalid_request", str(failure))
        return JSONResponse(self._faults.state())


def _requested_claims(form: Mapping[str, str], client: str) -> TokenClaims:
    ttl_seconds = int(form.get("ttl") or DEFAULT_TTL_SECONDS)
    if ttl_seconds < 1:
        raise LocalIdentityError("ttl must be at least 1 s")
    audience = form.get("aud") or form.get("scope", "").removesuffix("/.default")
    return TokenClaims(
        subject=form.get("sub") or client,
        object_id=form.get("oid", ""),
        roles=tuple(form.get("roles", "").split()),
        scopes=tuple(form.get("scp", "").split()),
        audience=audience or DEFAULT_AUDIENCE,
        ttl_seconds=ttl_seconds,
    )


def _form(body: bytes) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(body.decode(errors="replace")).items()}


def _basic_client(header: str) -> str:
    kind, _, encoded = header.partition(" ")
    if kind.lower() != "basic":
        return ""
    try:
        return unquote(base64.b64decode(encoded).decode().partition(":")[0])
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _refusal(code: str, description: str) -> Response:
    return JSONResponse({"error": code, "error_description": description}, 400, headers=NO_STORE)

"""An endpoint's declaration: everything the HTTP edge has to know about it, in one place."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import msgspec

from shared.audit.model import Action
from shared.errors.catalog import entry_of
from shared.errors.request import PreconditionFailed
from shared.runtime import Runtime
from shared.security.model import Permission
from shared.spine.model import Context, Done

# For endpoints that anyone may call; written out, because an endpoint without a permission does not start.
ANYONE: Literal["anyone"] = "anyone"
JSON = "application/json"
RateClass = Literal["read", "write", "admin", "upload", "heavy", "public"]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Need = Literal["none", "optional", "required"]
# How many rows a page has at most, unless an endpoint says otherwise.
LIMIT_MAX = 200
Model = TypeVar("Model")


@dataclass(frozen=True)
class Request:
    """What a handler sees of an HTTP request.

    `known` is who calls and by which right, None only where anyone may call. `body` is an instance of the endpoint's
    request model; `if_match` the version the caller saw last, None where it sent none.
    """

    path: Mapping[str, str]
    query: Mapping[str, str]
    known: Context | None
    correlation_id: str
    body: object = None
    if_match: int | None = None

    @property
    def context(self) -> Context:
        """Who calls; never asked for where anyone may call."""
        assert self.known is not None, "this endpoint is for anyone"
        return self.known

    def read(self, model: type[Model]) -> Model:
        """The body as the model the endpoint declares."""
        assert isinstance(self.body, model), "the endpoint declares another request model"
        return self.body

    def require_version(self, version: int) -> None:
        """Raises PreconditionFailed when the caller saw another version; without If-Match every version will do."""
        if self.if_match is not None and self.if_match != version:
            raise PreconditionFailed(f"version {version}, If-Match {self.if_match}")


@dataclass(frozen=True)
class Answer:
    """What a handler answers; the body is encoded as JSON, bytes of another media type go out as they are.

    `version` is the row's, told as ETag.
    """

    body: object
    status: int = 200
    version: int | None = None
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


def answer_of(done: Done) -> Answer:
    """A write's answer, with the version of its body where it has one."""
    version = done.body.get("version")
    replayed = {"Idempotency-Replayed": "true"} if done.replayed else {}
    return Answer(done.body, done.status, version if isinstance(version, int) else None, JSON, replayed)


Handler = Callable[[Runtime, Request], Answer]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One HTTP function.

    `query` names the parameters it takes; None passes over whatever comes, which probes need. `answers` are the
    statuses it gives when all is well, `errors` the codes its use case refuses with; `statuses` adds those of the
    edge. `audit` is the action a write is recorded as; a refused caller is recorded under it too. `target` is that
    action's target type, and the name of the path parameter `target`_id its id.
    """

    name: str
    route: str
    methods: tuple[Method, ...]
    permission: Permission | Literal["anyone"]
    rate_class: RateClass
    answers: frozenset[int]
    handle: Handler
    query: tuple[str, ...] | None
    summary: str = ""
    request: type[msgspec.Struct] | None = None
    response: Any = None
    media_type: str = JSON
    errors: tuple[str, ...] = ()
    audit: Action | None = None
    target: str = ""
    idempotency: Need = "none"
    if_match: Need = "none"
    limit_max: int = LIMIT_MAX

    @property
    def problem_codes(self) -> tuple[str, ...]:
        """Every error code this endpoint can answer with: its own and those of the edge."""
        codes = {*self.errors, "RATE_LIMITED", "RATE_LIMIT_UNAVAILABLE", "C1-LOG-002"}
        codes |= {"HEADERS_TOO_LARGE", "BODY_TOO_LARGE"}
        if self.permission != ANYONE:
            codes |= {"AUTH_TOKEN_MISSING", "AUTH_TOKEN_INVALID", "AUTH_FORBIDDEN"}
            codes |= {"AUTH_ISSUER_UNAVAILABLE", "C1-SYS-001"}
        if self.query is not None or self.request is not None:
            codes |= {"REQUEST_INVALID"}
        if self.query and "cursor" in self.query:
            codes |= {"CURSOR_INVALID"}
        if self.request is not None:
            codes |= {"MEDIA_TYPE_UNSUPPORTED"}
        if self.idempotency != "none":
            codes |= {"IDEMPOTENCY_CONFLICT"}
        if self.idempotency == "required":
            codes |= {"IDEMPOTENCY_KEY_MISSING"}
        if self.if_match != "none":
            codes |= {"PRECONDITION_FAILED"}
        if self.if_match == "required":
            codes |= {"PRECONDITION_MISSING"}
        return tuple(sorted(codes))

    @property
    def statuses(self) -> frozenset[int]:
        """Every status this endpoint can answer."""
        return self.answers | {entry_of(code).http_status for code in self.problem_codes}

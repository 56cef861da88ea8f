"""An endpoint's declaration: everything the HTTP edge has to know about it, in one place."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from shared.runtime import Runtime
from shared.security.model import Permission, Principal

# For endpoints that anyone may call; written out, because an endpoint without a permission does not start.
ANYONE: Literal["anyone"] = "anyone"
RateClass = Literal["read", "write", "admin", "upload", "heavy", "public"]


@dataclass(frozen=True)
class Request:
    """What a handler sees of an HTTP request; the principal is None only where anyone may call."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    principal: Principal | None
    correlation_id: str


@dataclass(frozen=True)
class Answer:
    """What a handler answers; the body is encoded as JSON."""

    body: object
    status: int = 200


Handler = Callable[[Runtime, Request], Answer]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One HTTP function.

    `query` names the parameters it takes; None passes over whatever comes, which probes need. `answers` are the
    statuses the endpoint itself gives; `statuses` adds those of the edge.
    """

    name: str
    route: str
    methods: tuple[Literal["GET", "POST", "PUT", "PATCH", "DELETE"], ...]
    permission: Permission | Literal["anyone"]
    rate_class: RateClass
    answers: frozenset[int]
    handle: Handler
    query: tuple[str, ...] | None

    @property
    def statuses(self) -> frozenset[int]:
        """Every status this endpoint can answer."""
        access = frozenset[int]() if self.permission == ANYONE else frozenset({401, 403, 503})
        parameters = frozenset[int]() if self.query is None else frozenset({422})
        return self.answers | access | parameters | {500}

"""Headers a change may bring along: Idempotency-Key and If-Match."""

import re
from collections.abc import Mapping

from functions.edge.endpoint import Endpoint
from shared.errors.request import FieldProblem, PreconditionMissing, RequestInvalid
from shared.spine.errors import IdempotencyKeyMissing

IDEMPOTENCY_KEY = re.compile(r"[A-Za-z0-9._~:@-]{1,128}")
_VERSION = re.compile(r'(?:W/)?"([0-9]{1,18})"')


def idempotency_key(headers: Mapping[str, str], endpoint: Endpoint) -> str | None:
    """The key of a write. Raises IdempotencyKeyMissing where it is needed, RequestInvalid where it is malformed."""
    if endpoint.idempotency == "none":
        return None
    given = headers.get("idempotency-key")
    if given is None:
        if endpoint.idempotency == "required":
            raise IdempotencyKeyMissing
        return None
    if not IDEMPOTENCY_KEY.fullmatch(given):
        problem = FieldProblem("Idempotency-Key", "takes 1 to 128 letters, digits and ._~:@-")
        raise RequestInvalid(problem)
    return given


def if_match(headers: Mapping[str, str], endpoint: Endpoint) -> int | None:
    """The version the caller saw last; `*` is any. Raises PreconditionMissing and RequestInvalid."""
    if endpoint.if_match == "none":
        return None
    given = headers.get("if-match", "").strip()
    if not given and endpoint.if_match == "required":
        raise PreconditionMissing
    if given in ("", "*"):
        return None
    found = _VERSION.fullmatch(given)
    if found is None:
        raise RequestInvalid(FieldProblem("If-Match", 'takes a version in quotes, such as "3", or *'))
    return int(found[1])


def etag(version: int) -> str:
    """A row's version as a header."""
    return f'"{version}"'

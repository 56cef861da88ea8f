"""Refusals before a use case begins."""

from shared.errors.base import InputError


class TokenMissing(InputError):
    """No bearer token came with the request."""

    code = "AUTH_TOKEN_MISSING"


class TokenInvalid(InputError):
    """The bearer token is malformed, expired, not signed by the issuer, or not meant for us."""

    code = "AUTH_TOKEN_INVALID"


class NotAllowed(InputError):
    """The principal is known and lacks the permission."""

    code = "AUTH_FORBIDDEN"

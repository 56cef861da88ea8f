"""Refusals of the security room: who calls is not known, may not, or asks for what must not be."""

from shared.errors.base import InputError


class TokenMissing(InputError):
    """No bearer token came with the request."""

    code = "AUTH_TOKEN_MISSING"


class TokenInvalid(InputError):
    """The bearer token is malformed, expired, revoked, not signed by the issuer, or not meant for us."""

    code = "AUTH_TOKEN_INVALID"


class NotAllowed(InputError):
    """The caller is known and lacks the permission."""

    code = "AUTH_FORBIDDEN"


class GrantBeyondOwn(NotAllowed):
    """Somebody gives what they do not hold themselves."""

    code = "GRANT_BEYOND_OWN"


class BootstrapVoid(InputError):
    """The secret of the first start is wrong, not set, or was used."""

    code = "BOOTSTRAP_VOID"


class PrincipalNotFound(InputError):
    """No principal of this id, or none the caller may manage."""

    code = "PRINCIPAL_NOT_FOUND"


class PrincipalExists(InputError):
    """The id or the issuer's subject is a principal's already."""

    code = "PRINCIPAL_EXISTS"


class RoleNotFound(InputError):
    """No role of this name, or an inactive one."""

    code = "ROLE_NOT_FOUND"


class GrantNotFound(InputError):
    """No grant of this id stands where the caller may manage it."""

    code = "GRANT_NOT_FOUND"


class GrantExists(InputError):
    """The principal holds this already, without an end."""

    code = "GRANT_EXISTS"


class LastAdministrator(InputError):
    """It would leave nobody who may manage everything."""

    code = "LAST_ADMINISTRATOR"


class TokenNotFound(InputError):
    """No active token of this id, or none the caller may manage."""

    code = "TOKEN_NOT_FOUND"


class TokensTooMany(InputError):
    """The principal has as many active tokens as it may have."""

    code = "TOKENS_TOO_MANY"


class TokenExpiring(InputError):
    """A token ends soon; told as an alert, never raised."""

    code = "TOKEN_EXPIRING"


class BreakGlassGiven(InputError):
    """Somebody holds a role for a short time outside the usual way; told as an alert, never raised."""

    code = "BREAK_GLASS_GIVEN"

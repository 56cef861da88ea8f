"""`make token`: an access token of the development issuer."""

from infra.local.identity.tokens import mint_token
from infra.local.stack.layout import Layout
from infra.local.stack.settings import read_settings


def new_token(layout: Layout, role: str, ttl_seconds: int, subject: str = "") -> str:
    """For the app as it was started last: of a role's development principal, or of a subject with all its grants.

    Raises SettingsInvalid and LocalIdentityError.
    """
    audience = read_settings(layout).oidc_audience
    if not subject:
        return mint_token(layout.identity, role=role, audience=audience, ttl_seconds=ttl_seconds)
    return mint_token(
        layout.identity,
        roles=(),
        subject=subject,
        audience=audience,
        ttl_seconds=ttl_seconds,
        extra={"oid": subject},
    )

"""The catalog's entries about commands and secrets."""

from shared.errors.entry import CatalogEntry

SPINE = (
    CatalogEntry(
        code="IDEMPOTENCY_CONFLICT",
        category="INP",
        severity="LOW",
        http_status=409,
        title="The idempotency key was used for another request",
        user_text="Send another Idempotency-Key with another request; repeat a key only with the very same one.",
        operator_text="The principal used this key in the last 24 hours with another method, address or body.",
        action_guide="Nothing to do; the client makes a new key for each new request.",
        runbook="requests",
    ),
    CatalogEntry(
        code="IDEMPOTENCY_KEY_MISSING",
        category="INP",
        severity="LOW",
        http_status=422,
        title="The idempotency key is missing",
        user_text="Send the header Idempotency-Key with up to 200 characters, a new one for each new request.",
        operator_text="The endpoint changes something that must not happen twice, and the request named no key.",
        action_guide="Nothing to do; the client sends a key.",
        runbook="requests",
    ),
    CatalogEntry(
        code="SECRET_UNAVAILABLE",
        category="EXT",
        severity="CRITICAL",
        http_status=503,
        title="A secret cannot be read",
        user_text="Try again in a minute.",
        operator_text=(
            "The secret store did not answer, refused, or holds no such secret. Look-ups need the hash key of the "
            "access records, and archives and anchors the signing key."
        ),
        action_guide="The detail names the secret: check KEY_VAULT_URL or SECRETS_FOLDER and the identity's rights.",
        alert_level="CRITICAL",
        auto_alert=True,
        retryable=True,
        runbook="audit-chain",
    ),
)

"""Problems: how an error becomes an answer (RFC 9457, application/problem+json)."""

from shared.errors.base import CounterfoilError
from shared.errors.catalog import CatalogEntry, entry_of
from shared.errors.request import RequestInvalid

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = "5"


def problem_of(error: CounterfoilError, correlation_id: str) -> dict[str, object]:
    """The body: the catalog's words for the code, never the error's own detail."""
    entry = entry_of(error.code)
    body: dict[str, object] = {
        "type": f"urn:counterfoil:problem:{entry.code}",
        "title": entry.title,
        "status": entry.http_status,
        "code": entry.code,
        "detail": entry.user_text,
        "correlation_id": correlation_id,
    }
    if isinstance(error, RequestInvalid):
        body["errors"] = error.fields
    return body


def problem_headers(entry: CatalogEntry) -> dict[str, str]:
    """What a status asks for beside the body: how to authenticate, when to come again."""
    if entry.http_status == 401:
        reason = ', error="invalid_token"' if entry.code == "AUTH_TOKEN_INVALID" else ""
        return {"WWW-Authenticate": f'Bearer realm="counterfoil"{reason}'}
    return {"Retry-After": RETRY_AFTER_SECONDS} if entry.http_status == 503 else {}

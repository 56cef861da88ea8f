"""Problems: how an error becomes an answer (RFC 9457, application/problem+json)."""

from shared.errors.base import CounterfoilError
from shared.errors.catalog import CatalogEntry, entry_of
from shared.errors.request import RateLimited, RequestInvalid
from shared.security.model import Caller, Permission

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5


def problem_of(
    error: CounterfoilError, correlation_id: str, caller: Caller | None = None
) -> dict[str, object]:
    """The body: the catalog's words for the code; only who may read operator detail sees more."""
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
    return body | _for_operators(error, entry, caller)


def _for_operators(error: CounterfoilError, entry: CatalogEntry, caller: Caller | None) -> dict[str, object]:
    """What helps an operator. A detail may speak of any site's rows, so it is for those who may see all sites.

    A 403 never says which part failed, and an answer that something was not found never why.
    """
    scope = caller.scope_of(Permission.OPERATOR_DETAIL_READ) if caller else None
    if not scope or entry.http_status == 403:
        return {}
    detailed = scope.everything and bool(error.detail) and entry.http_status != 404
    return {
        "operator_detail": f"{entry.operator_text} {error.detail}" if detailed else entry.operator_text,
        "action_guide": entry.action_guide,
        "runbook": entry.runbook,
    }


def problem_headers(error: CounterfoilError) -> dict[str, str]:
    """What a status asks for beside the body: how to authenticate, when to come again."""
    entry = entry_of(error.code)
    if entry.http_status == 401:
        reason = ', error="invalid_token"' if entry.code == "AUTH_TOKEN_INVALID" else ""
        return {"WWW-Authenticate": f'Bearer realm="counterfoil"{reason}'}
    if isinstance(error, RateLimited):
        return {"Retry-After": str(error.retry_after_seconds)}
    return {"Retry-After": str(RETRY_AFTER_SECONDS)} if entry.http_status == 503 else {}

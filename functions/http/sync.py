"""How the sync stands, over HTTP."""

import azure.functions as func

from functions.edge.endpoint import Answer, Endpoint, Request
from functions.edge.http import build_blueprint
from shared.runtime import Runtime
from shared.security.model import Permission
from shared.sync.describe_sync import SyncStatus, describe_sync

# The first question of an instance fetches a token and opens connections; what is not said by then is unknown.
HUBS_SECONDS_MAX = 2.0


def _status(runtime: Runtime, request: Request) -> Answer:
    return Answer(describe_sync(runtime, request.context, HUBS_SECONDS_MAX))


ENDPOINTS = (
    Endpoint(
        name="http_sync_status",
        route="sync/status",
        methods=("GET",),
        permission=Permission.LOOKUP_READ,
        rate_class="read",
        query=(),
        answers=frozenset({200}),
        handle=_status,
        summary="How the sync stands: what was received, what is missing, how late and how fresh.",
        response=SyncStatus,
    ),
)


def blueprint(runtime: Runtime) -> func.Blueprint:
    """The trigger of the sync status."""
    return build_blueprint(runtime, ENDPOINTS)

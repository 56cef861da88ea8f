"""Lists of pairs over HTTP: those that wait for a side, and those that show an anomaly."""

import azure.functions as func

from functions.edge.endpoint import Answer, Endpoint, Request
from functions.edge.fields import ID_CHARACTERS_MAX, Fields
from functions.edge.http import build_blueprint
from functions.edge.paging import LOOKUP_LIMIT_MAX, PAGE_PARAMETERS, page_of
from shared.lookup.list_pairs import PairsAnswer, list_pairs
from shared.lookup.model import INCOMPLETE, PairFilter
from shared.pairing.model import Anomaly, PairState
from shared.runtime import Runtime
from shared.security.model import Permission


def _list(runtime: Runtime, request: Request) -> Answer:
    fields = Fields(request.query)
    wanted = PairFilter(
        state=fields.choice("state", list(PairState)),
        anomaly=fields.choice("anomaly", list(Anomaly)),
        older_than=fields.duration("older_than"),
        site=fields.text("site", ID_CHARACTERS_MAX),
    )
    state, anomaly = request.query.get("state"), request.query.get("anomaly")
    if anomaly is None and state != INCOMPLETE and (state is None or state in list(PairState)):
        fields.refuse("state", f"is {INCOMPLETE} unless an anomaly is asked for; give one of them")
    if wanted.older_than is not None and state != INCOMPLETE:
        fields.refuse("older_than", f"is of pairs that wait; send it with state={INCOMPLETE}")
    limit, cursor = page_of(fields, LOOKUP_LIMIT_MAX)
    fields.close()
    return Answer(list_pairs(runtime, request.context, wanted, limit=limit, cursor=cursor))


ENDPOINTS = (
    Endpoint(
        name="http_pairs",
        route="pairs",
        methods=("GET",),
        permission=Permission.LOOKUP_READ,
        rate_class="read",
        query=("state", "older_than", "anomaly", "site", *PAGE_PARAMETERS),
        answers=frozenset({200}),
        handle=_list,
        summary="A page of the incomplete pairs, the oldest first, or of those with an anomaly, by order.",
        response=PairsAnswer,
        limit_max=LOOKUP_LIMIT_MAX,
    ),
)


def blueprint(runtime: Runtime) -> func.Blueprint:
    """The triggers of the lists of pairs."""
    return build_blueprint(runtime, ENDPOINTS)

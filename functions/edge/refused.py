"""The record a refusal leaves: counted while nobody is known, an access record or a control entry afterwards."""

import logging

from functions.edge.visit import Visit
from shared.errors.base import CounterfoilError
from shared.errors.catalog import entry_of
from shared.security.errors import NotAllowed
from shared.spine.refusals import count_refusal, deny, record_refusal

_LOG = logging.getLogger("counterfoil.http")


def record_refused(visit: Visit, error: CounterfoilError) -> None:
    """Record that this request was refused, unless a use case has recorded it already.

    Nothing was disclosed or changed, so a record that cannot be written does not change the answer.
    """
    if error.recorded:
        return
    try:
        _record(visit, error)
    except CounterfoilError as failure:
        _LOG.warning("request %s: its refusal was not recorded: %s", visit.correlation.id, failure.code)
    except Exception:  # noqa: BLE001 - the refusal stands whatever happens to its record
        _LOG.exception("request %s: its refusal was not recorded", visit.correlation.id)


def _record(visit: Visit, error: CounterfoilError) -> None:
    context, endpoint, runtime = visit.context, visit.endpoint, visit.runtime
    status = entry_of(error.code).http_status
    if context is None:
        if status < 500:
            count_refusal(runtime, visit.sender, error.code)
    elif endpoint.audit is not None and isinstance(error, NotAllowed):
        target_id = visit.http.route_params.get(f"{endpoint.target}_id")
        deny(runtime, context, endpoint.audit, endpoint.target, target_id, error.code)
    else:
        record_refusal(runtime, context, status, error.code, visit.seconds)

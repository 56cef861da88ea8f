"""stream_ledger: takes ledger-entry events."""

import typing

import azure.functions as func

from functions.edge.retry import HOLD_THE_BATCH
from functions.edge.stream import take
from shared.runtime import Runtime


def blueprint(runtime: Runtime) -> func.Blueprint:
    """The trigger of the ledger hub."""
    bp = func.Blueprint()

    @bp.function_name("stream_ledger")
    @bp.event_hub_message_trigger(
        arg_name="events",
        event_hub_name=runtime.settings.ledger_hub_name,
        connection="EventHubs",
        consumer_group="%EVENT_CONSUMER_GROUP%",
        cardinality=func.Cardinality.MANY,
        data_type=func.DataType.BINARY,
    )
    @bp.retry(**HOLD_THE_BATCH)
    def stream_ledger(events: typing.List[func.EventHubEvent]) -> None:  # noqa: UP006 - the indexer refuses list[]
        take(runtime, "ledger", events)

    return bp

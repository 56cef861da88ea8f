"""Every trigger of the app on one page."""

import gc
from collections.abc import Callable

import azure.functions as func

from functions.edge import timer
from functions.edge.stream import prepare_decode
from functions.http import health, payment_orders, sync, tx, wallets
from functions.streams import ledger
from functions.streams import payment_orders as payment_order_stream
from shared.runtime import Runtime

BLUEPRINTS: tuple[Callable[[Runtime], func.Blueprint], ...] = (
    ledger.blueprint,
    payment_order_stream.blueprint,
    timer.blueprint,
    tx.blueprint,
    payment_orders.blueprint,
    wallets.blueprint,
    sync.blueprint,
    health.blueprint,
)


def register_all(app: func.FunctionApp, runtime: Runtime) -> func.FunctionApp:
    """Declare every function on the app."""
    prepare_decode(runtime)
    for blueprint in BLUEPRINTS:
        app.register_functions(blueprint(runtime))
    # What was made until here lives as long as the process; a collection need not look at it again.
    gc.freeze()
    return app

"""Every trigger of the app on one page."""

import sys
from collections.abc import Callable

import azure.functions as func

from functions.edge import timer
from functions.edge.collector import quiet_collector
from functions.edge.endpoint import Endpoint
from functions.edge.stream import prepare_decode
from functions.http import (
    approvals,
    audit,
    bootstrap,
    corrections,
    docs,
    grants,
    health,
    pairs,
    payment_orders,
    principals,
    roles,
    sites,
    sync,
    timeline,
    tokens,
    tx,
    wallets,
)
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
    pairs.blueprint,
    timeline.blueprint,
    sync.blueprint,
    approvals.blueprint,
    corrections.blueprint,
    audit.blueprint,
    health.blueprint,
    docs.blueprint,
    bootstrap.blueprint,
    principals.blueprint,
    grants.blueprint,
    tokens.blueprint,
    roles.blueprint,
    sites.blueprint,
)


def declared_endpoints() -> tuple[Endpoint, ...]:
    """Every HTTP endpoint, in the order of the blueprints."""
    modules = [sys.modules[blueprint.__module__] for blueprint in BLUEPRINTS]
    return tuple(each for module in modules for each in getattr(module, "ENDPOINTS", ()))


def register_all(app: func.FunctionApp, runtime: Runtime) -> func.FunctionApp:
    """Declare every function on the app."""
    prepare_decode(runtime)
    for blueprint in BLUEPRINTS:
        app.register_functions(blueprint(runtime))
    quiet_collector()
    return app

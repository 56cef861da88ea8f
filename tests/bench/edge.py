"""The HTTP edge: an endpoint that does nothing behind all of it, beside a function that does nothing at all."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.bench.http_lookup import CALLERS, Callers
from tests.bench.lookup import percentile
from tests.bench.measure import Figure, Measured, Plan, run_rounds
from tests.bench.server import BenchServer
from tests.bench.start import SETTINGS
from tests.support.eventhubs import local_event_hubs
from tests.support.functions_host import ROOT, local_functions_host

FIGURE = Figure(
    "the HTTP edge",
    "median of eight callers at /api/health/live, ms",
    "median of a function that answers {}",
    3,
    1.5,
    False,
)
BARE_APP = """
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.function_name("bare")
@app.route("bare", methods=["GET"])
def bare(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("{}", mimetype="application/json")
"""


@contextmanager
def _hosts() -> Iterator[tuple[Callers, Callers]]:
    """Callers of the product's app and of the bare one, each under a local host; neither needs a database."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="counterfoil-bench-")))
        hubs = {SETTINGS[name]: 1 for name in ("LEDGER_HUB_NAME", "PAYMENT_ORDER_HUB_NAME")}
        broker = stack.enter_context(local_event_hubs(folder / "broker", hubs))
        settings = {**SETTINGS, "EventHubs": broker.connection_string}
        bare = folder / "bare"
        bare.mkdir()
        (bare / "function_app.py").write_text(BARE_APP)
        shutil.copy(ROOT / "host.json", bare)
        callers = []
        for app in (ROOT, bare):
            own = folder / f"host-{app.name}"
            own.mkdir()
            host = stack.enter_context(local_functions_host(app, own, settings))
            callers.append(Callers(host.url, "none"))
        yield callers[0], callers[1]


def measure_edge(server: BenchServer, plan: Plan, on_round: Callable[[], None], requests: int) -> Measured:
    """Our median over that of the bare function, a round of each after the other."""
    with _hosts() as (ours, bare):

        def one_round(_attempt: int) -> tuple[float, float]:
            answered = percentile(ours.ask(["/api/health/live"] * requests), 50)
            return answered * 1000, percentile(bare.ask(["/api/bare"] * requests), 50) * 1000

        measured = Measured(FIGURE, "ms", notes={"callers": CALLERS, "requests": requests})
        return run_rounds(measured, plan, one_round, server.own_cpu_seconds, on_round)

"""Look-up through HTTP: eight callers at the local host, beside a function there that only commits one INSERT."""

import asyncio
import random
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.bench.lookup import percentile
from tests.bench.measure import Figure, Measured, Plan, run_rounds
from tests.bench.rows import payment_id
from tests.bench.server import BenchServer
from tests.bench.start import SETTINGS
from tests.support.callers import seed_development_principals
from tests.support.eventhubs import local_event_hubs
from tests.support.functions_host import ROOT, LocalFunctionsHost, local_functions_host
from tests.support.identity import running_issuer
from tests.support.kept_secrets import keep_secrets

FIGURE = Figure(
    "look-up through HTTP",
    "p95 of eight callers, ms, access record included",
    "p95 of a function that commits one INSERT",
    4,
    2,
    False,
)
CALLERS = 8
INSERT_APP = """
import azure.functions as func

from shared.database.database import driver
from shared.settings import load_settings
from shared.wiring import build_runtime

database = build_runtime(load_settings()).database
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.function_name("insert")
@app.route("insert", methods=["GET"])
def insert(req: func.HttpRequest) -> func.HttpResponse:
    with database.transaction() as connection:
        driver(connection).execute("INSERT INTO bench_requests (at) VALUES (now())", prepare=True)
    return func.HttpResponse("{}")
"""


class Callers:
    """So many connections that ask one after the other, without a client's own work between."""

    def __init__(self, url: str, token: str) -> None:
        self._host, _, port = url.removeprefix("http://").partition(":")
        self._port = int(port)
        self._head = f" HTTP/1.1\r\nHost: {self._host}\r\nAuthorization: Bearer {token}\r\n\r\n"

    def ask(self, paths: list[str]) -> list[float]:
        """Seconds of every request. Raises RuntimeError for an answer that is not 200."""
        return asyncio.run(self._ask(paths))

    async def _ask(self, paths: list[str]) -> list[float]:
        waiting = iter(paths)
        times: list[float] = []
        await asyncio.gather(*(self._one_caller(waiting, times) for _ in range(CALLERS)))
        return times

    async def _one_caller(self, waiting: Iterator[str], times: list[float]) -> None:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        connected = writer.get_extra_info("socket")
        try:
            for path in waiting:
                started = time.perf_counter()
                writer.write(f"GET {path}{self._head}".encode())
                # An answer in two packets would otherwise wait for our acknowledgement of the first, which comes late.
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(_length(head))
                times.append(time.perf_counter() - started)
                if b" 200 " not in head.split(b"\r\n", 1)[0]:
                    raise RuntimeError(f"{path}: {head.decode()}")
        finally:
            writer.close()
            await writer.wait_closed()


def _length(head: bytes) -> int:
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return int(lengths[0].split(b":")[1])


@contextmanager
def _hosts(server: BenchServer) -> Iterator[tuple[LocalFunctionsHost, LocalFunctionsHost, str]]:
    """The product's app and the small one, each under a local host, and a token that may look up."""
    server.owner.execute("CREATE TABLE IF NOT EXISTS bench_requests (at timestamptz NOT NULL)")
    server.owner.execute("GRANT INSERT ON bench_requests TO counterfoil_app")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="counterfoil-bench-")))
        hubs = {SETTINGS[name]: 1 for name in ("LEDGER_HUB_NAME", "PAYMENT_ORDER_HUB_NAME")}
        broker = stack.enter_context(local_event_hubs(folder / "broker", hubs))
        issuer = stack.enter_context(running_issuer(folder / "issuer"))
        server.owner.execute("DELETE FROM grants")
        server.owner.execute("DELETE FROM principals")
        seed_development_principals(server.owner, issuer.url)
        settings = {
            **SETTINGS,
            "DATABASE_URL": server.app_url,
            "EventHubs": broker.connection_string,
            "OIDC_ISSUER": issuer.url,
            "DATABASE_POOL_SIZE": str(CALLERS),
            "SECRETS_FOLDER": str(keep_secrets(folder / "secrets")),
        }
        small = folder / "small"
        small.mkdir()
        (small / "function_app.py").write_text(INSERT_APP)
        shutil.copy(ROOT / "host.json", small)
        hosts = []
        for app in (ROOT, small):
            own = folder / f"host-{app.name}"
            own.mkdir()
            hosts.append(stack.enter_context(local_functions_host(app, own, settings)))
        yield hosts[0], hosts[1], issuer.mint("viewer")


def measure_http_lookup(
    server: BenchServer, rows: int, plan: Plan, on_round: Callable[[], None], requests: int
) -> Measured:
    """Our 95th percentile over that of the small function, a round of each after the other."""
    chance = random.Random(13)
    with _hosts(server) as (ours, small, token):
        product, insert = Callers(ours.url, token), Callers(small.url, token)

        def one_round(_attempt: int) -> tuple[float, float]:
            paths = [f"/api/tx/{payment_id(chance.randrange(1, max(2, rows // 2)))}" for _ in range(requests)]
            answered = percentile(product.ask(paths), 95)
            return answered * 1000, percentile(insert.ask(["/api/insert"] * requests), 95) * 1000

        measured = Measured(FIGURE, "ms", notes={"rows": rows, "callers": CALLERS, "requests": requests})
        return run_rounds(measured, plan, one_round, server.own_cpu_seconds, on_round)

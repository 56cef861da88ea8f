"""The host: one function app with its HTTP front, pumps and timers, from start to stop."""

import asyncio
import contextlib
import logging
import math
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from infra.local.host.admin import Admin
from infra.local.host.checkpoints import CheckpointStore
from infra.local.host.errors import StartError
from infra.local.host.faults import Faults
from infra.local.host.front import RESPONSE_LIMIT_SECONDS, Front, HttpLimits
from infra.local.host.functions import read_functions
from infra.local.host.hostjson import HostJson, read_host_json
from infra.local.host.invoker import Invoker, Observer
from infra.local.host.keys import load_keys
from infra.local.host.logs import HOST_LOGGER, configure_logs
from infra.local.host.pumps import Pumps
from infra.local.host.settings import publish_settings, read_settings_file
from infra.local.host.timers import Timers, TimerStatusStore
from infra.local.host.worker import Worker
from infra.local.loopback import PortBusyError, listen_on_loopback

log = logging.getLogger(HOST_LOGGER)

STOP_LIMIT_SECONDS = 10.0
# What the platform sets around every worker; code may ask for it.
PLATFORM_SETTINGS = {"FUNCTIONS_WORKER_RUNTIME": "python", "AZURE_FUNCTIONS_ENVIRONMENT": "Development"}
TIMED_OUT_EXIT_CODE = 3


@dataclass(frozen=True)
class HostOptions:
    """What the command line says; paths are absolute."""

    app: Path
    settings: Path
    port: int
    data: Path
    faults: bool = False
    response_seconds: float = RESPONSE_LIMIT_SECONDS
    stop_seconds: float = STOP_LIMIT_SECONDS
    observers: tuple[Observer, ...] = ()


class _Server(uvicorn.Server):
    """Uvicorn without its own signal handlers: stopping is the host's decision."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Host:
    """A started host; `stop` ends it."""

    def __init__(
        self,
        worker: Worker,
        invoker: Invoker,
        pumps: Pumps,
        timers: Timers,
        server: _Server,
        stop_seconds: float,
    ) -> None:
        self._worker, self._invoker, self._stop_seconds = worker, invoker, stop_seconds
        self._pumps, self._timers, self._server = pumps, timers, server
        self._serving: asyncio.Task[None] | None = None

    def start(self, listening: socket.socket) -> None:
        self._serving = asyncio.create_task(self._server.serve(sockets=[listening]), name="http")
        self._pumps.start()
        self._timers.start()

    async def stop(self) -> bool:
        """Receive nothing more and let what runs end; False when the time limit cut something off."""
        self._server.should_exit = True
        serving = (self._serving,) if self._serving else ()
        ending = asyncio.gather(self._pumps.stop(), self._timers.stop(), *serving, return_exceptions=True)
        await asyncio.wait({ending}, timeout=self._stop_seconds)
        if self._invoker.running_count:
            log.error(
                "%d invocations did not end within %.0f s and are cut off; their events come again.",
                self._invoker.running_count, self._stop_seconds,
            )  # fmt: skip
            return False
        self._worker.close()
        return True


async def start_host(options: HostOptions) -> tuple[Host, int]:
    """Start everything; the host and the port it listens on. Raises StartError."""
    publish_settings(read_settings_file(options.settings))
    for name, value in PLATFORM_SETTINGS.items():
        os.environ.setdefault(name, value)
    host_json = read_host_json(options.app / "host.json")
    listening = _listen(options.port)
    worker = await Worker.load(options.app)
    host = _assemble(options, host_json, worker)
    host.start(listening)
    return host, listening.getsockname()[1]


def _assemble(options: HostOptions, host_json: HostJson, worker: Worker) -> Host:
    functions = read_functions(worker.functions.values(), os.environ)
    keys = load_keys(options.data, [function.name for function in functions.http])
    faults = Faults(worker.functions)
    invoker = Invoker(worker, faults, host_json.function_timeout_seconds, _end_timed_out, options.observers)
    configure_logs(host_json.log_level, invoker.running)
    store = CheckpointStore(options.data)
    pumps = Pumps(functions.event_hubs, host_json.event_hubs, store, invoker, faults)
    timers = Timers(functions.timers, TimerStatusStore(options.data), invoker, faults)
    limits = HttpLimits(
        host_json.max_outstanding_requests, host_json.max_concurrent_requests, options.response_seconds
    )
    front = Front(functions.http, host_json.route_prefix, limits, keys, invoker, faults)
    admin = Admin(keys, worker, pumps, timers, faults, faults_open=options.faults)
    config = uvicorn.Config(
        admin.application(front),
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        # The caller is who is connected, whatever it says of itself.
        proxy_headers=False,
        timeout_graceful_shutdown=math.ceil(options.stop_seconds),
    )
    return Host(worker, invoker, pumps, timers, _Server(config), options.stop_seconds)


def _listen(port: int) -> socket.socket:
    try:
        return listen_on_loopback(port)
    except PortBusyError as error:
        raise StartError(str(error)) from error


def _end_timed_out(function: str) -> None:
    """The platform restarts the worker when a function exceeds its time; here the process is the worker."""
    log.critical(
        "%s ran longer than functionTimeout of host.json. The platform restarts the worker here and all its "
        "invocations die; this host ends. Start it again.", function,
    )  # fmt: skip
    os._exit(TIMED_OUT_EXIT_CODE)

"""Starts the local Event Hubs: one ready line on standard output, the log on standard error."""

import asyncio
import json
import logging
import os
import signal
import sys
import threading

from infra.local.eventhubs.broker import Broker
from infra.local.eventhubs.control import ControlServer
from infra.local.eventhubs.errors import StartError
from infra.local.eventhubs.hubs import Namespace
from infra.local.eventhubs.options import Options
from infra.local.eventhubs.server import EventHubsServer

STDIN = 0
logger = logging.getLogger("infra.local.eventhubs")


async def serve(options: Options) -> None:
    """Runs until SIGTERM, SIGINT or, with --watch-parent, the end of standard input. Raises StartError."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stop.set)
    if options.watch_parent:
        threading.Thread(target=_watch_stdin, args=(loop, stop), daemon=True).start()
    namespace = Namespace.open(options.data, options.hubs, options.groups, options.storage)
    _report_recovery(namespace)
    server = EventHubsServer(Broker(namespace, options.keys), options.retention_hours)
    control = ControlServer(server)
    try:
        ready = {"ready": True, "port": await server.start(options.port), "pid": os.getpid()}
        if options.control_port is not None:
            ready["control_port"] = await control.start(options.control_port)
        print(json.dumps(ready), flush=True)
        await stop.wait()
    finally:
        control.stop()
        await server.stop()


def main() -> int:
    """The exit status: 0 after a stop, 1 with one sentence on standard error if it cannot start."""
    logging.basicConfig(level=logging.INFO, format="eventhubs: %(message)s", stream=sys.stderr)
    try:
        asyncio.run(serve(Options.parse()))
    except StartError as error:
        print(f"eventhubs: {error}", file=sys.stderr)
        return 1
    return 0


def _watch_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Reads the descriptor itself: a buffered reader would be locked when the interpreter ends."""
    while os.read(STDIN, 4096):
        pass
    loop.call_soon_threadsafe(stop.set)


def _report_recovery(namespace: Namespace) -> None:
    for hub in namespace:
        for partition in hub.partitions:
            if partition.log.dropped_bytes:
                logger.warning(
                    "dropped %d bytes of an unfinished publish from %s partition %d",
                    *(partition.log.dropped_bytes, hub.name, partition.partition_id),
                )


if __name__ == "__main__":
    sys.exit(main())

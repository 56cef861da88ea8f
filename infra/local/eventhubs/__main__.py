"""Starts the local Event Hubs: one ready line on standard output, the log on standard error."""

import asyncio
import logging
import sys
from collections.abc import Sequence

from infra.local.eventhubs.broker import Broker
from infra.local.eventhubs.control import ControlServer
from infra.local.eventhubs.errors import StartError
from infra.local.eventhubs.hubs import Namespace
from infra.local.eventhubs.options import Options
from infra.local.eventhubs.server import EventHubsServer
from infra.local.foreground import StopRequest, announce_ready

logger = logging.getLogger("infra.local.eventhubs")


async def serve(options: Options, request: StopRequest) -> None:
    """Runs until a stop is requested. Raises StartError if it cannot start."""
    namespace = Namespace.open(options.data, options.hubs, options.groups, options.storage)
    _report_recovery(namespace)
    server = EventHubsServer(Broker(namespace, options.keys), options.retention_hours)
    control = ControlServer(server)
    try:
        port = await server.start(options.port)
        more = {}
        if options.control_port is not None:
            more["control_port"] = await control.start(options.control_port)
        announce_ready(port, **more)
        await asyncio.to_thread(request.wait)
    finally:
        control.stop()
        await server.stop()


def main(arguments: Sequence[str]) -> int:
    """The exit status: 0 after a stop, 1 with one sentence on standard error if it cannot start."""
    options = Options.parse(arguments)
    logging.basicConfig(level=logging.INFO, format="eventhubs: %(message)s", stream=sys.stderr)
    request = StopRequest()
    if options.watch_parent:
        request.watch_standard_input()
    try:
        asyncio.run(serve(options, request))
    except StartError as error:
        print(f"eventhubs: {error}", file=sys.stderr)
        return 1
    return 0


def _report_recovery(namespace: Namespace) -> None:
    for hub in namespace:
        for partition in hub.partitions:
            if partition.log.dropped_bytes:
                logger.warning(
                    "dropped %d bytes of an unfinished publish from %s partition %d",
                    *(partition.log.dropped_bytes, hub.name, partition.partition_id),
                )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

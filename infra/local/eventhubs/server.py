"""The listening server: connections and regular retention."""

import asyncio
import errno
import logging
import time

from infra.local.eventhubs.broker import Broker
from infra.local.eventhubs.connection import Connection
from infra.local.eventhubs.errors import StartError

HOST = "127.0.0.1"
RETENTION_CHECKS_PER_AGE = 32
RETENTION_INTERVAL_MIN_SECONDS = 0.1
RETENTION_INTERVAL_MAX_SECONDS = 60.0

logger = logging.getLogger(__name__)


class EventHubsServer:
    """Serves a broker on loopback until it is stopped."""

    def __init__(self, broker: Broker, retention_hours: float) -> None:
        self.broker = broker
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._sweep: asyncio.TimerHandle | None = None
        seconds = retention_hours * 3600 / RETENTION_CHECKS_PER_AGE
        self._interval = min(max(seconds, RETENTION_INTERVAL_MIN_SECONDS), RETENTION_INTERVAL_MAX_SECONDS)

    @property
    def connection_count(self) -> int:
        return len(self._connections)

    async def start(self, port: int) -> int:
        """Listens on the port (0: a free one) and returns it. Raises StartError if it is taken."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(self._connection, HOST, port)
        except OSError as error:
            raise port_error(port, error, "--port") from error
        self._apply_retention()
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Closes every connection and the log files."""
        if self._sweep is not None:
            self._sweep.cancel()
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._connections):
            connection.close()
        await asyncio.sleep(0)
        self.broker.namespace.close()

    def drop_connections(self) -> int:
        """Cuts every connection as a broken network does; how many there were."""
        dropped = tuple(self._connections)
        for connection in dropped:
            connection.abort()
        return len(dropped)

    def _connection(self) -> Connection:
        return Connection(self.broker, self._connections)

    def _apply_retention(self) -> None:
        try:
            self.broker.namespace.apply_retention(int(time.time() * 1000))
        except OSError as error:
            logger.warning("old events could not be removed: %s", error)
        self._sweep = asyncio.get_running_loop().call_later(self._interval, self._apply_retention)


def port_error(port: int, error: OSError, option: str) -> StartError:
    """One sentence for a port that cannot be listened on."""
    if error.errno == errno.EADDRINUSE:
        return StartError(f"Port {port} is in use; stop the program that has it or choose another {option}.")
    return StartError(f"Port {port} cannot be opened ({error.strerror}); choose another {option}.")

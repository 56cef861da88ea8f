"""A small HTTP server on the loopback address, for the local stack's own pages."""

import socket
import threading
import time

import uvicorn
from starlette.types import ASGIApp

HOST = "127.0.0.1"
START_SECONDS = 20
STOP_SECONDS = 5


class PortBusyError(Exception):
    """The port is taken; the message names it and says what to do."""


def listen_on_loopback(port: int) -> socket.socket:
    """A listening socket; port 0 chooses a free one.

    Raises PortBusyError when another program holds the port.
    """
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Accepted connections inherit it; without it an answer in two parts waits for the client's delayed receipt, 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(128)
    except OSError as failure:
        listener.close()
        raise PortBusyError(
            f"Port {port} on {HOST} is busy: stop the program that uses it, or choose another port."
        ) from failure
    return listener


class LoopbackServer:
    """Serves an ASGI application in a thread, so that the main thread can wait for signals."""

    def __init__(self, app: ASGIApp, listener: socket.socket) -> None:
        self._socket = listener
        self._port = int(listener.getsockname()[1])
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, name="loopback-http", daemon=True)

    @property
    def port(self) -> int:
        return self._port

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        """Return when requests are answered."""
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError(f"The HTTP server on port {self.port} did not start.")
            time.sleep(0.01)

    def stop(self) -> None:
        """Let running requests end, for a few seconds at most."""
        self._server.should_exit = True
        self._thread.join(STOP_SECONDS + 1)
        self._socket.close()

    def _serve(self) -> None:
        self._server.run(sockets=[self._socket])

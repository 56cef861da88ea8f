"""Fault switches over HTTP, for tests: a tiny loopback server on its own port.

POST /hubs/NAME/pause, /hubs/NAME/resume · POST /connections/drop · POST /management/refuse, /allow ·
POST /writes/refuse, /allow · GET /state. Every answer is a JSON object.
"""

import asyncio
import json
from typing import Any
from urllib.parse import unquote

from infra.local.eventhubs.errors import AmqpError
from infra.local.eventhubs.server import HOST, EventHubsServer, port_error

REQUEST_SECONDS_MAX = 5
_REASONS = {200: "OK", 404: "Not Found"}

Response = tuple[int, dict[str, Any]]


class ControlServer:
    """Answers one request per connection."""

    def __init__(self, server: EventHubsServer) -> None:
        self._events = server
        self._server: asyncio.Server | None = None

    async def start(self, port: int) -> int:
        """Listens on the port (0: a free one) and returns it. Raises StartError if it is taken."""
        try:
            self._server = await asyncio.start_server(self._serve, HOST, port)
        except OSError as error:
            raise port_error(port, error, "--control-port") from error
        return int(self._server.sockets[0].getsockname()[1])

    def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_SECONDS_MAX):
                head = await reader.readuntil(b"\r\n\r\n")
            method, target = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")[:2]
            writer.write(_encode(*self._respond(method, target)))
            await writer.drain()
        except (TimeoutError, ValueError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    def _respond(self, method: str, target: str) -> Response:
        match method, [unquote(part) for part in target.strip("/").split("/")]:
            case "GET", ["state"]:
                return 200, self._state()
            case "POST", ["hubs", name, "pause" | "resume" as action]:
                return self._switch_hub(name, action)
            case "POST", ["connections", "drop"]:
                return 200, {"dropped": self._events.drop_connections()}
            case "POST", ["management", "refuse" | "allow" as action]:
                self._events.broker.faults.management_refused = action == "refuse"
                return 200, {"management_refused": action == "refuse"}
            case "POST", ["writes", "refuse" | "allow" as action]:
                self._events.broker.faults.writes_refused = action == "refuse"
                return 200, {"writes_refused": action == "refuse"}
        return 404, {"error": f"{method} {target} is not known."}

    def _switch_hub(self, name: str, action: str) -> Response:
        try:
            if action == "pause":
                self._events.broker.pause(name)
            else:
                self._events.broker.resume(name)
        except AmqpError as error:
            return 404, {"error": error.description}
        return 200, {"paused": action == "pause"}

    def _state(self) -> dict[str, Any]:
        broker = self._events.broker
        hubs = {
            hub.name: {
                "created_ms": hub.created_ms,
                "paused": not broker.delivers(hub),
                "partitions": [
                    {**partition.log.properties()._asdict(), "receivers": len(partition.readers)}
                    for partition in hub.partitions
                ],
            }
            for hub in broker.namespace
        }
        return {
            "connections": self._events.connection_count,
            "management_refused": broker.faults.management_refused,
            "writes_refused": broker.faults.writes_refused,
            "hubs": hubs,
        }


def _encode(status: int, body: dict[str, Any]) -> bytes:
    content = json.dumps(body).encode()
    head = f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(content)}\r\nConnection: close\r\n\r\n".encode() + content

"""A TCP proxy on loopback whose connections break when a test says so."""

import asyncio
import threading
from collections.abc import Callable
from random import Random
from typing import Self, TypeVar

from infra.local.faults.link import Drop, End, Link, Plan

HOST = "127.0.0.1"
# The end of a transaction in PostgreSQL's protocol: the text the client sends, and the tag the server answers with.
COMMIT = b"COMMIT\0"
_SECONDS_TO_OBEY = 30.0
_T = TypeVar("_T")


class TcpProxy:
    """Listens on a free loopback port in front of one server, from `with` to its end.

    Faults hold for every connection, present and future, until heal(). The proxy counts what it did: `cuts`,
    `answers_dropped`.
    """

    def __init__(self, target_host: str, target_port: int) -> None:
        self._target = (target_host, target_port)
        self._plan = Plan()
        self._links: set[Link] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tcp-proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        listening = asyncio.run_coroutine_threadsafe(self._listen(), self._loop)
        self._server = listening.result(_SECONDS_TO_OBEY)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(_SECONDS_TO_OBEY)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_SECONDS_TO_OBEY)
        self._loop.close()

    @property
    def cuts(self) -> int:
        """How many connections were cut on purpose or for want of a server."""
        return self._plan.cuts

    @property
    def answers_dropped(self) -> int:
        """How often drop_next_answer() has done its work."""
        return self._plan.answers_dropped

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._links)

    def cut_all(self) -> int:
        """Reset every connection now; how many there were."""
        return self._obey(self._cut_all)

    def refuse(self) -> None:
        """Close new connections at once; those that are open stay."""
        self._obey(lambda: setattr(self._plan, "refusing", True))

    def accept(self) -> None:
        """Take new connections again."""
        self._obey(lambda: setattr(self._plan, "refusing", False))

    def cut_after(
        self, *, bytes_from_client: int | None = None, bytes_from_server: int | None = None
    ) -> None:
        """Cut each connection before the byte after so many of a side; what came before is delivered."""

        def limit() -> None:
            self._plan.bytes_from_client_max = bytes_from_client
            self._plan.bytes_from_server_max = bytes_from_server

        self._obey(limit)

    def cut_at_random(self, rng: Random, probability_per_chunk: float) -> None:
        """At each chunk of either side, with this probability deliver a part of it and cut."""

        def chance() -> None:
            self._plan.rng, self._plan.probability_per_chunk = rng, probability_per_chunk

        self._obey(chance)

    def hold_answers(self) -> None:
        """What clients send goes through, what the server says waits until release_answers()."""
        self._obey(lambda: self._hold(True))

    def release_answers(self) -> None:
        """Deliver what was held."""
        self._obey(lambda: self._hold(False))

    def drop_next_answer(self, question: bytes = b"", answer: bytes = b"") -> None:
        """Once: let a question with these bytes through, wait until the server answered with those, then cut.

        The client never sees that answer. With COMMIT as both, the transaction did commit. Of several connections
        the first to ask is the one.
        """
        self._obey(lambda: setattr(self._plan, "drop", Drop(question, answer)))

    def heal(self) -> None:
        """No faults any more; what is open stays open."""

        def clear() -> None:
            self._plan.refusing = False
            self._plan.bytes_from_client_max = self._plan.bytes_from_server_max = None
            self._plan.rng, self._plan.drop = None, None
            self._hold(False)

        self._obey(clear)

    def _obey(self, order: Callable[[], _T]) -> _T:
        """Carry an order out on the proxy's thread and wait until it is done."""

        async def carry_out() -> _T:
            return order()

        return asyncio.run_coroutine_threadsafe(carry_out(), self._loop).result(_SECONDS_TO_OBEY)

    async def _listen(self) -> asyncio.Server:
        return await self._loop.create_server(self._client_end, HOST, 0)

    def _client_end(self) -> End:
        return Link(self._plan, self._target, self._links).client

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        self._cut_all()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # One more turn, in which the transports close their sockets.
        await asyncio.sleep(0)

    def _cut_all(self) -> int:
        links = tuple(self._links)
        for link in links:
            link.cut()
        return len(links)

    def _hold(self, holding: bool) -> None:
        self._plan.holding = holding
        for link in self._links:
            (link.hold if holding else link.go_on)(link.server)

"""The proxy breaks connections exactly as it is told, and is transparent otherwise."""

import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from random import Random

import psycopg
import pytest

from infra.local.faults import COMMIT, TcpProxy
from tests.support.migrated import libpq
from tests.support.postgres import ClonedDatabase

SECONDS_MAX = 30
LONG = bytes(range(256)) * 4096


class Echo(socketserver.BaseRequestHandler):
    """Answers every chunk with the same bytes, and a client's end with its own."""

    def handle(self) -> None:
        request: socket.socket = self.request
        while data := request.recv(65536):
            request.sendall(data)


class EchoServer(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A reset connection is what these tests order."""


@pytest.fixture
def echo_port() -> Iterator[int]:
    with EchoServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(echo_port: int) -> Iterator[TcpProxy]:
    with TcpProxy("127.0.0.1", echo_port) as proxy:
        yield proxy


def connect(proxy: TcpProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), SECONDS_MAX)


def read_to_the_end(client: socket.socket) -> bytes:
    received = b""
    while data := client.recv(65536):
        received += data
    return received


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def echoes(client: socket.socket, data: bytes = b"ping") -> bool:
    client.sendall(data)
    received = b""
    while len(received) < len(data) and (more := client.recv(65536)):
        received += more
    return received == data


def test_everything_passes_and_both_ends_close(proxy: TcpProxy) -> None:
    with connect(proxy) as client:
        writer = threading.Thread(target=client.sendall, args=(LONG,))
        writer.start()
        received = b""
        while len(received) < len(LONG):
            received += client.recv(65536)
        writer.join()
        client.shutdown(socket.SHUT_WR)
        assert read_to_the_end(client) == b""
    assert received == LONG
    wait_until(lambda: proxy.connections == 0)
    assert proxy.cuts == 0


def test_cut_all_resets_what_is_open_and_nothing_else(proxy: TcpProxy) -> None:
    with connect(proxy) as one, connect(proxy) as other:
        assert echoes(one)
        assert echoes(other)
        assert proxy.cut_all() == 2
        for client in (one, other):
            with pytest.raises(ConnectionResetError):
                client.recv(1)
    with connect(proxy) as client:
        assert echoes(client)


def test_refusing_spares_what_is_open(proxy: TcpProxy) -> None:
    with connect(proxy) as old:
        assert echoes(old)
        proxy.refuse()
        with pytest.raises(ConnectionError), connect(proxy) as refused:
            refused.recv(1)
        assert echoes(old)
    proxy.accept()
    with connect(proxy) as client:
        assert echoes(client)


def test_a_server_that_is_not_there_ends_the_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    with TcpProxy("127.0.0.1", port) as proxy:
        # The reset may come while connect() still waits.
        with pytest.raises(ConnectionResetError), connect(proxy) as client:
            client.recv(1)
        assert proxy.cuts == 1


@pytest.mark.parametrize("side", ["client", "server"])
def test_cut_after_so_many_bytes_delivers_exactly_these(proxy: TcpProxy, side: str) -> None:
    proxy.cut_after(**{f"bytes_from_{side}": 6})
    for _ in range(2):
        with connect(proxy) as client:
            assert echoes(client)
            client.sendall(b"abcdef")
            if side == "server":
                assert read_to_the_end(client) == b"ab"
            else:
                with pytest.raises(ConnectionResetError):
                    read_to_the_end(client)
    assert proxy.cuts == 2


def test_held_answers_come_when_released(proxy: TcpProxy) -> None:
    with connect(proxy) as client:
        assert echoes(client)
        proxy.hold_answers()
        client.sendall(b"held")
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.settimeout(SECONDS_MAX)
        proxy.release_answers()
        assert client.recv(4) == b"held"


def test_a_dropped_answer_is_the_one_asked_for_also_across_chunks(proxy: TcpProxy) -> None:
    proxy.drop_next_answer(b"COMMIT", b"MIT")
    with connect(proxy) as client:
        assert echoes(client, b"first")
        assert echoes(client, b"..COM")
        assert proxy.answers_dropped == 0
        client.sendall(b"MIT..")
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    assert proxy.answers_dropped == 1
    with connect(proxy) as client:
        assert echoes(client, b"COMMIT")


def times_survived(proxy: TcpProxy, seed: int) -> list[int]:
    """How many short exchanges each of a few connections lives through."""
    proxy.cut_at_random(Random(seed), 0.2)
    lives = []
    for _ in range(8):
        with connect(proxy) as client:
            lived = 0
            try:
                while echoes(client):
                    lived += 1
            except ConnectionError:
                pass
            lives.append(lived)
    return lives


def test_random_cuts_come_again_with_the_seed(proxy: TcpProxy) -> None:
    one, same, other = (times_survived(proxy, seed) for seed in (1, 1, 2))
    assert one == same != other
    assert proxy.cuts == 24
    proxy.heal()
    with connect(proxy) as client:
        assert all(echoes(client) for _ in range(200))


def test_a_transaction_commits_though_its_answer_is_lost(database: ClonedDatabase) -> None:
    with (
        TcpProxy("127.0.0.1", database.port) as proxy,
        closing(psycopg.connect(libpq(database.url), port=proxy.port)) as through,
        psycopg.connect(libpq(database.url), autocommit=True) as beside,
    ):
        through.execute("CREATE TABLE kept (n integer)")
        through.commit()
        proxy.drop_next_answer(COMMIT, COMMIT)
        through.execute("INSERT INTO kept VALUES (1)")
        assert proxy.answers_dropped == 0
        with pytest.raises(psycopg.OperationalError):
            through.commit()
        assert proxy.answers_dropped == 1
        assert beside.execute("SELECT n FROM kept").fetchall() == [(1,)]

"""The protocol itself: frames, links, credit, windows, and what is refused, byte by byte."""

import socket

import pytest

from infra.local.eventhubs import encoding as enc
from infra.local.eventhubs import performatives as perf
from infra.local.eventhubs.decoding import decode
from infra.local.eventhubs.frames import AMQP_HEADER, SASL_HEADER, frame
from infra.local.eventhubs.messages import BATCH_FORMAT, sections
from tests.support.amqp_client import AmqpClient, amqp_client, message, publish_raw
from tests.support.eventhubs import LocalEventHubs

READ = "/ConsumerGroups/counterfoil/Partitions/"


def _body(stored: bytes) -> bytes:
    return next(bytes(decode(stored, start)[0]) for code, start, _ in sections(stored) if code == 0x75)


def test_large_messages_travel_in_several_frames_both_ways(server: LocalEventHubs) -> None:
    text = bytes(range(256)) * 4000
    with amqp_client(server.port, frame_size_max=4096, window=7) as client:
        handle = client.attach_sender("large/Partitions/0")
        client.expect(perf.FLOW)
        client.transfer(handle, message(text), parts=30)
        assert client.outcome() is None
        reader = client.attach_receiver("large" + READ + "0")
        client.flow(reader, credit=1)
        parts: list[bytes] = []
        more = True
        while more:
            received = client.expect(perf.TRANSFER)
            parts.append(received.payload)
            more = received.fields[5]
            if len(parts) % 7 == 0:
                client.flow(reader, credit=1, seen=len(parts))
        assert len(parts) > 200
        assert _body(b"".join(parts)) == text


def test_credit_and_drain(server: LocalEventHubs) -> None:
    with amqp_client(server.port) as client:
        publish_raw(server.port, "credit", *[b"%d" % number for number in range(6)])
        reader = client.attach_receiver("credit" + READ + "0")
        client.flow(reader, credit=2)
        assert [_body(raw) for raw in client.receive(2)] == [b"0", b"1"]
        client.flow(reader, credit=1, count=2, seen=2)
        assert [_body(raw) for raw in client.receive(1)] == [b"2"]
        client.flow(reader, credit=10, count=3, seen=3, drain=True)
        assert [_body(raw) for raw in client.receive(3)] == [b"3", b"4", b"5"]
        drained = client.expect(perf.FLOW).fields
        assert (drained[4], drained[5], drained[6], drained[8]) == (reader, 13, 0, True)


def test_a_message_beyond_the_limit_detaches_the_link(server: LocalEventHubs) -> None:
    with amqp_client(server.port) as client:
        handle = client.attach_sender("refused")
        client.expect(perf.FLOW)
        client.transfer(handle, message(b"x" * (1024 * 1024 + 1)), parts=20)
        assert client.detached().condition == "amqp:link:message-size-exceeded"
        again = client.attach_sender("refused")
        client.expect(perf.FLOW)
        client.transfer(again, message(b"the connection goes on"))
        assert client.outcome() is None


@pytest.mark.parametrize(("raw", "message_format"), [(b"garbage", 0), (message(b"x"), BATCH_FORMAT)])
def test_what_is_no_message_is_rejected(server: LocalEventHubs, raw: bytes, message_format: int) -> None:
    with amqp_client(server.port) as client:
        handle = client.attach_sender("refused/Partitions/1")
        client.expect(perf.FLOW)
        client.transfer(handle, raw, message_format=message_format)
        error = client.outcome()
        assert error is not None
        assert error.condition == "amqp:decode-error"
    assert server.state()["hubs"]["refused"]["partitions"][1]["is_empty"]


@pytest.mark.parametrize(
    ("address", "condition"),
    [
        ("nowhere", "amqp:not-found"),
        ("refused/Partitions/2", "com.microsoft:argument-out-of-range"),
        ("refused/Partitions/x", "com.microsoft:argument-out-of-range"),
    ],
)
def test_refused_senders(server: LocalEventHubs, address: str, condition: str) -> None:
    with amqp_client(server.port) as client:
        client.attach_sender(address)
        assert client.detached().condition == condition


@pytest.mark.parametrize(
    ("address", "condition"),
    [
        ("nowhere" + READ + "0", "amqp:not-found"),
        ("refused/ConsumerGroups/stranger/Partitions/0", "amqp:not-found"),
        ("refused" + READ + "2", "com.microsoft:argument-out-of-range"),
        ("refused/ConsumerGroups/counterfoil", "amqp:not-allowed"),
    ],
)
def test_refused_receivers(server: LocalEventHubs, address: str, condition: str) -> None:
    with amqp_client(server.port) as client:
        client.attach_receiver(address)
        assert client.detached().condition == condition


def test_a_start_beyond_the_end_is_refused(server: LocalEventHubs) -> None:
    with amqp_client(server.port) as client:
        publish_raw(server.port, "positions", b"only")
        client.attach_receiver("positions" + READ + "0", "amqp.annotation.x-opt-sequence-number > '7'")
        assert client.detached().condition == "com.microsoft:argument-error"


def test_epochs_on_the_wire(server: LocalEventHubs) -> None:
    address = "epochs" + READ + "0"
    with amqp_client(server.port) as old, amqp_client(server.port) as new:
        publish_raw(server.port, "epochs", b"first")
        reader = old.attach_receiver(address, epoch=1)
        old.flow(reader, credit=5)
        assert [_body(raw) for raw in old.receive(1)] == [b"first"]
        new.attach_receiver(address, epoch=0)
        assert new.detached().condition == "amqp:link:stolen"
        new.attach_receiver(address)
        assert new.detached().condition == "amqp:link:stolen"
        newer = new.attach_receiver(address, epoch=2)
        assert old.detached().condition == "amqp:link:stolen"
        new.flow(newer, credit=5)
        assert [_body(raw) for raw in new.receive(1)] == [b"first"]
    assert server.state()["hubs"]["epochs"]["partitions"][0]["receivers"] == 0


def test_delivery_pauses_and_resumes_per_hub(server: LocalEventHubs) -> None:
    with amqp_client(server.port) as client:
        reader = client.attach_receiver("faults" + READ + "0")
        client.flow(reader, credit=50)
        server.pause("faults")
        publish_raw(server.port, "faults", b"held", b"back")
        assert server.state()["hubs"]["faults"]["paused"]
        publish_raw(server.port, "plain", b"other hubs go on")
        server.resume("faults")
        assert [_body(raw) for raw in client.receive(2)] == [b"held", b"back"]


def test_dropped_connections(server: LocalEventHubs) -> None:
    with amqp_client(server.port) as client:
        assert server.drop_connections() >= 1
        with pytest.raises(ConnectionError):
            client.next()


def test_heartbeats_at_half_the_idle_time(server: LocalEventHubs) -> None:
    with AmqpClient(server.port) as client:
        client.open(idle_ms=200)
        assert [client.next().code for _ in range(3)] == [0, 0, 0]


@pytest.mark.parametrize(
    ("raw", "condition"),
    [
        (b"\x7f\xff\xff\xff\x02\x00\x00\x00", "amqp:connection:framing-error"),
        (frame(0, b"\x00\x53\x14\xc0\xff"), "amqp:decode-error"),
        (frame(0, enc.listed()), "amqp:decode-error"),
        (frame(0, enc.described(0x7F, enc.listed())), "amqp:not-allowed"),
        (frame(9, enc.described(perf.FLOW, enc.listed())), "amqp:not-allowed"),
        (frame(0, enc.described(perf.ATTACH, enc.listed())), "amqp:invalid-field"),
        (frame(0, enc.described(perf.TRANSFER, enc.listed(enc.listed()))), "amqp:internal-error"),
    ],
)
def test_a_client_that_breaks_the_protocol_is_closed(
    server: LocalEventHubs, raw: bytes, condition: str
) -> None:
    with amqp_client(server.port) as client:
        client.raw(raw)
        error = client.expect(perf.CLOSE).fields[0].value
        assert error[0] == condition
        with pytest.raises(ConnectionError):
            client.next()


def test_another_protocol_gets_our_header_and_a_close(server: LocalEventHubs) -> None:
    with socket.create_connection(("127.0.0.1", server.port), 10) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert client.recv(100) == SASL_HEADER
        assert client.recv(100) == b""


def test_a_polite_close_is_answered(server: LocalEventHubs) -> None:
    with amqp_client(server.port) as client:
        client.send(perf.END)
        assert client.expect(perf.END).fields == [None]
        client.send(perf.CLOSE)
        assert client.expect(perf.CLOSE).fields == [None]


def test_a_client_without_sasl_is_served(server: LocalEventHubs) -> None:
    with AmqpClient(server.port) as client:
        client.raw(AMQP_HEADER)
        client.send(perf.OPEN, enc.string("test"))
        assert client.expect(perf.OPEN).fields[0] == "local-event-hubs"


def test_the_control_port_knows_its_paths(server: LocalEventHubs) -> None:
    with socket.create_connection(("127.0.0.1", server.control_port), 10) as client:
        client.sendall(b"POST /hubs/nowhere/pause HTTP/1.1\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 404 Not Found")

"""What the SDK asks for before it publishes or reads, byte by byte, and the fields it counts on."""

import uuid
from typing import Any

import pytest

from infra.local.eventhubs import encoding as enc
from infra.local.eventhubs import performatives as perf
from infra.local.eventhubs.decoding import decode
from infra.local.eventhubs.frames import SASL_HEADER
from infra.local.eventhubs.messages import APPLICATION_PROPERTIES, PROPERTIES, VALUE, sections
from tests.support.amqp_client import AmqpClient, amqp_client, message, publish_batch
from tests.support.eventhubs import LocalEventHubs

CORRELATION_ID = 5


def ask(
    server: LocalEventHubs, node: str, properties: dict[str, str], value: bytes = enc.NULL
) -> dict[int, Any]:
    """One request to a node: the sections of its answer, whose correlation id must be the id of the request."""
    request_id = uuid.uuid4()
    flat = [enc.string(text) for pair in properties.items() for text in pair]
    request = enc.described(PROPERTIES, enc.listed(enc.uuid_value(request_id)))
    request += enc.described(APPLICATION_PROPERTIES, enc.mapping(*flat)) + enc.described(VALUE, value)
    with amqp_client(server.port) as client:
        sender, receiver = client.attach_sender(node), client.attach_receiver(node)
        client.flow(receiver, credit=10)
        client.transfer(sender, request)
        (answer,) = client.receive(1)
    found = {code: decode(answer, start)[0] for code, start, _ in sections(answer)}
    assert found[PROPERTIES][CORRELATION_ID] == request_id
    return found


def test_anonymous_is_among_the_mechanisms(server: LocalEventHubs) -> None:
    with AmqpClient(server.port) as client:
        client.raw(SASL_HEADER)
        assert "ANONYMOUS" in client.expect(perf.SASL_MECHANISMS).fields[0]


def test_a_token_is_accepted_with_202(server: LocalEventHubs) -> None:
    token = enc.string("SharedAccessSignature sr=x&sig=y&se=1&skn=local")
    asked = {"operation": "put-token", "type": "servicebus.windows.net:sastoken", "name": "x"}
    answer = ask(server, "$cbs", asked, token)
    assert (answer[APPLICATION_PROPERTIES]["status-code"], answer[VALUE]) == (202, None)


def test_the_hub_describes_itself(server: LocalEventHubs) -> None:
    asked = {"operation": "READ", "type": "com.microsoft:eventhub", "name": "requests"}
    answer = ask(server, "$management", asked)
    assert answer[APPLICATION_PROPERTIES]["status-code"] == 200
    assert answer[VALUE] == {
        "name": "requests",
        "type": "com.microsoft:eventhub",
        "created_at": server.state()["hubs"]["requests"]["created_ms"],
        "partition_count": 2,
        "partition_ids": ["0", "1"],
    }


def test_a_partition_describes_itself(server: LocalEventHubs) -> None:
    publish_batch(server.port, "requests", b"a", b"b", b"c", partition_id=1)
    kind = "com.microsoft:partition"
    asked = {"operation": "READ", "type": kind, "name": "requests"}
    used = ask(server, "$management", {**asked, "partition": "1"})
    state = server.state()["hubs"]["requests"]["partitions"][1]
    assert used[VALUE] == {
        "name": "requests",
        "type": kind,
        "partition": "1",
        "begin_sequence_number": 0,
        "last_enqueued_sequence_number": 2,
        "last_enqueued_offset": str(state["last_offset"]),
        "last_enqueued_time_utc": state["last_enqueued_ms"],
        "is_partition_empty": False,
    }
    never = ask(server, "$management", {**asked, "partition": "0"})
    assert (never[VALUE]["is_partition_empty"], never[VALUE]["last_enqueued_sequence_number"]) == (True, -1)


@pytest.mark.parametrize(
    ("node", "properties", "status"),
    [
        ("$cbs", {"operation": "delete-token"}, 400),
        ("$management", {"operation": "WRITE", "type": "com.microsoft:eventhub", "name": "requests"}, 400),
        ("$management", {"operation": "READ", "type": "com.microsoft:queue", "name": "requests"}, 400),
        ("$management", {"operation": "READ", "type": "com.microsoft:eventhub", "name": "nowhere"}, 404),
        (
            "$management",
            {"operation": "READ", "type": "com.microsoft:partition", "name": "requests", "partition": "9"},
            400,
        ),
    ],
)
def test_what_cannot_be_answered_says_so(
    server: LocalEventHubs, node: str, properties: dict[str, str], status: int
) -> None:
    answer = ask(server, node, properties)
    assert (answer[APPLICATION_PROPERTIES]["status-code"], answer[VALUE]) == (status, None)


def test_performatives_carry_every_field_up_to_the_last(server: LocalEventHubs) -> None:
    """The SDK reads them by position and does not know that nulls at the end may be left out."""
    with amqp_client(server.port) as client:
        sender = client.attach_sender("plain/Partitions/0")
        client.expect(perf.FLOW)
        client.transfer(sender, message(b"x"))
        assert client.outcome() is None
        reader = client.attach_receiver("plain/ConsumerGroups/counterfoil/Partitions/0")
        client.flow(reader, credit=1)
        client.receive(1)
        client.attach_sender("nowhere")
        client.expect(perf.DETACH)
        client.send(perf.END)
        client.expect(perf.END)
        client.send(perf.CLOSE)
        client.expect(perf.CLOSE)
    counted = {code: counts for code, counts in client.field_counts.items() if code < perf.SASL_MECHANISMS}
    assert counted == {
        perf.OPEN: {10},
        perf.BEGIN: {8},
        perf.ATTACH: {14},
        perf.FLOW: {11},
        perf.TRANSFER: {11},
        perf.DISPOSITION: {6},
        perf.DETACH: {3},
        perf.END: {1},
        perf.CLOSE: {1},
    }

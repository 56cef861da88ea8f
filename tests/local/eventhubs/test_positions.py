"""Where the official SDK may start to read, in every way it can say so."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

from tests.support.amqp_client import publish_batch
from tests.support.eventhubs import LocalEventHubs
from tests.support.eventhubs_sdk import consumer, receive_async


async def first_number(
    server: LocalEventHubs, start: Any, inclusive: bool = False, partition: str = "0"
) -> int | None:
    """The number of the first event from that start on."""
    async with consumer(server.connection_string, "starts", "counterfoil") as client:
        options = {"starting_position_inclusive": inclusive}
        events = await receive_async(client, partition, 1, start, **options)
    return events[0].sequence_number


async def publish_when_read(server: LocalEventHubs) -> None:
    while server.state()["hubs"]["starts"]["partitions"][1]["receivers"] == 0:
        await asyncio.sleep(0.02)
    publish_batch(server.port, "starts", b"newest", partition_id=1)


async def first_numbers(server: LocalEventHubs, moment: datetime, last_early: int) -> list[int | None]:
    """All side by side: the SDK mostly sleeps while it connects."""
    numbers = asyncio.gather(
        first_number(server, "-1"),
        first_number(server, 1),
        first_number(server, 1, inclusive=True),
        first_number(server, str(last_early)),
        first_number(server, moment),
        first_number(server, "@latest", partition="1"),
    )
    await publish_when_read(server)
    return list(await numbers)


def test_every_start_position_of_the_sdk(server: LocalEventHubs) -> None:
    for partition in (0, 1):
        publish_batch(server.port, "starts", *[b"early"] * 3, partition_id=partition)
    last_early = server.state()["hubs"]["starts"]["partitions"][0]["last_offset"]
    time.sleep(0.05)
    moment = datetime.now(UTC)
    time.sleep(0.05)
    publish_batch(server.port, "starts", *[b"late"] * 3)
    assert asyncio.run(first_numbers(server, moment, last_early)) == [0, 2, 1, 3, 3, 3]

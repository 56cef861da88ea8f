"""The receiver process by itself: a defect in it ends it, so that the host learns of it and starts it anew."""

import asyncio

from infra.local.host.connections import EventHubsConnection
from infra.local.host.frames import Configure, Stream
from infra.local.host.link import ReceiverProcess


async def last_words(stream: Stream) -> object:
    """What the receiver says of a stream before it ends; None when it ends without a word to the host."""
    receiver = await ReceiverProcess.start()
    receiver.send(Configure((stream,)))
    try:
        return await asyncio.wait_for(receiver.next_message(), 30)
    finally:
        await receiver.close()


def test_a_defect_ends_the_process() -> None:
    """A connection string the SDK refuses never gets here; the host refuses it before."""
    broken = EventHubsConnection("h", "nonsense")
    stream = Stream(broken, "hub", "group", prefetch=10, window=20, needs_ends=False)
    assert asyncio.run(last_words(stream)) is None

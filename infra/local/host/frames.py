"""What host and receiver process say to each other, and how it travels over a pipe."""

import asyncio
import pickle
import struct
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from infra.local.host.batch import EventBatch
from infra.local.host.connections import EventHubsConnection

_LENGTH = struct.Struct(">I")
STREAM_LIMIT = 16 * 1024 * 1024


@dataclass(frozen=True)
class Stream:
    """One event hub read by one function. `needs_ends`: where its partitions end must be known to begin."""

    connection: EventHubsConnection
    hub: str
    group: str
    prefetch: int
    window: int
    needs_ends: bool


@dataclass(frozen=True)
class Configure:
    """To the receiver: the streams; later messages name them by their place in this tuple."""

    streams: tuple[Stream, ...]


@dataclass(frozen=True)
class Open:
    """To the receiver: receive a partition after this position (offset text, "-1", "@latest" or a time)."""

    stream: int
    partition: str
    position: str | int | datetime


@dataclass(frozen=True)
class Consumed:
    """To the receiver: so many forwarded events are done with, forward as many more."""

    stream: int
    partition: str
    count: int


@dataclass(frozen=True)
class Partitions:
    """From the receiver: partition ids of a stream's hub, each with the last sequence number in it if needed."""

    stream: int
    last_sequence_numbers: dict[str, int | None]


@dataclass(frozen=True)
class Events:
    """From the receiver: the next events of a partition."""

    stream: int
    partition: str
    batch: EventBatch


@dataclass(frozen=True)
class Trouble:
    """From the receiver: a stream (partition None) or partition cannot be received at the moment."""

    stream: int
    partition: str | None
    reason: str
    ownership_lost: bool = False


@dataclass(frozen=True)
class Receiving:
    """From the receiver: the partition's link is being opened."""

    stream: int
    partition: str


def encode(message: object) -> bytes:
    payload = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(payload)) + payload


async def read_message(reader: asyncio.StreamReader) -> Any:
    """The next message, or None when the other side is gone."""
    try:
        length = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))[0]
        return pickle.loads(await reader.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None

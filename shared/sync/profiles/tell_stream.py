"""Which stream a message is meant for, told from the fields it has; where there is a hub it needs no telling."""

from collections.abc import Mapping
from typing import Any

from shared.sync.events.contract import Stream
from shared.sync.events.reader import EventReader


def tell_stream(readers: Mapping[Stream, EventReader], root: Mapping[str, Any]) -> Stream:
    """The stream of a message out of its CloudEvents envelope: the one whose required
    fields are best filled, of two that are filled alike the earlier.

    Raises ValueError when the message has not even a key.
    """
    absent = {stream: reader.absent(root) for stream, reader in readers.items()}
    fitting = {stream: len(names) for stream, names in absent.items() if names is not None}
    if not fitting:
        keys = " nor ".join(reader.contract.key for reader in readers.values())
        raise ValueError(f"the stream cannot be told: there is neither {keys} under a name of the profile")
    return min(fitting, key=lambda stream: fitting[stream])

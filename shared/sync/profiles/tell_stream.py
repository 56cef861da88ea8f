"""Which stream a message is meant for, told from the fields it has; the hubs themselves need no telling."""

from collections.abc import Mapping
from typing import Any

from shared.sync.events.contract import Stream
from shared.sync.events.reader import EventReader


def tell_stream(readers: Mapping[Stream, EventReader], root: Mapping[str, Any]) -> Stream:
    """The stream whose required fields are best filled; the earlier of two that are filled alike.

    Raises ValueError when the message has not even a key.
    """
    data = root.get("data")
    row: Any = data if "specversion" in root and isinstance(data, dict) else root
    absent = {stream: reader.absent(row) for stream, reader in readers.items()}
    fitting = {stream: len(names) for stream, names in absent.items() if names is not None}
    if not fitting:
        keys = " nor ".join(reader.contract.key for reader in readers.values())
        raise ValueError(f"the stream cannot be told: there is neither {keys} under a name of the profile")
    return min(fitting, key=lambda stream: fitting[stream])

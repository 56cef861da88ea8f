"""Hubs: their partitions, consumer groups and creation time, and the folder that holds them."""

import fcntl
import json
import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from infra.local.eventhubs.errors import AmqpError, Condition, StartError
from infra.local.eventhubs.log import PartitionLog, Retention
from infra.local.eventhubs.messages import Event
from infra.local.eventhubs.receivers import Readers
from infra.local.eventhubs.routing import partition_of

DEFAULT_GROUP = "$default"
META_FILE = "hub.json"
META_FORMAT = 1
PARTITIONS_MAX = 32
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,254}[A-Za-z0-9])?")


class HubSpec(NamedTuple):
    """A hub as declared at start."""

    name: str
    partition_count: int

    @classmethod
    def parse(cls, text: str) -> "HubSpec":
        """`NAME:PARTITIONS`. Raises ValueError with the reason."""
        name, _, count = text.partition(":")
        if not _NAME.fullmatch(name):
            raise ValueError(f"'{name}' is no hub name: use letters, digits, '.', '-' and '_'")
        if not count.isdecimal() or not 1 <= int(count) <= PARTITIONS_MAX:
            raise ValueError(f"'{text}' needs a partition count from 1 to {PARTITIONS_MAX}, as in {name}:4")
        return cls(name, int(count))


class StorageOptions(NamedTuple):
    """How partitions keep their events."""

    retention: Retention
    durable: bool


class Partition:
    """One partition: its log and who reads it."""

    def __init__(self, partition_id: int, log: PartitionLog) -> None:
        self.partition_id = partition_id
        self.log = log
        self.readers = Readers()


class Hub:
    """An event hub. `created_ms` tells one generation of its data from the next."""

    def __init__(
        self, name: str, created_ms: int, groups: frozenset[str], partitions: list[Partition]
    ) -> None:
        self.name = name
        self.created_ms = created_ms
        self.groups = groups
        self.partitions = partitions
        self._turn = -1

    def partition(self, partition_id: str) -> Partition:
        """Raises AmqpError (argument-out-of-range) for a partition the hub does not have."""
        if partition_id.isdecimal() and int(partition_id) < len(self.partitions):
            return self.partitions[int(partition_id)]
        raise AmqpError(
            Condition.ARGUMENT_OUT_OF_RANGE,
            f"The specified partition is invalid for an EventHub partition sender or receiver: {partition_id}.",
        )

    def check_group(self, group: str) -> None:
        """Raises AmqpError (not-found) for a consumer group that was not declared."""
        if group.lower() not in self.groups:
            raise AmqpError(Condition.NOT_FOUND, f"The consumer group '{group}' could not be found.")

    def route(self, events: list[Event]) -> Partition:
        """The partition of the key the events share; partitions in turn if there is none."""
        key = events[0].partition_key
        if key is not None:
            return self.partitions[partition_of(key, len(self.partitions))]
        self._turn = (self._turn + 1) % len(self.partitions)
        return self.partitions[self._turn]


class Namespace:
    """All hubs of one data folder. Only one process may have it open."""

    def __init__(self, lock: int) -> None:
        self._lock = lock
        self._hubs: dict[str, Hub] = {}

    @classmethod
    def open(
        cls, folder: Path, specs: Iterable[HubSpec], groups: Iterable[str], storage: StorageOptions
    ) -> "Namespace":
        """Opens or creates the hubs under the folder.

        Raises StartError if the folder cannot be used, is in use, or holds other data than declared.
        """
        declared = frozenset(group.lower() for group in groups) | {DEFAULT_GROUP}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with ExitStack() as undo:
                namespace = cls(_lock(folder))
                undo.callback(namespace.close)
                for spec in specs:
                    hub = _open_hub(folder / spec.name, spec, declared, storage)
                    namespace._hubs[hub.name.lower()] = hub
                undo.pop_all()
        except OSError as error:
            reason = error.strerror or str(error)
            raise StartError(f"The data folder {folder} cannot be used: {reason}.") from error
        return namespace

    def __iter__(self) -> Iterator[Hub]:
        return iter(self._hubs.values())

    def hub(self, name: str) -> Hub:
        """Raises AmqpError (not-found) for an unknown hub."""
        hub = self._hubs.get(name.lower())
        if hub is None:
            raise AmqpError(Condition.NOT_FOUND, f"The messaging entity '{name}' could not be found.")
        return hub

    def apply_retention(self, now_ms: int) -> None:
        """Removes what is too old or too much in every partition. Raises OSError."""
        for hub in self:
            for partition in hub.partitions:
                partition.log.apply_retention(now_ms)

    def close(self) -> None:
        for hub in self:
            for partition in hub.partitions:
                partition.log.close()
        os.close(self._lock)


def _lock(folder: Path) -> int:
    """The lock goes with the process, however it ends."""
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise StartError(
            f"Another local Event Hubs uses the data folder {folder}; stop it or choose another --data."
        ) from None
    return descriptor


def _open_hub(folder: Path, spec: HubSpec, groups: frozenset[str], storage: StorageOptions) -> Hub:
    created_ms = _created_ms(folder, spec)
    partitions = [
        Partition(number, PartitionLog.open(folder / str(number), storage.retention, storage.durable))
        for number in range(spec.partition_count)
    ]
    return Hub(spec.name, created_ms, groups, partitions)


def _created_ms(folder: Path, spec: HubSpec) -> int:
    """Reads the hub's meta file, or writes it for a new hub."""
    path = folder / META_FILE
    if not path.exists():
        if any(folder.glob("*/")):
            raise StartError(f"{folder} holds data but no {META_FILE}; remove that folder.")
        return _write_meta(path, spec)
    meta = _read_meta(path)
    if meta["partitions"] != spec.partition_count:
        raise StartError(
            f"Hub {spec.name} has {meta['partitions']} partitions in {folder} and was declared with "
            f"{spec.partition_count}; declare {spec.name}:{meta['partitions']} or remove that folder."
        )
    return int(meta["created_ms"])


def _read_meta(path: Path) -> dict[str, Any]:
    try:
        meta = json.loads(path.read_text())
        if meta["format"] == META_FORMAT and isinstance(meta["partitions"], int) and meta["created_ms"] > 0:
            return dict(meta)
    except (ValueError, KeyError, TypeError):
        pass
    raise StartError(f"{path} is not the meta file of this version; remove the folder {path.parent}.")


def _write_meta(path: Path, spec: HubSpec) -> int:
    created_ms = int(time.time() * 1000)
    meta = {"format": META_FORMAT, "partitions": spec.partition_count, "created_ms": created_ms}
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(meta))
    fresh.replace(path)
    return created_ms

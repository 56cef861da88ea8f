"""Checkpoints and ownership of partitions, one small file each, per hub, group and partition."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from infra.local.host.batch import PartitionContext
from infra.local.host.files import read_json, write_json


@dataclass(frozen=True)
class Checkpoint:
    """The last event a consumer group is done with; the next start continues after it."""

    offset: str
    sequence_number: int


class CheckpointStore:
    """Files below one directory. Writes are durable when they return."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def knows(self, namespace: str, hub: str, group: str) -> bool:
        """True when any partition of the hub has a checkpoint of the group."""
        return any(self._folder("checkpoints", namespace, hub, group).glob("*.json"))

    def read(self, partition: PartitionContext) -> Checkpoint | None:
        document = read_json(self._path("checkpoints", partition))
        return None if document is None else Checkpoint(document["offset"], document["sequence_number"])

    def written_at(self, partition: PartitionContext) -> datetime | None:
        document = read_json(self._path("checkpoints", partition))
        return None if document is None else datetime.fromisoformat(document["written_at"])

    def write(self, partition: PartitionContext, checkpoint: Checkpoint) -> None:
        document = asdict(checkpoint) | {"written_at": datetime.now(UTC).isoformat()}
        write_json(self._path("checkpoints", partition), document)

    def claim(self, partition: PartitionContext, owner: str) -> None:
        """Record who receives the partition now; the generation tells how often it changed hands."""
        path = self._path("ownership", partition)
        generation = (read_json(path) or {"generation": 0})["generation"] + 1
        claimed_at = datetime.now(UTC).isoformat()
        write_json(path, {"owner": owner, "generation": generation, "claimed_at": claimed_at})

    def _path(self, kind: str, partition: PartitionContext) -> Path:
        folder = self._folder(kind, partition.namespace, partition.hub, partition.group)
        return folder / f"{quote(partition.partition, safe='')}.json"

    def _folder(self, kind: str, namespace: str, hub: str, group: str) -> Path:
        parts = (namespace, hub.lower(), group.lower())
        return self._directory.joinpath(kind, *(quote(part, safe="$") for part in parts))

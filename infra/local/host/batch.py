"""Event batches: what the receiver forwards and what the function is given."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from infra.local.host.messages import TypedData, byte_strings, integers, json_data, strings


@dataclass(slots=True)
class EventBatch:
    """Events of one partition in order, column by column; JSON columns hold one encoded value per event."""

    bodies: list[bytes]
    sequence_numbers: list[int]
    offsets: list[str]
    enqueued_times: list[str]
    partition_keys: list[str | None]
    properties: list[str]
    system_properties: list[str]

    def __len__(self) -> int:
        return len(self.bodies)

    def part(self, start: int, end: int) -> "EventBatch":
        return EventBatch(*(getattr(self, column.name)[start:end] for column in fields(self)))

    def extend(self, other: "EventBatch") -> None:
        for column in fields(self):
            getattr(self, column.name).extend(getattr(other, column.name))


@dataclass(frozen=True)
class PartitionContext:
    namespace: str
    hub: str
    group: str
    partition: str


def trigger_data(batch: EventBatch) -> TypedData:
    """The bodies as the platform passes them for cardinality many and data type binary."""
    return byte_strings(batch.bodies)


def trigger_metadata(
    batch: EventBatch, context: PartitionContext, *, checkpointing: bool
) -> Mapping[str, TypedData]:
    """The trigger metadata of a batch, array by array as the platform sends it.

    Events without a partition key are left out of PartitionKeyArray, so that array is not aligned with
    the others. Times are UTC without a zone mark.
    """
    partition = {
        "FullyQualifiedNamespace": context.namespace,
        "EventHubName": context.hub,
        "ConsumerGroup": context.group,
        "PartitionId": context.partition,
        "IsCheckpointingAfterInvocation": checkpointing,
    }
    return {
        "PartitionContext": json_data(partition),
        "PartitionKeyArray": strings([key for key in batch.partition_keys if key]),
        "OffsetArray": strings(batch.offsets),
        "SequenceNumberArray": integers(batch.sequence_numbers),
        "EnqueuedTimeUtcArray": json_data(batch.enqueued_times),
        "PropertiesArray": TypedData(json=f"[{','.join(batch.properties)}]"),
        "SystemPropertiesArray": TypedData(json=f"[{','.join(batch.system_properties)}]"),
    }

"""The `$management` node: READ of a hub and of a partition."""

from collections.abc import Mapping
from typing import Any

from infra.local.eventhubs import encoding as enc
from infra.local.eventhubs.cbs import Claims
from infra.local.eventhubs.errors import AmqpError, Condition
from infra.local.eventhubs.hubs import Hub, Namespace, Partition

HUB_TYPE = "com.microsoft:eventhub"
PARTITION_TYPE = "com.microsoft:partition"
_STATUS = {Condition.NOT_FOUND: 404, Condition.UNAUTHORIZED: 401}


def answer(
    namespace: Namespace, claims: Claims, properties: Mapping[str, Any]
) -> tuple[int, str, bytes | None]:
    """Status, description and body for a request to `$management`."""
    kind, name = properties.get("type"), str(properties.get("name", ""))
    if properties.get("operation") != "READ" or kind not in (HUB_TYPE, PARTITION_TYPE):
        return 400, f"The operation '{properties.get('operation')}' on '{kind}' is not known here.", None
    try:
        claims.check(name)
        hub = namespace.hub(name)
        if kind == HUB_TYPE:
            return 200, "OK", _describe_hub(hub)
        return 200, "OK", _describe_partition(hub, hub.partition(str(properties.get("partition"))))
    except AmqpError as error:
        return _STATUS.get(error.condition, 400), error.description, None


def _describe_hub(hub: Hub) -> bytes:
    return enc.mapping(
        *(enc.string("name"), enc.string(hub.name)),
        *(enc.string("type"), enc.string(HUB_TYPE)),
        *(enc.string("created_at"), enc.timestamp(hub.created_ms)),
        *(enc.string("partition_count"), enc.int32(len(hub.partitions))),
        *(enc.string("partition_ids"), enc.string_array(str(p.partition_id) for p in hub.partitions)),
    )


def _describe_partition(hub: Hub, partition: Partition) -> bytes:
    log = partition.log.properties()
    return enc.mapping(
        *(enc.string("name"), enc.string(hub.name)),
        *(enc.string("type"), enc.string(PARTITION_TYPE)),
        *(enc.string("partition"), enc.string(str(partition.partition_id))),
        *(enc.string("begin_sequence_number"), enc.int64(log.begin_sequence)),
        *(enc.string("last_enqueued_sequence_number"), enc.int64(log.last_sequence)),
        *(enc.string("last_enqueued_offset"), enc.string(str(log.last_offset))),
        *(enc.string("last_enqueued_time_utc"), enc.timestamp(max(0, log.last_enqueued_ms))),
        *(enc.string("is_partition_empty"), enc.boolean(log.is_empty)),
    )

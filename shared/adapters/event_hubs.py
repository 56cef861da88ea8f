"""What the broker says of its hubs, through the official SDK (azure-eventhub, azure-identity).

The SDKs are imported at the first question: they take a third of the app's start, and most instances never ask.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from shared.errors.base import ExternalError
from shared.settings import Settings

if TYPE_CHECKING:
    from azure.eventhub import EventHubConsumerClient


class HubUnreachable(ExternalError):
    """The broker did not answer, so what it would have said is unknown."""

    code = "SYNC_HUB_UNREACHABLE"


@dataclass(frozen=True)
class PartitionState:
    """A partition as the broker describes it; numbers are sequence numbers, both None when it is empty."""

    partition_id: str
    first_sequence_number: int | None
    last_sequence_number: int | None
    last_enqueued_at: datetime | None


class HubInspector(Protocol):
    """What knows the state of the hubs."""

    def created_at(self, hub: str) -> datetime:
        """When the hub was created, which tells one generation from the next. Raises HubUnreachable."""
        ...

    def partitions(self, hub: str) -> list[PartitionState]:
        """Every partition's extent. Raises HubUnreachable."""
        ...


@dataclass(frozen=True)
class EventHubsInspector:
    """Asks Event Hubs itself; a new client per question, because questions are rare."""

    settings: Settings

    def created_at(self, hub: str) -> datetime:
        with _answering(hub), self._client(hub) as client:
            created: datetime = client.get_eventhub_properties()["created_at"]
        return _aware(created)

    def partitions(self, hub: str) -> list[PartitionState]:
        with _answering(hub), self._client(hub) as client:
            return [_state(client.get_partition_properties(p)) for p in client.get_partition_ids()]

    def _client(self, hub: str) -> "EventHubConsumerClient":
        from azure.eventhub import EventHubConsumerClient
        from azure.identity import DefaultAzureCredential

        s = self.settings
        if s.eventhubs_connection:
            return EventHubConsumerClient.from_connection_string(
                s.eventhubs_connection, s.event_consumer_group, eventhub_name=hub, retry_total=1
            )
        credential = DefaultAzureCredential(managed_identity_client_id=s.eventhubs_client_id or None)
        return EventHubConsumerClient(
            s.eventhubs_namespace, hub, s.event_consumer_group, credential, retry_total=1
        )


@contextmanager
def _answering(hub: str) -> Iterator[None]:
    from azure.core.exceptions import AzureError
    from azure.eventhub.exceptions import EventHubError

    try:
        yield
    except (EventHubError, AzureError, OSError, ValueError) as error:
        raise HubUnreachable(f"hub {hub}: {error}") from error


def _state(properties: dict[str, object]) -> PartitionState:
    empty = bool(properties["is_empty"])
    last_time = properties["last_enqueued_time_utc"]
    return PartitionState(
        partition_id=str(properties["id"]),
        first_sequence_number=None if empty else int(str(properties["beginning_sequence_number"])),
        last_sequence_number=None if empty else int(str(properties["last_enqueued_sequence_number"])),
        last_enqueued_at=_aware(last_time) if isinstance(last_time, datetime) and not empty else None,
    )


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

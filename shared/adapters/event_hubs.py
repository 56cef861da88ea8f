"""What the broker says of its hubs, through the official SDK (azure-eventhub, azure-identity).

The SDKs are imported at the first question: they take a third of the app's start, and most instances never ask.
Questions are asked side by side and within a time limit: what is not known by then is unknown.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from shared.adapters.hub_events import HubEvent, Reading
from shared.errors.base import ExternalError
from shared.settings import Settings

if TYPE_CHECKING:
    from azure.eventhub.aio import EventHubConsumerClient
    from azure.identity import DefaultAzureCredential

# How long a question may take where nobody waits for the answer but a batch or a timer.
ANSWER_SECONDS_MAX = 15.0
# A lost connection is worth a second try at once; more would only keep the asker waiting.
RETRIES, RETRY_SECONDS = 1, 0.05
_Told = TypeVar("_Told")


class HubUnreachable(ExternalError):
    """The broker did not answer, so what it would have said is unknown."""

    code = "SYNC_HUB_UNREACHABLE"


@dataclass(frozen=True)
class PartitionState:
    """A partition as the broker describes it; numbers are sequence numbers, both None when it is empty.

    An empty partition that once held events still tells the number its next event will get.
    """

    partition_id: str
    first_sequence_number: int | None
    last_sequence_number: int | None
    last_enqueued_at: datetime | None
    next_sequence_number: int | None = None

    @property
    def readable_from(self) -> int | None:
        """No event below this number can be read any more; None when there never was one."""
        return self.next_sequence_number if self.first_sequence_number is None else self.first_sequence_number


@dataclass(frozen=True)
class HubState:
    """A hub as the broker describes it."""

    created_at: datetime
    partitions: Sequence[PartitionState]


class HubInspector(Protocol):
    """What knows the state of the hubs and can read their events again."""

    def created_at(self, hub: str) -> datetime:
        """When the hub was created, which tells one generation from the next. Raises HubUnreachable."""
        ...

    def partitions(self, hub: str) -> list[PartitionState]:
        """Every partition's extent. Raises HubUnreachable."""
        ...

    def describe(self, hubs: Sequence[str], seconds_max: float) -> Mapping[str, HubState | None]:
        """All these hubs at once; None for one that did not answer in time. Never raises for a broker."""
        ...

    def read(
        self, hub: str, partition_id: str, first: int, seconds_max: float
    ) -> AbstractContextManager[Iterator[list[HubEvent]]]:
        """Batches of a partition's events from a sequence number on, through the group for reading again.

        Raises HubUnreachable, also when no event comes for that long.
        """
        ...


@dataclass(frozen=True)
class EventHubsInspector:
    """Asks Event Hubs itself; a new client per question, because questions are rare.

    Partitions heard of before are asked about beside their hub and not after it: connecting is what takes the time.
    The identity is one for all questions, because it keeps its token; a new one would have to fetch another each time.
    """

    settings: Settings
    _identity: "Identity" = field(init=False, repr=False, compare=False)
    _heard_of: dict[str, list[str]] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_identity", Identity(self.settings.eventhubs_client_id or None))

    def created_at(self, hub: str) -> datetime:
        async def ask(client: "EventHubConsumerClient") -> datetime:
            return _created(await client.get_eventhub_properties())

        return self._ask(hub, ask)

    def partitions(self, hub: str) -> list[PartitionState]:
        return list(self._ask(hub, self._describe).partitions)

    def describe(self, hubs: Sequence[str], seconds_max: float) -> Mapping[str, HubState | None]:
        async def ask() -> list[HubState | BaseException]:
            asked = (self._question(hub, self._describe, seconds_max) for hub in hubs)
            return await asyncio.gather(*asked, return_exceptions=True)

        _import_sdk()
        answers = dict(zip(hubs, asyncio.run(ask()), strict=True))
        for answer in answers.values():
            if isinstance(answer, BaseException) and not isinstance(answer, HubUnreachable):
                raise answer
        return {hub: each if isinstance(each, HubState) else None for hub, each in answers.items()}

    @contextmanager
    def read(
        self, hub: str, partition_id: str, first: int, seconds_max: float
    ) -> Iterator[Iterator[list[HubEvent]]]:
        with _answering(hub):
            client = self._client(hub, self.settings.event_replay_consumer_group)
            reading = Reading(client, partition_id, first, seconds_max)
        try:
            yield _guarded(hub, reading)
        finally:
            reading.close()

    def _ask(self, hub: str, ask: "Callable[[EventHubConsumerClient], Awaitable[_Told]]") -> _Told:
        _import_sdk()
        return asyncio.run(self._question(hub, ask, ANSWER_SECONDS_MAX))

    async def _question(
        self, hub: str, ask: "Callable[[EventHubConsumerClient], Awaitable[_Told]]", seconds_max: float
    ) -> _Told:
        with _answering(hub):
            async with (
                asyncio.timeout(seconds_max),
                self._client(hub, self.settings.event_consumer_group) as client,
            ):
                return await ask(client)

    async def _describe(self, client: "EventHubConsumerClient") -> HubState:
        name = client.eventhub_name
        supposed = {each: _ask_partition(client, each) for each in self._heard_of.get(name, ())}
        hub, *told = await asyncio.gather(client.get_eventhub_properties(), *supposed.values())
        answers = dict(zip(supposed, told, strict=True))
        self._heard_of[name] = list(hub["partition_ids"])
        new = [each for each in hub["partition_ids"] if answers.get(each) is None]
        answers |= zip(new, await asyncio.gather(*map(client.get_partition_properties, new)), strict=True)
        return HubState(_created(hub), [_state(answers[each]) for each in hub["partition_ids"]])

    def _client(self, hub: str, group: str) -> "EventHubConsumerClient":
        from azure.eventhub.aio import EventHubConsumerClient

        options: dict[str, Any] = {
            "retry_total": RETRIES,
            "retry_backoff_factor": RETRY_SECONDS,
            # One for all connections of a client: reading the certificates takes as long as the rest of its work.
            "ssl_context": ssl.create_default_context(),
        }
        s = self.settings
        if s.eventhubs_connection:
            return EventHubConsumerClient.from_connection_string(
                s.eventhubs_connection, group, eventhub_name=hub, **options
            )
        return EventHubConsumerClient(s.eventhubs_namespace, hub, group, self._identity, **options)


class Identity:
    """The instance's identity for asynchronous clients; the SDK's own asynchronous one needs another HTTP client.

    It is made when the first token is asked for, and lives as long as the process: a client that closes leaves it open.
    """

    def __init__(self, client_id: str | None) -> None:
        self._client_id = client_id
        self._making = Lock()
        self._credential: DefaultAzureCredential | None = None

    async def get_token(self, *scopes: str, **options: Any) -> Any:
        return await asyncio.to_thread(self._token, *scopes, **options)

    def _token(self, *scopes: str, **options: Any) -> Any:
        from azure.identity import DefaultAzureCredential

        with self._making:
            if self._credential is None:
                self._credential = DefaultAzureCredential(managed_identity_client_id=self._client_id)
        return self._credential.get_token(*scopes, **options)

    async def close(self) -> None:
        """Nothing: other clients go on with it."""

    async def __aenter__(self) -> "Identity":
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()


async def _ask_partition(client: "EventHubConsumerClient", partition_id: str) -> dict[str, Any] | None:
    """What is told of a partition the hub may not have any more; None where it says no."""
    from azure.eventhub.exceptions import EventHubError

    try:
        return dict(await client.get_partition_properties(partition_id))
    except EventHubError:
        return None


def _import_sdk() -> None:
    """So that the first import of a process does not count against the time of its first question."""
    import azure.eventhub.aio  # noqa: F401


@contextmanager
def _answering(hub: str) -> Iterator[None]:
    from azure.core.exceptions import AzureError
    from azure.eventhub.exceptions import EventHubError

    try:
        yield
    except TimeoutError as error:
        raise HubUnreachable(f"hub {hub}: no answer in time") from error
    except (EventHubError, AzureError, OSError, ValueError) as error:
        raise HubUnreachable(f"hub {hub}: {' '.join(str(error).split())}") from error


def _guarded(hub: str, reading: Reading) -> Iterator[list[HubEvent]]:
    while True:
        with _answering(hub):
            batch = reading.next_batch()
        yield batch


def _created(properties: dict[str, Any]) -> datetime:
    created: datetime = properties["created_at"]
    return _aware(created)


def _state(properties: dict[str, Any]) -> PartitionState:
    empty = bool(properties["is_empty"])
    first, last = (int(properties[f"{each}_sequence_number"]) for each in ("beginning", "last_enqueued"))
    last_time = properties["last_enqueued_time_utc"]
    return PartitionState(
        partition_id=str(properties["id"]),
        first_sequence_number=None if empty else first,
        last_sequence_number=None if empty else last,
        last_enqueued_at=_aware(last_time) if isinstance(last_time, datetime) and not empty else None,
        next_sequence_number=last + 1 if last >= 0 else None,
    )


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

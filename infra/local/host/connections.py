"""How an event hub trigger's connection setting becomes an SDK client."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlparse

from azure.eventhub import parse_connection_string
from azure.eventhub.aio import EventHubConsumerClient

from infra.local.host.errors import StartError


@dataclass(frozen=True)
class EventHubsConnection:
    """Either a connection string or a fully qualified namespace used with the default Azure identity."""

    namespace: str
    connection_string: str | None = field(default=None, repr=False)

    def open_consumer(self, hub: str, group: str) -> EventHubConsumerClient:
        """A client that reports a failure at once: the host has its own back-off and log lines."""
        options: dict[str, Any] = {"consumer_group": group, "eventhub_name": hub, "retry_total": 0}
        if self.connection_string is not None:
            return EventHubConsumerClient.from_connection_string(self.connection_string, **options)
        from azure.identity.aio import DefaultAzureCredential

        return EventHubConsumerClient(self.namespace, credential=DefaultAzureCredential(), **options)


def resolve_connection(name: str, owner: str, environment: Mapping[str, str]) -> EventHubsConnection:
    """The connection a trigger names: `<name>` or `<name>__fullyQualifiedNamespace`.

    Raises StartError when neither setting exists or the connection string is not one the SDK takes.
    """
    text = environment.get(name, "")
    namespace = environment.get(f"{name}__fullyQualifiedNamespace", "")
    if not text and not namespace:
        raise StartError(
            f"{owner} needs the connection setting {name} (a connection string) "
            f"or {name}__fullyQualifiedNamespace; add one of them."
        )
    if not text:
        return EventHubsConnection(namespace)
    try:
        host = urlparse(parse_connection_string(text).endpoint).hostname
    except ValueError as error:
        raise StartError(
            f"The connection setting {name} is not an Event Hubs connection string: {error}"
        ) from error
    if not host:
        raise StartError(f"The connection setting {name} has an Endpoint that names no host.")
    return EventHubsConnection(host, text)

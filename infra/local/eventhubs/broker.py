"""What all connections share: the hubs, the keys and the fault switches."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from infra.local.eventhubs.errors import AmqpError, Condition
from infra.local.eventhubs.hubs import Hub, Namespace


@dataclass(slots=True)
class Faults:
    """Switches for tests. All are off at start and are not kept over a restart."""

    paused_hubs: set[str] = field(default_factory=set)
    management_refused: bool = False
    writes_refused: bool = False


@dataclass(frozen=True, slots=True)
class Broker:
    """The part of the server that outlives a connection."""

    namespace: Namespace
    keys: Mapping[str, str] | None = None
    faults: Faults = field(default_factory=Faults)

    def delivers(self, hub: Hub) -> bool:
        return hub.name.lower() not in self.faults.paused_hubs

    def pause(self, hub_name: str) -> None:
        """Stops delivery from a hub; publishing goes on. Raises AmqpError (not-found)."""
        self.faults.paused_hubs.add(self.namespace.hub(hub_name).name.lower())

    def resume(self, hub_name: str) -> None:
        """Delivers again, from where each receiver was. Raises AmqpError (not-found)."""
        hub = self.namespace.hub(hub_name)
        self.faults.paused_hubs.discard(hub.name.lower())
        for partition in hub.partitions:
            partition.readers.pump()

    def check_writes(self) -> None:
        """Raises AmqpError while the switch is on."""
        if self.faults.writes_refused:
            raise AmqpError(Condition.RESOURCE_LIMIT, "Publishing is refused by a fault switch.")

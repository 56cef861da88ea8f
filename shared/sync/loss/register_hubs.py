"""Keep which hub stands behind each name: its creation time tells one generation from the next."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from shared.alerts.store import insert_outbox
from shared.sync.loss import store
from shared.sync.loss.errors import GenerationChanged
from shared.sync.loss.look import HubStates


def register_hub(connection: Connection, hub: str, created_at: datetime, now: datetime) -> int:
    """The generation of a hub that says it was created then, the present one from now on; a change raises an alert."""
    before = store.fetch_current_generation(connection, hub)
    if before is not None and before.hub_created_at == created_at:
        return before.generation
    after = store.Generation(store.insert_generation(connection, hub, created_at, now), created_at)
    if before is not None and before.generation != after.generation:
        _tell(connection, hub, before, after, now)
    return after.generation


def register_hubs(
    connection: Connection, states: HubStates, known: Mapping[str, store.Generation | None], now: datetime
) -> dict[str, store.Generation | None]:
    """The present generation of each hub, as far as it is known. `known` is what it was before the hubs were asked.

    A hub that cannot be asked keeps the generation it had. So does one whose generation a stream registered meanwhile:
    its answer may be older than that, and the next look asks again.
    """
    found = {}
    for hub, state in sorted(states.items()):
        store.lock_hub(connection, hub)
        if state is not None and store.fetch_current_generation(connection, hub) == known[hub]:
            register_hub(connection, hub, state.created_at, now)
        found[hub] = store.fetch_current_generation(connection, hub)
    return found


def _tell(
    connection: Connection, hub: str, before: store.Generation, after: store.Generation, now: datetime
) -> None:
    payload = {
        "code": GenerationChanged.code,
        "hub": hub,
        "generation_before": before.generation,
        "hub_created_at_before": before.hub_created_at,
        "generation": after.generation,
        "hub_created_at": after.hub_created_at,
        "came_back": after.generation < before.generation,
        "at": now,
    }
    key = f"{GenerationChanged.code}:{hub}:{before.generation}:{after.generation}:{int(now.timestamp())}"
    insert_outbox(connection, "ALERT", key, payload, now)

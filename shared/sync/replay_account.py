"""What a range replay is to read and what became of it, per partition, rehearsed or not."""

from collections import Counter

from sqlalchemy import Connection

from shared.adapters.event_hubs import HubUnreachable
from shared.settings import Settings
from shared.sync.loss import store
from shared.sync.loss.look import HubStates, present
from shared.sync.loss.model import Ranges, Replayed, Wish, without
from shared.sync.loss.plan_replay import Plan, plan_replay

HUBS_SECONDS_MAX = 15.0


def plans_of(connection: Connection, settings: Settings, wish: Wish, states: HubStates) -> list[Plan]:
    """What is to be read, by what we hold and what the hubs say. Raises HubUnreachable and ReplayRefused."""
    refuse_unknown(states)
    group = settings.event_consumer_group
    standings = present(settings, store.list_standings(connection, group))
    return plan_replay(wish, standings, store.list_gaps(connection, group), states)


def refuse_unknown(states: HubStates) -> None:
    """Raises HubUnreachable for a hub that did not say what it holds."""
    if unknown := sorted(hub for hub, state in states.items() if state is None):
        raise HubUnreachable(f"hub {', '.join(unknown)}: no answer")


def account_of(plan: Plan, counts: Counter[str], received: Ranges) -> Replayed:
    """A partition's part, once so much was received of it."""
    standing = plan.standing
    place = (standing.stream, standing.hub, standing.partition_id)
    missing, unread = without(plan.wanted, received), without(plan.unread, received)
    return Replayed(*place, plan.wanted, plan.expired, dict(counts), missing, unread)

"""What a range replay would read at this moment; nothing is changed."""

from collections import Counter

from shared.runtime import Runtime
from shared.spine.all_sites import require_all_sites
from shared.spine.model import Context
from shared.spine.reads import recorded_read
from shared.sync.loss.look import ask_hubs
from shared.sync.loss.model import Replayed, Wish
from shared.sync.replay_account import HUBS_SECONDS_MAX, account_of, plans_of


def foresee_replay(runtime: Runtime, context: Context, wish: Wish) -> list[Replayed]:
    """One account per partition. Raises NotAllowed: a hub is of all sites; HubUnreachable and ReplayRefused."""
    states = ask_hubs(runtime, HUBS_SECONDS_MAX, wish.stream)
    with recorded_read(runtime, context) as reading:
        require_all_sites(context)
        plans = plans_of(reading.connection, runtime.settings, wish, states)
        reading.count = len(plans)
    return [account_of(plan, Counter(), plan.standing.received) for plan in plans]

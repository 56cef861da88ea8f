"""Watch the sync: lag, freshness, gaps, stalls, silence, overdue pairs; once a minute, and harmless when run twice."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from shared.alerts.store import insert_outbox
from shared.pairing.store import OverdueSite, fetch_pair_summary, mark_overdue
from shared.runtime import Runtime
from shared.sync import store
from shared.sync.loss import store as loss
from shared.sync.loss.errors import PairsOverdue
from shared.sync.loss.find_gaps import find_gaps, oldest_missing
from shared.sync.loss.look import (
    HubStates,
    ask_hubs,
    believed,
    hub_names,
    partitions_of,
    states_by_stream,
)
from shared.sync.loss.register_hubs import register_hubs
from shared.sync.loss.watch_heads import UnreadTimes, read_unread_times, watch_heads
from shared.sync.loss.watch_sites import watch_sites
from shared.sync.measures import freshness, lag_seconds, lags
from shared.sync.report_watch import Watch, report_watch

EVIDENCE_MONTHS_AHEAD = 3
# The next watch comes in a minute; a hub that does not answer by then is unknown in this one.
HUBS_SECONDS_MAX = 10.0


def watch_sync(runtime: Runtime) -> Watch:
    """Ask the hubs, then look at everything in one transaction, raise what is to be told, and publish the gauges.

    Raises DatabaseUnavailable; a broker that does not answer makes unknown what it would have said and nothing else.
    """
    now = runtime.clock.now()
    with runtime.database.reading() as connection:
        hubs = hub_names(runtime.settings).values()
        known = {hub: loss.fetch_current_generation(connection, hub) for hub in hubs}
    states = ask_hubs(runtime, HUBS_SECONDS_MAX)
    times = _unread_times(runtime, states, now)
    with runtime.database.transaction() as connection:
        present = register_hubs(connection, states, known, now)
        watch = _look(connection, runtime, believed(states, present), present, times, now)
    report_watch(runtime.telemetry, watch, now)
    return watch


def _unread_times(runtime: Runtime, states: HubStates, now: datetime) -> UnreadTimes:
    """A glance at the positions first: which event to ask for hangs on them."""
    group = runtime.settings.event_consumer_group
    with runtime.database.reading() as connection:
        standings = loss.list_standings(connection, group)
        heads = loss.list_heads(connection, group)
        missing = oldest_missing([record.gap for record in loss.list_gaps(connection, group)])
    # Of a hub nobody registered yet, the number is given below; its head is new then, whatever stands here.
    generations = {each.hub: each.generation for each in standings if each.is_current}
    partitions = partitions_of(runtime.settings, standings, states, generations, missing)
    return read_unread_times(runtime, partitions, heads, now)


def _look(
    connection: Connection,
    runtime: Runtime,
    states: HubStates,
    present: Mapping[str, loss.Generation | None],
    times: UnreadTimes,
    now: datetime,
) -> Watch:
    settings = runtime.settings
    group = settings.event_consumer_group
    store.ensure_evidence_partitions(connection, now, EVIDENCE_MONTHS_AHEAD)
    overdue = mark_overdue(connection, now)
    for site in overdue:
        _tell_overdue(connection, site, now)
    gaps = find_gaps(connection, group, states, now)
    generations = {hub: each.generation for hub, each in present.items() if each is not None}
    standings, missing = loss.list_standings(connection, group), oldest_missing(gaps.standing)
    partitions = partitions_of(settings, standings, states, generations, missing)
    positions = store.list_positions(connection, group)
    hubs = states_by_stream(settings, states)
    return Watch(
        hubs_unknown=sum(state is None for state in states.values()),
        lag_events=lags(hubs, positions),
        lag_seconds=lag_seconds(hubs, positions),
        freshness_seconds=freshness(positions, now),
        pairs=fetch_pair_summary(connection),
        overdue={site.site_id: site.pairs for site in overdue},
        gaps=gaps,
        heads=watch_heads(connection, settings, partitions, times, now),
        silent=watch_sites(connection, group, partitions, now),
    )


def _tell_overdue(connection: Connection, site: OverdueSite, now: datetime) -> None:
    window = int(now.timestamp()) // site.window_seconds
    payload = {"code": PairsOverdue.code, "site_id": site.site_id, "pairs": site.pairs, "at": now}
    insert_outbox(connection, "ALERT", f"{PairsOverdue.code}:{site.site_id}:{window}", payload, now)

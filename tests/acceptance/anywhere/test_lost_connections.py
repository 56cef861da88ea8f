"""The database ends our connections under load: batches are held and come again, and nothing is lost."""

import threading
import time
from datetime import date

from infra.local.sample import SampleReport, generate_exactly
from tests.support.acceptance import Target
from tests.support.acceptance_rows import check_rows
from tests.support.stack_processes import eventually

EVENTS = 3_000
CUTS_WANTED = 2
CUT_SECONDS = 0.1
# Sessions of the application's own role, which it may end itself.
_END_SESSIONS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = 'counterfoil' AND usename = current_user AND datname = current_database()
      AND pid <> pg_backend_pid() AND state <> 'idle'
"""


def test_no_event_is_lost_when_sessions_are_ended_under_load(target: Target) -> None:
    report = SampleReport()
    events = list(generate_exactly(7, EVENTS, date(2024, 3, 5), report=report))
    before = target.outcomes()
    publishing = threading.Thread(target=target.publish_sample, args=(events,))
    publishing.start()
    cuts = 0
    while cuts < CUTS_WANTED and target.outcomes().received < before.received + EVENTS:
        cuts += len(target.rows(_END_SESSIONS))
        time.sleep(CUT_SECONDS if cuts else 0)
    publishing.join()
    assert cuts > 0, "no session was at work while the events came"

    eventually(lambda: target.outcomes().received >= before.received + EVENTS, "every event is accounted for")
    after = target.outcomes()
    assert after.received == before.received + EVENTS
    assert after.dead_lettered == before.dead_lettered + report.dead_letters
    check_rows(target, events)

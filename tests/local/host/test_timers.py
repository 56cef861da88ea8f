"""Timer triggers: status, missed runs, startup runs, never two at once."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests.local.host.conftest import RecordingHost
from tests.support.functions_host import wait_until

HOUR = timedelta(hours=1)


def write_status(host: RecordingHost, last_updated: datetime, due: datetime) -> None:
    folder = host.data / "timers"
    folder.mkdir(parents=True)
    last = last_updated - HOUR
    status = {"Last": last.isoformat(), "Next": due.isoformat(), "LastUpdated": last_updated.isoformat()}
    (folder / "timer_yearly.json").write_text(json.dumps(status))


def test_a_missed_run_is_made_up_once(host: RecordingHost) -> None:
    new_year = datetime(datetime.now(UTC).year, 1, 1, tzinfo=UTC)
    write_status(host, last_updated=new_year - HOUR, due=new_year)
    host.start()
    (call,) = host.wait_for_call("timer_yearly")
    assert call["past_due"] is True
    assert call["schedule"] == {"AdjustForDST": True}
    assert call["status"]["Next"] == new_year.isoformat()
    wait_until(lambda: status_of(host)["Last"] > new_year.isoformat(), "the run is written down")
    assert status_of(host)["Next"] == new_year.replace(year=new_year.year + 1).isoformat()
    host.restart()
    # A second run for what was missed would have begun before this one.
    host.admin("POST", "functions/timer_yearly").raise_for_status()
    made_up, by_hand = host.wait_for_call("timer_yearly", 2)
    assert (made_up["past_due"], by_hand["past_due"]) == (True, False)


def test_nothing_is_missed_at_the_first_start_or_after_a_new_schedule(host: RecordingHost) -> None:
    hour_ago = datetime.now(UTC) - HOUR
    write_status(host, last_updated=hour_ago - HOUR, due=hour_ago)
    host.start()
    next_year = f"{datetime.now(UTC).year + 1}-01-01T00:00:00+00:00"
    wait_until(lambda: status_of(host)["Next"] == next_year, "the status of the new schedule")
    assert status_of(host)["Last"] == "0001-01-01T00:00:00+00:00"
    assert host.calls("timer_yearly") == []


def test_runs_never_overlap_and_outlive_their_exceptions(make_host: Callable[..., RecordingHost]) -> None:
    host = make_host(settings={"AzureWebJobs.timer_slow.Disabled": "false"})
    host.start()
    first, second = host.wait_for_call("timer_slow", 2)[:2]
    host.stop()
    assert first["ended"] <= second["started"]
    assert first["ended"] - first["started"] > 1.0
    assert not (host.data / "timers" / "timer_slow.json").exists()


def status_of(host: RecordingHost) -> dict[str, str]:
    file = host.data / "timers" / "timer_yearly.json"
    return dict(json.loads(file.read_text())) if file.exists() else {"Last": "", "Next": ""}

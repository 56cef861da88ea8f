"""Rate limits: the same decisions in memory and in Redis, a bound on memory, and what happens while Redis is gone."""

import json
import random
import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.adapters.rate_limits import REST_SECONDS, StoredRateLimits
from shared.adapters.rate_stores import WINDOW_SECONDS, MemoryWindows, RedisWindows, Verdict, Windows
from shared.errors.request import RateLimitUnavailable
from tests.support.redis import LocalRedis, local_redis
from tests.support.runtime import BASE_SETTINGS, StandingClock, settings_for

NOON = 1_795_435_200.0


class Moment:
    """A time that moves when it is told."""

    def __init__(self) -> None:
        self.seconds = NOON

    def __call__(self) -> float:
        return round(self.seconds, 3)


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRedis]:
    with local_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


def stored(clock: StandingClock, **settings: str) -> StoredRateLimits:
    return StoredRateLimits(settings_for(BASE_SETTINGS["DATABASE_URL"], **settings), clock)


def recorded_trace(seed: int, count: int) -> list[tuple[float, str, int, bool]]:
    """Requests as a day brings them: seconds since the last, who, the limit, and whether it is only a look."""
    chance = random.Random(seed)
    limits = {name: chance.choice([1, 2, 5, 20]) for name in "abcdef"}
    trace = []
    for _ in range(count):
        pause = chance.choice([0, 0, 0, 0.001, 0.5, 3, 20, WINDOW_SECONDS, WINDOW_SECONDS + 0.5, 200])
        name = chance.choice("abcdef")
        trace.append((pause if chance.random() < 0.3 else 0.1, name, limits[name], chance.random() < 0.1))
    return trace


def decisions(windows: Windows, moment: Moment, trace: list[tuple[float, str, int, bool]]) -> list[Verdict]:
    found = []
    for pause, name, limit, look in trace:
        moment.seconds += pause
        found.append(windows.ask(name, limit, spend=not look))
    return found


@pytest.mark.parametrize("seed", range(3))
def test_memory_and_redis_decide_the_same(redis: LocalRedis, seed: int, tmp_path: Path) -> None:
    """One trace, written down and read again, gives the same answers, verdict by verdict."""
    file = tmp_path / "trace.json"
    file.write_text(json.dumps(recorded_trace(seed, 1500)))
    trace = [tuple(each) for each in json.loads(file.read_text())]
    here, there = Moment(), Moment()
    there.seconds = here.seconds = NOON + seed * 1_000_000
    memory = decisions(Windows(MemoryWindows(here), here), here, trace)
    shared = decisions(Windows(RedisWindows(redis.url, there), there), there, trace)
    assert memory == shared
    assert {each.allowed for each in memory} == {True, False}


@pytest.mark.parametrize("kind", ["memory", "redis"])
def test_a_window_slides(kind: str, redis: LocalRedis) -> None:
    moment = Moment()
    moment.seconds += 50_000_000
    store = MemoryWindows(moment) if kind == "memory" else RedisWindows(redis.url, moment)
    windows = Windows(store, moment)
    assert [windows.ask("a", 3, spend=True).allowed for _ in range(4)] == [True, True, True, False]
    moment.seconds += WINDOW_SECONDS - 10
    refused = windows.ask("a", 3, spend=True)
    assert (refused.allowed, refused.remaining, refused.reset_seconds) == (False, 0, 10)
    # A refused request is not counted: who waits as long as he is told gets in.
    moment.seconds += 10.5
    assert windows.ask("a", 3, spend=True) == Verdict(True, 3, 2, WINDOW_SECONDS)
    assert windows.ask("b", 3, spend=False) == Verdict(True, 3, 3, 0)


def test_looking_costs_nothing() -> None:
    moment = Moment()
    windows = Windows(MemoryWindows(moment), moment)
    assert all(windows.ask("a", 1, spend=False).allowed for _ in range(5))
    assert windows.ask("a", 1, spend=True).allowed
    assert not windows.ask("a", 1, spend=False).allowed


def test_many_at_once_get_no_more_than_the_limit(redis: LocalRedis) -> None:
    moment = Moment()
    moment.seconds += 90_000_000
    for store in (MemoryWindows(moment), RedisWindows(redis.url, moment)):
        windows = Windows(store, moment)
        with ThreadPoolExecutor(8) as pool:
            verdicts = list(pool.map(lambda _: windows.ask("race", 50, spend=True), range(160)))  # noqa: B023
        assert sum(each.allowed for each in verdicts) == 50


def bytes_taken() -> int:
    """The memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_a_million_identities_take_a_bounded_memory() -> None:
    """And who is seen often is still limited after them."""
    moment = Moment()
    store = MemoryWindows(moment, events_max=20_000)
    taken, allowed = [], 0
    for number in range(1_000_000):
        store.acquire_entry(f"address-{number}", 300, WINDOW_SECONDS)
        if number % 100 == 0:
            allowed += store.acquire_entry("often", 300, WINDOW_SECONDS)
        if number % 100_000 == 0:
            taken.append(bytes_taken())
    assert store.events <= 20_000
    assert store.get("often") == allowed == 300
    assert max(taken) - taken[0] < 32 * 1024 * 1024


def test_what_left_its_window_is_forgotten() -> None:
    moment = Moment()
    store = MemoryWindows(moment)
    for number in range(1000):
        store.acquire_entry(f"a{number}", 5, WINDOW_SECONDS)
    moment.seconds += WINDOW_SECONDS + 1
    store.acquire_entry("b", 5, WINDOW_SECONDS)
    assert store.events == 1


@pytest.mark.parametrize(
    ("mode", "reading", "writing"),
    [("mixed", True, False), ("open", True, True), ("closed", False, False)],
)
def test_while_redis_is_gone_the_mode_decides(mode: str, reading: bool, writing: bool) -> None:
    limits = stored(StandingClock(), RATE_LIMIT_REDIS_URL="redis://127.0.0.1:1/0", RATE_LIMIT_FAIL_MODE=mode)
    for kind, answered in ((False, reading), (True, writing)):
        if answered:
            seen = [limits.spend(f"a{kind}", 2, writing=kind).allowed for _ in range(3)]
            assert seen == [True, True, False]
        else:
            with pytest.raises(RateLimitUnavailable):
                limits.spend("a", 2, writing=kind)


def test_redis_may_go_and_come_back(tmp_path: Path) -> None:
    clock = StandingClock()
    with local_redis(tmp_path) as server:
        limits = stored(clock, RATE_LIMIT_STORE="redis", RATE_LIMIT_REDIS_URL=server.url)
        assert [limits.spend("a", 2, writing=True).allowed for _ in range(3)] == [True, True, False]
        server.kill()
        with pytest.raises(RateLimitUnavailable):
            limits.spend("a", 2, writing=True)
        # Counted in this process, which has seen nobody yet.
        assert [limits.spend("a", 2, writing=False).allowed for _ in range(3)] == [True, True, False]
        server.start()
        with pytest.raises(RateLimitUnavailable):
            limits.spend("a", 2, writing=True)
        clock.move(seconds=REST_SECONDS * 2)
        assert [limits.spend("a", 2, writing=True).allowed for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(("store", "shared"), [("auto", True), ("redis", True), ("memory", False)])
def test_the_setting_chooses_the_store(redis: LocalRedis, store: str, shared: bool) -> None:
    """Two instances count together in Redis, each alone in memory."""
    clock = StandingClock()
    pair = [stored(clock, RATE_LIMIT_STORE=store, RATE_LIMIT_REDIS_URL=redis.url) for _ in range(2)]
    key = f"instances-{store}"
    assert pair[0].spend(key, 1, writing=True).allowed
    assert pair[1].spend(key, 1, writing=True).allowed is not shared


def test_keys_in_redis_name_nobody(redis: LocalRedis) -> None:
    moment = Moment()
    store = RedisWindows(redis.url, moment)
    Windows(store, moment).ask("principal:read:somebody@example.com", 5, spend=True)
    keys = store.storage.keys("counterfoil:*")
    assert keys
    assert not any(b"somebody" in key or b"example" in key for key in keys)

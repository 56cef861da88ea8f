"""The plan is a function of the seed and the options, and of nothing else."""

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from infra.local.simulate.plan import (
    FIRST_SHARE,
    KINDS,
    LAST_SHARE,
    LOSE_TAIL,
    TAIL_SECONDS,
    KindUnknown,
    Options,
    Target,
    chosen_kinds,
    make_plan,
)

ROOT = Path(__file__).resolve().parents[3]
SEEDS = range(40)


def planned_elsewhere(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The plan a process of its own prints."""
    command = [sys.executable, "-m", "infra.local.simulate", "--plan", "--json", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def test_a_seed_gives_one_plan_here_and_in_another_process() -> None:
    told = planned_elsewhere("--seed", "41", "--minutes", "3", "--faults", "kill,cut")
    mine = make_plan(41, Options(minutes=3, kinds=chosen_kinds("kill,cut")))
    assert json.loads(told.stdout) == json.loads(json.dumps(mine.document()))
    assert make_plan(41, Options()) == make_plan(41, Options())


def test_seeds_differ() -> None:
    assert len({make_plan(seed, Options()).faults for seed in SEEDS}) == len(SEEDS)


@pytest.mark.parametrize("seed", SEEDS)
def test_faults_stand_in_order_inside_the_run_and_last_as_their_kind_says(seed: int) -> None:
    plan = make_plan(seed, Options(minutes=2))
    places = [fault.after_events for fault in plan.faults]
    assert places == sorted(places)
    assert int(plan.events * FIRST_SHARE) <= places[0]
    assert places[-2] <= plan.events * LAST_SHARE <= places[-1] < plan.events
    assert [fault.number for fault in plan.faults] == list(range(1, len(plan.faults) + 1))
    lasts = {kind.name: kind.lasts for kind in KINDS}
    for fault in plan.faults:
        low, high = lasts[fault.kind]
        assert low <= fault.lasts_seconds <= high


def test_every_kind_comes_before_any_comes_again() -> None:
    plan = make_plan(5, Options(minutes=10))
    dealt = [fault.kind for fault in plan.faults if fault.kind != LOSE_TAIL]
    names = {kind.name for kind in KINDS} - {LOSE_TAIL}
    assert len(dealt) > 3 * len(names)
    for start in range(0, len(dealt) - len(names), len(names)):
        assert set(dealt[start : start + len(names)]) == names


def test_a_longer_run_has_more_faults_as_dense_as_before() -> None:
    short, long = (make_plan(1, Options(minutes=minutes)) for minutes in (1, 8))
    assert len(long.faults) == 8 * len(short.faults)
    assert long.events == 8 * short.events
    gaps = [b.after_events - a.after_events for a, b in pairwise(long.faults) if b.kind != LOSE_TAIL]
    assert max(gaps) < 3 * long.events / len(long.faults)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("kill", ("kill-host", "kill-hubs", "kill-database")),
        ("kill-host, cut", ("kill-host", "cut")),
        ("cut,cut", ("cut",)),
        ("lose", ("lose", "lose-tail")),
        ("lose-tail", ("lose-tail",)),
        ("none", ()),
        ("", ()),
    ],
)
def test_kinds_are_chosen_by_name_or_by_their_first_part(text: str, names: tuple[str, ...]) -> None:
    assert chosen_kinds(text) == names


def test_only_chosen_kinds_are_planned_and_none_means_none() -> None:
    plan = make_plan(1, Options(kinds=("cut", "poison")))
    assert {fault.kind for fault in plan.faults} == {"cut", "poison"}
    assert {fault.kind for fault in plan.of(Target.EVENTS)} == {"poison"}
    assert make_plan(1, Options(kinds=())).faults == ()


@pytest.mark.parametrize("seed", SEEDS)
def test_the_tail_is_lost_once_and_last_and_near_the_end(seed: int) -> None:
    plan = make_plan(seed, Options(minutes=1, kinds=chosen_kinds("lose,cut")))
    assert [fault.kind for fault in plan.faults].index(LOSE_TAIL) == len(plan.faults) - 1
    assert plan.events - plan.faults[-1].after_events == TAIL_SECONDS * plan.rate


def test_a_tail_alone_is_the_only_fault_and_beside_others_takes_the_place_of_one() -> None:
    alone = make_plan(3, Options(kinds=(LOSE_TAIL,)))
    assert [fault.kind for fault in alone.faults] == [LOSE_TAIL]
    both = make_plan(3, Options(minutes=2, kinds=("lose", "cut", LOSE_TAIL)))
    assert {fault.kind for fault in both.faults} == {"lose", "cut", LOSE_TAIL}
    without = make_plan(3, Options(minutes=2, kinds=("lose", "cut")))
    assert len(without.faults) == len(both.faults)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(KindUnknown):
        chosen_kinds("cut,kil")


def test_every_option_changes_the_plan() -> None:
    usual = make_plan(1, Options())
    others = (Options(minutes=3.0), Options(rate=50), Options(orders=7), Options(kinds=("cut",)))
    assert all(make_plan(1, other) != usual for other in others)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--minutes", "0"),
        ("--minutes", "soon"),
        ("--rate", "-1"),
        ("--orders", "0"),
        ("--faults", "meteor"),
        ("--seed", "x"),
    ],
)
def test_what_cannot_be_planned_ends_with_the_status_for_that(arguments: tuple[str, str]) -> None:
    assert planned_elsewhere(*arguments).returncode == 2

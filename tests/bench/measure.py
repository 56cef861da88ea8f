"""How a figure is measured: pinned, interleaved, in rounds, as the median of the ratios to a reference beside it."""

import gc
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from functions.edge.collector import quiet_collector

WARM_UP_ROUNDS = 2
GOOD_ROUNDS_MIN = 5
# A round in which other processes used more than this share of a core is thrown away.
OTHERS_CORES_MAX = 0.5
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Figure:
    """What is measured against what. A ratio is a share of the reference's rate, or a multiple of its time."""

    name: str
    what: str
    reference: str
    floor: float
    goal: float
    # True where a greater ratio is better (rates), False where a smaller one is (times).
    greater_is_better: bool = True

    def meets(self, ratio: float, bound: float) -> bool:
        return ratio >= bound if self.greater_is_better else ratio <= bound


@dataclass(frozen=True)
class Round:
    """One good round: both sides' values in the same unit, and how busy others were."""

    ours: float
    reference: float
    others_cores: float

    @property
    def ratio(self) -> float:
        return self.ours / self.reference


@dataclass
class Measured:
    """A figure with its rounds; too few good ones leave it not measured."""

    figure: Figure
    unit: str
    rounds: list[Round] = field(default_factory=list)
    discarded: int = 0
    notes: dict[str, object] = field(default_factory=dict)

    @property
    def is_measured(self) -> bool:
        return len(self.rounds) >= GOOD_ROUNDS_MIN

    @property
    def ratio(self) -> float:
        return statistics.median(r.ratio for r in self.rounds)

    @property
    def verdict(self) -> str:
        """goal, floor, missed, or not measured."""
        if not self.is_measured:
            return "not measured"
        if self.figure.meets(self.ratio, self.figure.goal):
            return "goal"
        return "floor" if self.figure.meets(self.ratio, self.figure.floor) else "missed"

    def document(self) -> dict[str, object]:
        """As it is written to the JSON file."""
        ratios = [r.ratio for r in self.rounds] or [float("nan")]
        return {
            "figure": self.figure.name,
            "what": self.figure.what,
            "reference": self.figure.reference,
            "floor": self.figure.floor,
            "goal": self.figure.goal,
            "greater_is_better": self.figure.greater_is_better,
            "verdict": self.verdict,
            "ratio_median": statistics.median(ratios) if self.rounds else None,
            "ratio_min": min(ratios) if self.rounds else None,
            "ratio_max": max(ratios) if self.rounds else None,
            "ours_median": statistics.median(r.ours for r in self.rounds) if self.rounds else None,
            "reference_median": statistics.median(r.reference for r in self.rounds) if self.rounds else None,
            "unit": self.unit,
            "rounds": len(self.rounds),
            "discarded": self.discarded,
            **self.notes,
        }


@dataclass(frozen=True)
class Plan:
    """How many rounds are wanted, and whether busy neighbours spoil one (a quick look does not care)."""

    rounds: int
    strict: bool = True
    warm_up: int = WARM_UP_ROUNDS

    @property
    def attempts_max(self) -> int:
        return self.warm_up + 4 * self.rounds


def run_rounds(
    measured: Measured,
    plan: Plan,
    one_round: Callable[[int], tuple[float, float]],
    own_processes: Callable[[], float],
    on_round: Callable[[], None],
) -> Measured:
    """Repeat until enough good rounds are there; the first ones warm up and do not count."""
    # The prepared events would be looked at by every collection; an instance does not hold a day of them.
    # The rest is as in an instance.
    gc.collect()
    quiet_collector()
    for attempt in range(plan.attempts_max):
        if len(measured.rounds) >= plan.rounds:
            break
        load = Load.now(own_processes)
        ours, reference = one_round(attempt)
        others = load.others_since(own_processes)
        if attempt < plan.warm_up:
            continue
        if plan.strict and others > OTHERS_CORES_MAX:
            measured.discarded += 1
            continue
        measured.rounds.append(Round(ours, reference, others))
        on_round()
    return measured


@dataclass(frozen=True)
class Load:
    """CPU seconds used so far on the whole machine and by ourselves."""

    at: float
    machine: float
    own: float

    @classmethod
    def now(cls, own_processes: Callable[[], float]) -> "Load":
        return cls(time.perf_counter(), machine_cpu_seconds(), own_processes())

    def others_since(self, own_processes: Callable[[], float]) -> float:
        """Cores used by others since then."""
        now = Load.now(own_processes)
        used = (now.machine - self.machine) - (now.own - self.own)
        return max(0.0, used / max(now.at - self.at, 1e-9))


def machine_cpu_seconds() -> float:
    """User, nice, system, irq and softirq time of all cores since boot; idle, waiting and stolen time are not use."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    user, nice, system, _idle, _iowait, irq, softirq = map(int, fields[:7])
    return (user + nice + system + irq + softirq) / TICKS_PER_SECOND


def process_cpu_seconds(pids: set[int]) -> float:
    """CPU time of these processes, ended children of theirs included."""
    total = 0
    for pid in pids:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            continue
        total += sum(map(int, stat.rsplit(")", 1)[1].split()[11:15]))
    return total / TICKS_PER_SECOND


def family_of(pid: int) -> set[int]:
    """A process and its descendants."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            rest = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        children.setdefault(int(rest[1]), []).append(int(stat.parent.name))
    found, waiting = {pid}, [pid]
    while waiting:
        more = children.get(waiting.pop(), [])
        found.update(more)
        waiting += more
    return found


@contextmanager
def pinned(*pids: int) -> Iterator[int | None]:
    """This process and the given ones on one core; the core, or None where the system does not allow it."""
    before = os.sched_getaffinity(0)
    core = max(before)
    try:
        for pid in (0, *pids):
            os.sched_setaffinity(pid, {core})
    except (PermissionError, ProcessLookupError):
        core = -1
    try:
        yield core if core >= 0 else None
    finally:
        os.sched_setaffinity(0, before)

"""Simulated time, processes and chance: one seed decides every interleaving and every fault.

An activity is a generator. What it yields is how long its next step takes, in microseconds: a positive number cannot
be cut short, a negative one is idle waiting that `wake` ends, and CHECK is a point at which its process may die or
freeze but nobody else gets a turn. Between two yields nothing happens to anybody.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from random import Random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    Steps = Generator[int, None, None]

CHECK: Final = 0
MS: Final = 1_000
SECOND: Final = 1_000_000
EPOCH: Final = datetime(2026, 3, 5, 10, 15, tzinfo=UTC)


@dataclass(slots=True)
class Faults:
    """What may go wrong in one schedule, drawn from its seed. Probabilities are per opportunity."""

    crashes: frozenset[int] = frozenset()
    """Numbers of steps at which the process at work is killed; below zero, numbers of CHECK points."""
    freezes: frozenset[int] = frozenset()
    """The same, for stopping it past its lease and letting it go on."""
    commit_unknown: float = 0.0
    produce_fails: float = 0.0
    produce_ambiguous: float = 0.0
    fetch_odd: float = 0.0
    late: float = 0.0
    processors: float = 0.0
    restarts: frozenset[int] = frozenset()
    """Numbers of steps at which PostgreSQL is restarted: every open transaction is lost."""

    @classmethod
    def draw(cls, rng: Random) -> Faults:
        def steps(most: int) -> frozenset[int]:
            return frozenset(
                rng.randrange(1, 260) if rng.random() < 0.5 else -rng.randrange(1, 60)
                for _ in range(rng.randrange(most + 1))
            )

        def chance(highest: float) -> float:
            return highest * rng.random() if rng.random() < 0.5 else 0.0

        return cls(
            steps(4),
            steps(2),
            chance(0.5),
            chance(0.3),
            chance(0.3),
            chance(0.5),
            chance(0.5),
            chance(0.5),
            steps(1) if rng.random() < 0.2 else frozenset(),
        )


class Activity:
    """One generator of one process."""

    __slots__ = ("idle", "process", "steps", "token")

    def __init__(self, process: Process, steps: Steps) -> None:
        self.process = process
        self.steps = steps
        self.token = 0
        self.idle = False


class Process:
    """What dies and freezes together: one instance of one service. `instance` is new at every start."""

    def __init__(self, world: World, name: str, begin: Callable[[Process], None]) -> None:
        self.world = world
        self.name = name
        self.begin = begin
        self.instance = 0
        self.alive = False
        self.frozen_until = 0
        self.mortal = True
        self.activities: list[Activity] = []
        self.on_death: list[Callable[[], None]] = []

    def start(self) -> None:
        self.instance = self.world.instances = self.world.instances + 1
        self.world.living[self.instance] = self
        self.alive = True
        self.frozen_until = 0
        self.activities = []
        self.on_death = []
        self.begin(self)

    def spawn(self, steps: Steps) -> Activity:
        activity = Activity(self, steps)
        self.activities.append(activity)
        self.world.push(activity, self.world.rng.randrange(1, 2 * MS))
        return activity

    def kill(self) -> None:
        """As kill -9: whatever was open is gone, whatever was committed stays."""
        self.alive = False
        del self.world.living[self.instance]
        for activity in self.activities:
            activity.token = -1
            activity.idle = False
        for died in self.on_death:
            died()


@dataclass(slots=True)
class World:
    """One schedule. `mutant`: the one mistake that is switched on, or the empty text."""

    seed: int
    mutant: str = ""
    now: int = 0
    step: int = 0
    checks: int = 0
    """CHECK points so far, counted downwards."""
    instances: int = 0
    healed: bool = False
    faults: Faults = field(default_factory=Faults)
    living: dict[int, Process] = field(default_factory=dict)
    processes: list[Process] = field(default_factory=list)
    databases: list[Callable[[], None]] = field(default_factory=list)
    trace: list[str] | None = None
    struck: Counter[str] = field(default_factory=Counter)
    """What went wrong, how often."""
    rng: Random = field(init=False)
    _heap: list[tuple[int, int, int, Activity]] = field(default_factory=list)
    _pushed: int = 0

    def __post_init__(self) -> None:
        self.rng = Random(self.seed)
        self.faults = Faults.draw(self.rng)

    @property
    def at(self) -> datetime:
        """The clock of the database."""
        return self.instant(self.now)

    def instant(self, micros: int) -> datetime:
        return EPOCH + timedelta(microseconds=micros)

    def micros(self, at: datetime) -> int:
        return (at - EPOCH) // timedelta(microseconds=1)

    def process(self, name: str, begin: Callable[[Process], None], *, mortal: bool = True) -> Process:
        process = Process(self, name, begin)
        process.mortal = mortal
        self.processes.append(process)
        process.start()
        return process

    def push(self, activity: Activity, delay: int) -> None:
        self._pushed += 1
        heappush(self._heap, (self.now + delay, self._pushed, activity.token, activity))

    def wake(self, activity: Activity | None) -> None:
        """End its idle waiting, if it is waiting idly."""
        if activity is not None and activity.idle:
            activity.idle = False
            activity.token += 1
            self.push(activity, 1 + int(self.rng.random() * 300))

    def short(self) -> int:
        """The duration of a step that talks to something."""
        return 50 + int(self.rng.random() * 1500)

    def happens(self, chance: float, what: str) -> bool:
        """Whether `what` goes wrong this time."""
        if chance <= 0.0 or self.healed or self.rng.random() >= chance:
            return False
        self.struck[what] += 1
        return True

    def tell(self, text: str) -> None:
        if self.trace is not None:
            self.trace.append(f"{self.now / 1000:10.3f} ms  {text}")

    def run(self, until: Callable[[World], bool], limit: int) -> None:
        """Step until `until` (asked now and then once the faults are over) or simulated time `limit`."""
        heap = self._heap
        while heap:
            when, _, token, activity = heappop(heap)
            if token != activity.token:
                continue
            if when > limit:
                self.now = limit
                return
            self.now = max(self.now, when)
            process = activity.process
            if process.frozen_until > self.now:
                self._pushed += 1
                heappush(heap, (process.frozen_until, self._pushed, token, activity))
                continue
            self._advance(activity)
            if self.healed and not self.step % 16 and until(self):
                return

    def _advance(self, activity: Activity) -> None:
        activity.idle = False
        process = activity.process
        for delay in activity.steps:
            self.step += 1
            if delay == CHECK:
                self.checks -= 1
                if not self.healed and self._strikes(activity, self.checks):
                    return
                continue
            if not self.healed and self._strikes(activity, self.step):
                return
            if delay < 0:
                activity.idle = True
                delay = -delay  # noqa: PLW2901 - the sign said how it may be cut short
            self.push(activity, delay)
            return
        if activity in process.activities:
            process.activities.remove(activity)

    def _strikes(self, activity: Activity, step: int) -> bool:
        """Kill or freeze the process at work when its step has come; True if the step must not go on now."""
        process, faults = activity.process, self.faults
        if step in faults.restarts:
            self._struck("restart", "PostgreSQL restarts")
            for lose in self.databases:
                lose()
        if not process.mortal:
            return False
        if step in faults.crashes:
            self._struck("kill", f"{process.name} is killed")
            process.kill()
            self._later(self.rng.randrange(20, 600) * MS, process.start)
            return True
        if step in faults.freezes:
            until = self.now + self.rng.randrange(100, 3200) * MS
            self._struck("freeze", f"{process.name} freezes for {(until - self.now) // MS} ms")
            process.frozen_until = until
            self.push(activity, until - self.now)
            return True
        return False

    def _struck(self, what: str, text: str) -> None:
        self.struck[what] += 1
        self.tell(text)

    def _later(self, delay: int, act: Callable[[], None]) -> None:
        def steps() -> Steps:
            act()
            yield from ()

        keeper = Process(self, "keeper", lambda _: None)
        keeper.mortal = False
        self.push(Activity(keeper, steps()), delay)

    def heal(self) -> None:
        """No more faults: who is frozen goes on when its time has come, who is dead was started again."""
        self.healed = True
        self.tell("healing begins")

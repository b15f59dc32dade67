"""A small installation: everything between a person's wish and what processors did, in one simulated world."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_testkit.simulation.bus import Bus
from lethe_testkit.simulation.core import Core, is_closed, register
from lethe_testkit.simulation.intake import Client, Intake, trouble
from lethe_testkit.simulation.sagas import Orchestrator
from lethe_testkit.simulation.store import Store
from lethe_testkit.simulation.workers import Native, Outside, Worker
from lethe_testkit.simulation.world import MS, World

if TYPE_CHECKING:
    from lethe_testkit.simulation.world import Process, Steps


class Installation:
    """Intake, one or two orchestrators and workers each, and whatever processors the register has."""

    def __init__(self, seed: int, *, mutant: str = "", deep: bool = False, traced: bool = False) -> None:
        self.world = world = World(seed, mutant, trace=[] if traced else None)
        rng = world.rng
        self.core = Core(deep, register(rng))
        self.bus = Bus(world, rng.choice((1, 2)))
        self.intake_store, self.saga_store, self.job_store = (Store(world, n) for n in ("intake", "sagas", "jobs"))
        self.outside = Outside(world)
        self.intakes: dict[int, Intake] = {}
        self.orchestrators: dict[int, Orchestrator] = {}
        self.groups: dict[str, dict[int, int]] = {}
        self.spoiled: set[tuple[str, int, int]] = set()
        self.refusable: set[object] = set()
        self._start(rng.choice((1, 2)), rng.choice((1, 1, 2)))
        self.clients = [Client(f"wish-{n}") for n in range(rng.choice((1, 1, 1, 2)))]
        people = world.process("people", lambda _: None, mortal=False)
        for client in self.clients:
            people.spawn(client.insist(world, self._running_intakes))
        people.spawn(trouble(world, self.bus, self.spoiled, self.refusable))
        people.spawn(self._except())
        people.spawn(self._heal(rng.randrange(200, 1600) * MS))

    def _start(self, orchestrators: int, workers: int) -> None:
        world, bus = self.world, self.bus

        def intake(process: Process) -> None:
            self.intakes[process.instance] = Intake(process, self.intake_store, bus)

        def orchestrator(process: Process) -> None:
            self.orchestrators[process.instance] = Orchestrator(process, self.saga_store, bus, self.core)

        def worker(process: Process) -> None:
            Worker(process, self.job_store, bus, self.outside)

        world.process("intake", intake)
        for _ in range(orchestrators):
            world.process("orchestrator", orchestrator)
        for _ in range(workers):
            world.process("worker", worker)
        for name, rules in self.core.processors.items():
            if rules.kafka_native:
                self._native(name)

    def _native(self, name: str) -> None:
        group = self.groups[name] = {}
        self.world.process(name, lambda p: [Native(p, self.bus, self.outside, f"tasks.{name}", group)].clear())

    def _running_intakes(self) -> list[tuple[Process, Intake]]:
        return [(p, self.intakes[i]) for i, p in self.world.living.items() if i in self.intakes]

    def _except(self) -> Steps:
        """People except a task now and then."""
        rng = self.world.rng
        if rng.random() < 0.75:
            return
        yield rng.randrange(20, 600) * MS
        rows = self.saga_store.rows("saga")
        running = [(p, self.orchestrators[i]) for i, p in self.world.living.items() if i in self.orchestrators]
        open_ = [row.saga for row in rows.values() if not is_closed(row.saga) and row.saga.tasks]
        if running and open_:
            process, orchestrator = running[rng.randrange(len(running))]
            saga = open_[rng.randrange(len(open_))]
            tasks = list(saga.tasks)
            process.spawn(orchestrator.except_(saga.id, tasks[rng.randrange(len(tasks))]))

    def _heal(self, after: int) -> Steps:
        yield after
        self.world.heal()

    def quiet(self, world: World) -> bool:
        """Everything came to rest: nothing to publish, to read, to work, and no moment that is about to come."""
        for store in (self.saga_store, self.job_store, self.intake_store):
            if store.rows("outbox"):
                return False
        if any(client.dsr_id is None for client in self.clients):
            return False
        sagas = self.saga_store.rows("saga")
        timers = self.saga_store.rows("timer")
        if len(sagas) < len(self.clients) or timers.keys() & self._expecting(sagas):
            return False
        if any(due_at <= world.at for due_at in timers.values()):
            return False
        if any(process.frozen_until > world.now or not process.alive for process in world.processes):
            return False
        return all(job.state == "settled" for job in self.job_store.rows("job").values()) and not self.lag()

    @staticmethod
    def _expecting(sagas: dict[object, object]) -> set[object]:
        """Sagas that go on by themselves: closed ones until retention is over, others unless a person is called."""
        return {i for i, row in sagas.items() if is_closed(row.saga) or not row.saga.open_incidents}  # type: ignore[attr-defined]

    def lag(self) -> int:
        behind = 0
        for store in (self.saga_store, self.job_store):
            for (topic, partition), row in store.rows("offset").items():
                behind += abs(len(self.bus.logs[topic, partition]) - row.next_offset)
        for name, group in self.groups.items():
            behind += sum(len(self.bus.logs[f"tasks.{name}", p]) - group.get(p, 0) for p in range(self.bus.partitions))
        return behind

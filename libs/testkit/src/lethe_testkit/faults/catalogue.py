"""Every fault by name: what production will do to the stack, done on purpose. Each ends by itself."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lethe_testkit.faults import messages
from lethe_testkit.faults.crashes import SERVICES
from lethe_testkit.stack import KAFKA, POSTGRES

if TYPE_CHECKING:
    from lethe_testkit.faults.field import Field
    from lethe_testkit.faults.network import Proxy

Inject = Callable[["Field"], Awaitable[Counter[str]]]
PAST_LEASE = 5.0  # seconds; a lease lasts two
SILENCE = 6.0
JUMP = 3_600
Kind = Literal["one", "two", "disk"]
"""Instances of each service; or a stack on a small disk."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`quick`: part of the selection of CI. `people`: how many ask meanwhile. `late`: done once their sagas settled.

    `lasting`: nothing else may strike before its sagas settled, since that would undo it.
    """

    name: str
    inject: Inject
    kind: Kind = "one"
    quick: bool = False
    people: int = 24
    late: bool = False
    lasting: bool = False


def every() -> tuple[Fault, ...]:
    """In the order of a run: what is subtle first, so that a run that is cut short has seen it."""
    return (*_network(), *_messages(), *_processors(), *_machines(), *_kills(), *_frozen(), *_pairs_of_instances())


def _kills() -> list[Fault]:
    def kill(victim: str, times: int) -> Inject:
        async def inject(field: Field) -> Counter[str]:
            for _ in range(times):
                await asyncio.sleep(field.chance.uniform(0.1, 1.0))
                await asyncio.to_thread(field.stack.kill, victim)
                await asyncio.to_thread(field.stack.wait_ready, victim)
            return Counter({"killed": times})

        return inject

    async def kill_all(field: Field) -> Counter[str]:
        """Nothing is waited for: some die again while they start, or while what they need is away."""
        victims = [*SERVICES, "warehouse", KAFKA, *SERVICES, POSTGRES]
        for victim in victims:
            await asyncio.sleep(field.chance.uniform(0.2, 1.2))
            with suppress(ProcessLookupError):  # it is dead already
                await asyncio.to_thread(field.stack.kill, victim)
        return Counter({"killed": len(victims)})

    services = [Fault(f"kill -9 {name}", kill(name, 2)) for name in (*SERVICES, "warehouse")]
    engines = [Fault(f"kill -9 {name}", kill(name, 1)) for name in (KAFKA, POSTGRES)]
    return [*services, *engines, Fault("kill -9 of everything, one after the other", kill_all, quick=True)]


def _frozen() -> list[Fault]:
    def freeze(victim: str, seconds: float) -> Inject:
        async def inject(field: Field) -> Counter[str]:
            await asyncio.to_thread(field.stack.freeze_for, victim, seconds)
            return Counter({"frozen": 1})

        return inject

    async def freeze_all(field: Field) -> Counter[str]:
        async with asyncio.TaskGroup() as group:
            for name in SERVICES:
                group.create_task(asyncio.to_thread(field.stack.freeze_for, name, PAST_LEASE))
                await asyncio.sleep(field.chance.uniform(0.2, 1.5))
        return Counter({"frozen": len(SERVICES)})

    return [
        Fault("SIGSTOP of every service past its lease, overlapping", freeze_all, quick=True),
        Fault("SIGSTOP warehouse", freeze("warehouse", PAST_LEASE)),
        Fault("SIGSTOP kafka", freeze(KAFKA, SILENCE)),
    ]


def _network() -> list[Fault]:
    found = []
    for engine in (KAFKA, POSTGRES):
        found += [
            Fault(f"{engine}: all connections reset, again and again", _resets(engine)),
            Fault(f"{engine}: silence on every connection", _silence(engine, None)),
            Fault(f"{engine}: half-open connections of one service after the other", _silence(engine, *SERVICES)),
            Fault(
                f"{engine}: every open connection forgotten on the way, new ones pass", _forgotten(engine), lasting=True
            ),
            Fault(f"{engine}: new connections refused after a reset", _refusal(engine)),
            Fault(f"{engine}: every packet 100 ms late", _delay(engine)),
            Fault(f"{engine}: the answer lost ({_decides(engine)})", _cuts(engine, before=False), quick=True),
            Fault(f"{engine}: the question lost ({_decides(engine)})", _cuts(engine, before=True)),
        ]
    return found


def _decides(engine: str) -> str:
    return "COMMIT" if engine == POSTGRES else "produce"


def _proxy(field: Field, engine: str) -> Proxy:
    return field.stack.kafka_proxy if engine == KAFKA else field.stack.postgres_proxy


def _resets(engine: str) -> Inject:
    async def inject(field: Field) -> Counter[str]:
        proxy = _proxy(field, engine)
        done = 0
        for _ in range(6):
            await asyncio.sleep(field.chance.uniform(0.1, 0.7))
            done += await asyncio.to_thread(proxy.reset)
        return Counter({"reset": done})

    return inject


def _silence(engine: str, *programs: str | None) -> Inject:
    async def inject(field: Field) -> Counter[str]:
        proxy = _proxy(field, engine)
        before = proxy.counts["silenced"]
        for program in programs:
            proxy.silence(program)
            await asyncio.sleep(SILENCE if program is None else PAST_LEASE)
            await asyncio.to_thread(proxy.heal)
        return Counter({"silenced": proxy.counts["silenced"] - before})

    return inject


def _forgotten(engine: str) -> Inject:
    async def inject(field: Field) -> Counter[str]:
        return Counter({"forgotten": await asyncio.to_thread(_proxy(field, engine).forget)})

    return inject


def _refusal(engine: str) -> Inject:
    async def inject(field: Field) -> Counter[str]:
        proxy = _proxy(field, engine)
        before = proxy.counts["refused"]
        proxy.refuse()
        await asyncio.to_thread(proxy.reset)
        await asyncio.sleep(3)
        await asyncio.to_thread(proxy.heal)
        return Counter({"refused": proxy.counts["refused"] - before})

    return inject


def _delay(engine: str) -> Inject:
    async def inject(field: Field) -> Counter[str]:
        proxy = _proxy(field, engine)
        proxy.delay_s = 0.1
        await asyncio.sleep(5)
        await asyncio.to_thread(proxy.heal)
        return Counter({"seconds late": 5})

    return inject


def _cuts(engine: str, *, before: bool) -> Inject:
    async def inject(field: Field) -> Counter[str]:
        proxy = _proxy(field, engine)
        name = "cut before" if before else "cut after"
        counted = proxy.counts[name]
        for _ in range(10):
            proxy.cut(1, before=before)
            await asyncio.sleep(field.chance.uniform(0.1, 0.5))
        await asyncio.to_thread(proxy.heal)
        return Counter({"cut": proxy.counts[name] - counted})

    return inject


def _messages() -> list[Fault]:
    return [
        Fault("messages published twice", messages.duplicate, quick=True),
        Fault("old messages again, out of order", messages.reorder, quick=True, late=True),
        Fault("answers after the close, and other answers", messages.late_answers, quick=True, late=True, people=8),
        Fault("garbage on every topic", messages.garbage, quick=True, people=8),
    ]


def _processors() -> list[Fault]:
    def behave(seconds: float, **how: object) -> Inject:
        async def inject(field: Field) -> Counter[str]:
            usual = {"lie": False, "hang": False, "nonsense": False, "down_rate": 0.0, "per_second": 200.0}
            await field.books.behave(**how)
            await asyncio.sleep(seconds)
            await field.books.behave(**usual)
            return Counter({"seconds": int(seconds)})

        return inject

    return [
        Fault("a processor hangs", behave(8, hang=True), quick=True),
        Fault("a processor lies", behave(6, lie=True), quick=True, people=12),
        Fault("a processor answers 429 to nearly all", behave(6, per_second=2.0)),
        Fault("a processor answers nonsense", behave(5, nonsense=True)),
        Fault("a processor fails seven calls of ten", behave(6, down_rate=0.7)),
    ]


def _machines() -> list[Fault]:
    async def jump(field: Field) -> Counter[str]:
        if not field.stack.clocks.available:
            return Counter({"no C compiler: not done": 1})
        for direction in (1, -1):
            for program in field.stack.programs:
                field.stack.clocks.set(program, direction * field.chance.choice((90, JUMP)))
                await asyncio.sleep(0.8)
        for program in field.stack.programs:
            field.stack.clocks.set(program, 0)
        return Counter({"jumps": 3 * len(field.stack.programs)})

    async def full(field: Field) -> Counter[str]:
        taken = await asyncio.to_thread(field.stack.fill_disk)
        await asyncio.sleep(6)
        await asyncio.to_thread(field.stack.empty_disk)
        return Counter({"MB of ballast": taken >> 20})

    return [
        Fault("clocks jump an hour forward and back", jump),
        Fault("the disk is full", full, kind="disk", people=16),
    ]


def _pairs_of_instances() -> list[Fault]:
    async def roll(field: Field) -> Counter[str]:
        for program in field.stack.programs:
            await asyncio.to_thread(field.stack.terminate, program)
            await asyncio.sleep(1.0)
            await asyncio.to_thread(field.stack.wait_ready, program)
        return Counter({"restarted": len(field.stack.programs)})

    async def kill(field: Field) -> Counter[str]:
        for name in SERVICES:
            await asyncio.to_thread(field.stack.kill, field.chance.choice((name, f"{name}-2")))
            await asyncio.sleep(field.chance.uniform(0.2, 1.0))
        return Counter({"killed": len(SERVICES)})

    async def zombies(field: Field) -> Counter[str]:
        victims = [field.chance.choice((name, f"{name}-2")) for name in SERVICES]
        async with asyncio.TaskGroup() as group:
            for victim in victims:
                group.create_task(asyncio.to_thread(field.stack.freeze_for, victim, PAST_LEASE))
        return Counter({"frozen": len(victims)})

    async def away(field: Field) -> Counter[str]:
        for name in SERVICES:
            await asyncio.to_thread(field.stack.hold, f"{name}-2")
        await asyncio.sleep(3)
        for name in SERVICES:
            await asyncio.to_thread(field.stack.release, f"{name}-2")
        return Counter({"held down": len(SERVICES)})

    return [
        Fault("two instances: one of each killed", kill, kind="two"),
        Fault("two instances: one of each frozen past its lease", zombies, kind="two"),
        Fault("two instances: the second ones go and come back", away, kind="two"),
        Fault("two instances: rolling restart", roll, kind="two"),
    ]

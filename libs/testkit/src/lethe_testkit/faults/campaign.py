"""A campaign: one fault after another on loaded stacks, each judged by the history, and a matrix of what held."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from lethe_testkit.faults.catalogue import every
from lethe_testkit.faults.crashes import a_few, crash_everywhere, plan
from lethe_testkit.faults.field import Field
from lethe_testkit.faults.stack import FaultStack, can_mount
from lethe_testkit.history import Verdict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
    from uuid import UUID

    from lethe_testkit.faults.catalogue import Fault
    from lethe_testkit.faults.crashes import Crashes

RETENTION = timedelta(seconds=45)
"""So that shredding, too, happens while things break."""
CRASHES_EACH = 3
"""Of each service, in the selection."""
ENVIRONMENT = {"LETHE_VAULT_RETENTION": "45s", "LETHE_SEAL_EVERY": "2s"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One fault's outcome. `untrue`: people of closed erasures whom a processor still holds."""

    fault: str
    seed: int
    done: Counter[str]
    sagas: int
    with_incident: int
    again: int
    seconds: float
    verdict: Verdict
    untrue: int
    trouble: str = ""
    observed: Counter[str] = field(default_factory=Counter)

    @property
    def holds(self) -> bool:
        return self.verdict.holds and not self.untrue and not self.trouble


async def run_fault(place: Field, fault: Fault) -> Row:
    """People ask, the fault strikes, everything heals and comes to rest; then the whole history is judged."""
    begun = time.monotonic()
    place.say(f"  {fault.name} …")
    again = place.load.again
    done: Counter[str] = Counter()
    trouble, incidents = "", 0
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(place.load.submit(fault.people, each=0.05))
        if not fault.late:
            await asyncio.sleep(place.chance.uniform(0.2, 0.8))
            done = await fault.inject(place)
        ids = await asking
    try:
        await place.heal()
        incidents = await place.load.until_settled(ids)
        if fault.late:
            done = await fault.inject(place)
    except TimeoutError as error:
        trouble = str(error)
    row = await conclude(
        place,
        fault.name,
        done,
        begun=begun,
        sagas=len(ids),
        incidents=incidents,
        again=place.load.again - again,
        trouble=trouble,
    )
    place.say(f"    {fault.name}: {tell(row)}")
    return row


async def conclude(
    place: Field,
    name: str,
    done: Counter[str],
    *,
    begun: float,
    sagas: int,
    incidents: int = 0,
    again: int = 0,
    trouble: str = "",
) -> Row:
    """Let it come to rest, collect, judge."""
    await place.rest()
    history, verdict = await place.judge()
    untrue = await place.untrue(history)
    observed = Counter(
        {
            "sagas": len(history.sagas),
            "tasks": len(history.tasks),
            "questions": len(history.asked),
            "answers": len(history.answered),
            "effects": len(history.effects),
            "links": len(history.links),
            "parked": len(history.parked),
        }
    )
    return Row(
        fault=name,
        seed=place.seed,
        done=done,
        sagas=sagas,
        with_incident=incidents,
        again=again,
        seconds=time.monotonic() - begun,
        verdict=verdict,
        untrue=len(untrue),
        trouble=trouble,
        observed=observed,
    )


def tell(row: Row) -> str:
    what = ", ".join(f"{count} {name}" for name, count in row.done.items())
    if row.holds:
        incidents = f", {row.with_incident} with an incident" if row.with_incident else ""
        return f"held: {row.sagas} sagas{incidents}; {what}; {row.seconds:.0f} s"
    first = [str(v) for v in row.verdict.violations[:5]]
    return f"BROKEN: {what}; {row.trouble} {len(row.verdict.violations)} violations, {row.untrue} untrue: {first}"


async def crash_points(
    place: Field, wanted: Mapping[str, Sequence[str]], name: str, *, most: int
) -> tuple[Row, Crashes]:
    """These points of these services, on one stack."""
    begun = time.monotonic()
    crashes = await crash_everywhere(place, wanted, most=most)
    done = Counter({"crashes": len(crashes.died), "points": len({p for _, p in crashes.died}), "pairs": crashes.pairs})
    trouble = "" if not crashes.missed else f"never passed: {sorted(crashes.missed)}"
    row = await conclude(place, name, done, begun=begun, sagas=crashes.people, again=place.load.again, trouble=trouble)
    place.say(f"    {tell(row)}")
    return row, crashes


async def run_selection(seed: int, say: Callable[[str], None], *, people: int = 10) -> list[Row]:
    """What CI runs: a few crash points, then the quick faults in one go on the same stack, judged together."""
    quick = [fault for fault in every() if fault.quick]
    say("a few crash points, then a selection of faults, on one stack")
    with FaultStack(people=600 + people * len(quick), environment=ENVIRONMENT) as stack:
        async with Field(stack, seed, RETENTION, say) as place:
            few = a_few(place.chance, CRASHES_EACH)
            crashed, _ = await crash_points(place, few, "a few crash points of each service", most=400)
            return [crashed, await run_together(place, quick, people)]


async def run_together(place: Field, faults: Iterable[Fault], people: int) -> Row:
    """One fault after another without waiting for the sagas of the one before; judged once, at the end."""
    begun = time.monotonic()
    again = place.load.again
    done: Counter[str] = Counter()
    ids: list[UUID] = []
    late = []
    for fault in faults:
        place.say(f"  {fault.name} …")
        if fault.late:
            late.append(fault)
            continue
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(place.load.submit(people, each=0.05))
            await asyncio.sleep(place.chance.uniform(0.1, 0.4))
            done += await fault.inject(place)
        ids += asking.result()
        await place.heal()
    incidents = await place.load.until_settled(ids)
    for fault in late:
        done += await fault.inject(place)
    row = await conclude(
        place,
        "a selection, one fault after another",
        done,
        begun=begun,
        sagas=len(ids),
        incidents=incidents,
        again=place.load.again - again,
    )
    place.say(f"    {tell(row)}")
    return row


async def run_all(
    seed: int,
    say: Callable[[str], None],
    *,
    only: str = "",
    people: int = 24,
    told: Callable[[Row], None] | None = None,
) -> list[Row]:
    """The long run: every fault judged for itself. `only`: part of a name; `told` hears of each row at once.

    Two stacks run side by side: most of the time passes in waiting for what was promised.
    """
    wanted = [f for f in every() if only in f.name]
    single = [f for f in wanted if f.kind == "one"]
    async with asyncio.TaskGroup() as group:
        hear = told or (lambda _: None)
        first = group.create_task(_on_one_stack(single, seed, say, people=people, told=hear))
        others = group.create_task(_others(wanted, seed, say, only=only, people=people, told=hear))
    crashes, rest = others.result()
    return [*crashes, *first.result(), *rest]


async def _others(
    wanted: Sequence[Fault],
    seed: int,
    say: Callable[[str], None],
    *,
    only: str,
    people: int,
    told: Callable[[Row], None],
) -> tuple[list[Row], list[Row]]:
    crashes: list[Row] = []
    rest: list[Row] = []
    rest += await _on_one_stack(
        [f for f in wanted if f.kind == "two"], seed, say, people=people, told=told, instances=2
    )
    disk = [f for f in wanted if f.kind == "disk"]
    if disk and can_mount():
        rest += await _on_one_stack(disk, seed, say, people=people, told=told, small_disk=True)
    elif disk:
        say("the full disk is left out: mounting a small one needs root")
    if only in "crash points":
        say("crash points …")
        async with _place(FaultStack(people=3_000, environment=ENVIRONMENT), seed, say) as place:
            crashes.append(await _crash_everywhere(place))
            told(crashes[0])
    return crashes, rest


@asynccontextmanager
async def _place(stack: FaultStack, seed: int, say: Callable[[str], None]) -> AsyncIterator[Field]:
    """A started stack. Starting and stopping leave the event loop to the other one."""
    await asyncio.to_thread(stack.__enter__)
    try:
        async with Field(stack, seed, RETENTION, say) as place:
            yield place
    finally:
        await asyncio.to_thread(stack.__exit__)


async def _on_one_stack(
    faults: Sequence[Fault],
    seed: int,
    say: Callable[[str], None],
    *,
    people: int,
    told: Callable[[Row], None],
    instances: int = 1,
    small_disk: bool = False,
) -> list[Row]:
    if not faults:
        return []
    total = 150 + people * len(faults)
    stack = FaultStack(people=total, instances=instances, small_disk=small_disk, environment=ENVIRONMENT)
    async with _place(stack, seed, say) as place:
        rows = []
        for fault in faults:
            smaller = replace(fault, people=min(people, fault.people))
            rows.append(await _survive(place, fault.name, smaller.people, run_fault(place, smaller)))
            told(rows[-1])
        return rows


async def _crash_everywhere(place: Field) -> Row:
    name = "crash points, each in every service"

    async def run() -> Row:
        return (await crash_points(place, plan(place.chance), name, most=2_500))[0]

    return await _survive(place, name, 0, run())


async def _survive(place: Field, name: str, people: int, run: Awaitable[Row]) -> Row:
    """A fault that breaks the run itself is told as broken; the others are still to be run."""
    begun = time.monotonic()
    try:
        return await run
    except Exception as error:  # noqa: BLE001 - whatever it is, it did not hold
        causes = error.exceptions if isinstance(error, BaseExceptionGroup) else (error,)
        trouble = "; ".join(f"{type(cause).__name__}: {cause}" for cause in causes)[:300]
        place.say(f"    {name}: BROKEN, the run ended with {trouble}")
        await place.heal()
        return Row(
            fault=name,
            seed=place.seed,
            done=Counter(),
            sagas=people,
            with_incident=0,
            again=0,
            seconds=time.monotonic() - begun,
            verdict=Verdict(),
            untrue=0,
            trouble=trouble,
        )

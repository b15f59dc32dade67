"""A campaign: one fault after another on loaded stacks, each judged by the history, and a matrix of what held."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from lethe_testkit.faults.catalogue import every
from lethe_testkit.faults.crashes import a_few, crash_everywhere
from lethe_testkit.faults.field import Field
from lethe_testkit.faults.row import Row, tell
from lethe_testkit.faults.stack import FaultStack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from uuid import UUID

    from lethe_testkit.faults.catalogue import Fault
    from lethe_testkit.faults.crashes import Crashes

RETENTION = timedelta(seconds=45)
"""So that shredding, too, happens while things break."""
CRASHES_EACH = 3
"""Of each service, in the selection."""
ENVIRONMENT = {"LETHE_VAULT_RETENTION": "45s", "LETHE_SEAL_EVERY": "2s"}


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


@dataclass(frozen=True, slots=True)
class _Struck:
    fault: Fault
    done: Counter[str]
    sagas: int
    again: int
    settled: asyncio.Task[_Settled]


class _Settled(NamedTuple):
    seconds: float
    incidents: int
    trouble: str


async def run_group(place: Field, faults: Sequence[Fault]) -> list[Row]:
    """One fault after another, each with people of its own, without waiting for the sagas of the one before.

    Judged together, once: if that holds, each has held. Who waits for what is told apart: seconds of a row are those
    from its first person to the last of its sagas that settled.
    """
    struck = []
    async with asyncio.TaskGroup() as settling:
        for fault in faults:
            begun, again = time.monotonic(), place.load.again
            place.say(f"  {fault.name} …")
            async with asyncio.TaskGroup() as group:
                asking = group.create_task(place.load.submit(fault.people, each=0.05))
                await asyncio.sleep(place.chance.uniform(0.2, 0.8))
                done = await fault.inject(place)
            ids = asking.result()
            await place.heal()
            settled = settling.create_task(_settle(place, ids, begun))
            struck.append(_Struck(fault, done, len(ids), place.load.again - again, settled))
            if fault.lasting:
                await asyncio.wait({settled})
    ended = [each.settled.result() for each in struck]
    rows = []
    judged = await conclude(place, "together", Counter(), begun=time.monotonic(), sagas=0)
    for each, (seconds, incidents, trouble) in zip(struck, ended, strict=True):
        row = replace(
            judged,
            fault=each.fault.name,
            done=each.done,
            sagas=each.sagas,
            again=each.again,
            with_incident=incidents,
            seconds=seconds,
            trouble=trouble,
        )
        place.say(f"    {row.fault}: {tell(row)}")
        rows.append(row)
    return rows


async def _settle(place: Field, ids: list[UUID], begun: float) -> _Settled:
    try:
        incidents, trouble = await place.load.until_settled(ids), ""
    except TimeoutError as error:
        incidents, trouble = 0, str(error)
    return _Settled(time.monotonic() - begun, incidents, trouble)


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
        load=round(os.getloadavg()[0], 1),
        observed=observed,
    )


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

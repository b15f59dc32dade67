"""The long run: every fault judged for itself, on as many stacks as that takes, and nothing told twice."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import takewhile
from random import Random
from typing import TYPE_CHECKING

from lethe_local.errors import LocalError
from lethe_testkit.faults.campaign import ENVIRONMENT, RETENTION, crash_points, run_fault, run_group
from lethe_testkit.faults.catalogue import every
from lethe_testkit.faults.crashes import plan
from lethe_testkit.faults.field import Field
from lethe_testkit.faults.row import Row
from lethe_testkit.faults.stack import FaultStack, can_mount
from lethe_testkit.history import Verdict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence

    from lethe_testkit.faults.catalogue import Fault, Kind

CRASH_PARTS = 4
"""The crash points are died at in so many parts, each judged for itself: one that is cut short costs only itself."""
IN_ONE_GO = 6
"""Faults that strike one after the other before all is judged."""
_PEOPLE_OF_PART = 400
_STARTS = 5
"""A stack that does not come up is no verdict on anything: the machine may be busy."""


@dataclass(frozen=True, slots=True)
class Item:
    """One row to be: its name, how it is run by itself, and how many people ask at most."""

    name: str
    people: int
    run: Callable[[Field], Awaitable[Row]]
    fault: Fault | None = None
    """If it may strike in one go with others."""


@dataclass(frozen=True, slots=True)
class Run:
    """What all rows of a run share. `told` hears of each row at once."""

    seed: int
    people: int
    say: Callable[[str], None]
    told: Callable[[Row], None]


def planned(only: str = "") -> list[str]:
    """The names of all rows of a whole run, in order. `only`: part of a name."""
    names = [*(fault.name for fault in every()), *(_part_name(n) for n in range(CRASH_PARTS))]
    return [name for name in names if only in name]


async def run_all(run: Run, *, only: str = "", done: Collection[str] = ()) -> None:
    """Everything planned but what is `done`. Two stacks run side by side: most of the time passes in waiting."""
    wanted = [name for name in planned(only) if name not in done]
    faults = [fault for fault in every() if fault.name in wanted]
    async with asyncio.TaskGroup() as group:
        group.create_task(_faults(faults, run))
        group.create_task(_lane([item for item in _crash_items(run) if item.name in wanted], run))


async def _faults(faults: Sequence[Fault], run: Run) -> None:
    await _lane(_items(faults, run, "one"), run)
    await _lane(_items(faults, run, "two"), run, instances=2)
    disk = _items(faults, run, "disk")
    if disk and not can_mount():
        run.say("the full disk is left out: mounting a small one needs root")
    else:
        await _lane(disk, run, small_disk=True)


def _items(faults: Iterable[Fault], run: Run, kind: Kind) -> list[Item]:
    smaller = [replace(fault, people=min(run.people, fault.people)) for fault in faults if fault.kind == kind]
    return [
        Item(fault.name, fault.people, partial(run_fault, fault=fault), None if fault.late else fault)
        for fault in smaller
    ]


def _crash_items(run: Run) -> list[Item]:
    """Parts of one plan, so that each point of each service is in exactly one."""
    whole = plan(Random(run.seed))
    found = []
    for n in range(CRASH_PARTS):
        part = {service: points[n::CRASH_PARTS] for service, points in whole.items()}
        found.append(Item(_part_name(n), _PEOPLE_OF_PART, partial(_crash, wanted=part, name=_part_name(n))))
    return found


def _part_name(n: int) -> str:
    return f"crash points, each in every service that passes it ({n + 1} of {CRASH_PARTS})"


async def _crash(place: Field, *, wanted: Mapping[str, Sequence[str]], name: str) -> Row:
    return (await crash_points(place, wanted, name, most=_PEOPLE_OF_PART))[0]


async def _lane(items: Sequence[Item], run: Run, *, instances: int = 1, small_disk: bool = False) -> None:
    """On one stack: several in one go where that is possible, and one by one what did not hold so.

    A stack that does not heal is replaced, and the others are still run.
    """
    left = list(items)
    while left:
        people = 150 + 2 * sum(item.people for item in left)
        make = partial(FaultStack, people=people, instances=instances, small_disk=small_disk, environment=ENVIRONMENT)
        async with _place(make, run) as place:
            sound = True
            while left and sound:
                chosen = in_one_go(left)
                del left[: len(chosen)]
                rows, sound = await (_survive(place, chosen[0]) if len(chosen) == 1 else _together(place, chosen))
                for row in rows:
                    run.told(row)
                held = {row.fault for row in rows if row.holds}
                if len(chosen) > 1:
                    left = [replace(item, fault=None) for item in chosen if item.name not in held] + left


def in_one_go(left: Sequence[Item]) -> list[Item]:
    """The next one, with those that follow as long as they may strike together."""
    found = list(takewhile(lambda item: item.fault is not None, left))
    return found[:IN_ONE_GO] or list(left[:1])


async def _together(place: Field, items: Sequence[Item]) -> tuple[list[Row], bool]:
    """No rows: the run itself broke, and each is run by itself."""
    try:
        rows = await run_group(place, [item.fault for item in items if item.fault is not None])
    except Exception as error:  # noqa: BLE001 - whatever it is, it is no verdict on any of them
        trouble = "; ".join(f"{type(cause).__name__}: {cause}" for cause in _causes(error))[:300]
        place.say(f"    several in one go ended with {trouble}: one by one now")
        return [], await _heals(place)
    return rows, all(row.holds for row in rows) and await _heals(place)


@asynccontextmanager
async def _place(make: Callable[[], FaultStack], run: Run) -> AsyncIterator[Field]:
    """A started stack. Starting and stopping leave the event loop to the other one."""
    stack = await _started(make, run)
    try:
        async with Field(stack, run.seed, RETENTION, run.say) as place:
            yield place
    finally:
        await asyncio.to_thread(stack.__exit__)


async def _started(make: Callable[[], FaultStack], run: Run) -> FaultStack:
    for left in reversed(range(_STARTS)):
        stack = make()
        try:
            return await asyncio.to_thread(stack.__enter__)
        except LocalError as error:
            if not left:
                raise
            run.say(f"    a stack did not come up, trying again: {error}")
    raise AssertionError("the last start raises")


async def _survive(place: Field, item: Item) -> tuple[list[Row], bool]:
    """A fault that breaks the run itself is told as broken. False: the stack is of no more use."""
    begun = time.monotonic()
    try:
        row = await item.run(place)
    except Exception as error:  # noqa: BLE001 - whatever it is, it did not hold
        trouble = "; ".join(f"{type(cause).__name__}: {cause}" for cause in _causes(error))[:300]
        place.say(f"    {item.name}: BROKEN, the run ended with {trouble}")
        row = Row(
            fault=item.name,
            seed=place.seed,
            done=Counter(),
            sagas=0,
            with_incident=0,
            again=0,
            seconds=time.monotonic() - begun,
            verdict=Verdict(),
            untrue=0,
            trouble=trouble,
            load=round(os.getloadavg()[0], 1),
        )
    return [row], row.holds and await _heals(place)


async def _heals(place: Field) -> bool:
    try:
        await place.heal()
    except Exception as error:  # noqa: BLE001 - then another stack goes on
        place.say(f"    the stack does not heal ({type(error).__name__}): another one goes on")
        return False
    return True


def _causes(error: BaseException) -> list[BaseException]:
    """The errors themselves, out of all groups."""
    if isinstance(error, BaseExceptionGroup):
        return [cause for each in error.exceptions for cause in _causes(each)]
    return [error]

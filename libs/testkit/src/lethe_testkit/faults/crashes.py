"""Every named crash point, in every service that passes it: the process dies there, under load, and comes back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from erasure_worker.application.crash_points import CRASH_POINTS as ERASURE
from export_worker.application.crash_points import CRASH_POINTS as EXPORT
from intake.application.crash_points import CRASH_POINTS as INTAKE
from lethe_messaging import CRASH_POINTS as MESSAGING
from lethe_processors.crash_points import CRASH_POINTS as PROCESSORS
from lethe_testkit.patience import Patience
from lethe_vault.crash_points import CRASH_POINTS as VAULT
from orchestrator.application.crash_points import CRASH_POINTS as ORCHESTRATOR

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random
    from uuid import UUID

    from lethe_testkit.faults.field import Field

POINTS = (*MESSAGING, *VAULT, *PROCESSORS, *INTAKE, *ORCHESTRATOR, *ERASURE, *EXPORT)
_WORKERS = ("erasure_worker", "export_worker")
SERVICES = ("intake", "orchestrator", *_WORKERS)
"""Those that a request passes through. What passes a point in the breach notifier, its own tests send."""
_OPENS_ALONE = {"vault.sealed": ("intake",), "vault.shredded": ("orchestrator",)}
_UPLOADS = ("vault.upload_begun", "vault.upload_written", "vault.upload_finished")
_ONE_WORKER = {
    "sql.erased": "erasure_worker",
    "sql.committed": "erasure_worker",
    "http.submitted": "erasure_worker",
    "http.polled": "erasure_worker",
    "sql.looked": "export_worker",
    "sql.exported": "export_worker",
}
_SELDOM = ("batch.found_out", "vault.shredded", "vault.upload_begun", "vault.upload_written", "vault.upload_finished")
_PATIENCE = 60.0
_LEADS = 8.0  # seconds after which a leading point is died at again
_BORED = 5.0  # seconds after which somebody asks anyway: sagas that wait for a dead service pass no point
_LET_IN = 600.0  # seconds
_SETTLED = 300.0
_COPIES = 2 / 3  # of those who ask: few points are passed by copies alone, and each is to be passed in time
_GAP = 0.12  # seconds between two people who ask
_AT_ONCE = 20  # sagas under way


def passing(point: str) -> tuple[str, ...]:
    """The services that pass a point."""
    own = {"intake": INTAKE, "orchestrator": ORCHESTRATOR, "erasure_worker": ERASURE, "export_worker": EXPORT}
    for service, points in own.items():
        if point in points:
            return (service,)
    if point in _ONE_WORKER:
        return (_ONE_WORKER[point],)
    if point in PROCESSORS:
        return _WORKERS
    if point in _UPLOADS:
        return ("export_worker",)
    if point in VAULT:
        return _OPENS_ALONE.get(point, ("orchestrator", *_WORKERS))
    # nearly all COMMITs of a worker are those of its runners: one of a batch is hard to hit
    return ("intake", "orchestrator") if point == "batch.found_out" else SERVICES


def leading(point: str, service: str) -> tuple[str, ...]:
    """Points that a process has to die at before, so that this one is passed: a relay has only what the dead left."""
    if not point.startswith("relay."):
        return ()
    return ("batch.after_commit",) if service == "orchestrator" else ("work.after_commit",)


def plan(chance: Random) -> Mapping[str, list[str]]:
    """Service → points to die at, in a random order: all that it passes."""
    found: dict[str, list[str]] = {service: [] for service in SERVICES}
    for point in POINTS:
        for service in passing(point):
            found[service].append(point)
    for points in found.values():
        chance.shuffle(points)
        points.sort(key=lambda p: p == "vault.shredded")  # nothing is old enough before
    return found


def a_few(chance: Random, each: int) -> Mapping[str, list[str]]:
    """So many of the points of each service, by chance: those that any request comes by."""
    found: dict[str, list[str]] = {}
    for service, points in plan(chance).items():
        often = [p for p in points if p not in _SELDOM and not leading(p, service)]
        found[service] = chance.sample(often, each)
    return found


@dataclass(slots=True)
class Crashes:
    """`died`: service and point. `missed`: armed, and nobody came by in time."""

    died: list[tuple[str, str]] = field(default_factory=list)
    missed: list[tuple[str, str]] = field(default_factory=list)
    pairs: int = 0
    people: int = 0


async def crash_everywhere(place: Field, wanted: Mapping[str, Sequence[str]], *, most: int) -> Crashes:
    """Services die side by side, each at one point after the other, while people keep asking (`most` of them).

    What dies in one service while another is down or starting is a pair of crashes; the seed decides which meet.
    """
    crashes = Crashes()
    place.load.copies = _COPIES
    over = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(_ask(place, over, most, crashes))
        rows = [group.create_task(_row(place, service, points, crashes)) for service, points in wanted.items()]
        await asyncio.wait(rows)
        over.set()
        ids = await asking
    await place.heal()
    await place.load.until_settled(ids, _SETTLED)
    return crashes


async def _ask(place: Field, over: asyncio.Event, most: int, crashes: Crashes) -> list[UUID]:
    """Somebody is always at every stage, however slow the machine is: a few more ask whenever a few are through."""
    ids: list[UUID] = []
    bored = Patience(_BORED)
    while not over.is_set():
        if crashes.people < most and (await place.load.open_sagas(ids) < _AT_ONCE or bored.over):
            # intake dies again and again: whoever is not let in for a while is no verdict on anything
            ids += await place.load.submit(4, each=_GAP, patience=_LET_IN)
            crashes.people += 4
            bored = Patience(_BORED)
        await asyncio.sleep(_GAP * 2)
    return ids


async def _row(place: Field, service: str, points: Sequence[str], crashes: Crashes) -> None:
    """What nobody came by in time is waited for once more at the end: the machine may have been busy."""
    again = await _die_at(place, service, points, crashes)
    crashes.missed += [(service, point) for point in await _die_at(place, service, again, crashes)]


async def _die_at(place: Field, service: str, points: Sequence[str], crashes: Crashes) -> list[str]:
    """Gives the points that nobody passed."""
    missed = []
    for point in points:
        armed = [place.stack.arm(service, each) for each in (*leading(point, service), point)]
        patience, before = Patience(_PATIENCE), Patience(_LEADS)
        while armed[-1].exists() and not patience.over:
            if len(armed) > 1 and before.over:
                # who died before left nothing to find, or another instance found it: once more
                for each in armed[:-1]:
                    each.touch()
                before = Patience(_LEADS)
            if point == "batch.found_out":
                # aimed anew each time: the program may have other connections since the last one was cut
                proxy = place.stack.postgres_proxy
                await asyncio.to_thread(proxy.cut, 0 if proxy.cuts_left else 1, program=service)
                await asyncio.sleep(place.chance.uniform(0.1, 0.5))
            await asyncio.sleep(0.05)
        if armed[-1].exists():
            missed.append(point)
        else:
            crashes.died.append((service, point))
            crashes.pairs += len(armed) - 1
            place.say(f"    {service} died at {point}")
        for file in armed:
            file.unlink(missing_ok=True)
        if point == "batch.found_out":
            place.stack.postgres_proxy.heal()
        await asyncio.sleep(place.chance.uniform(0.1, 1.0))
    return missed

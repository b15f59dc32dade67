from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from intake.application.group_commit import GroupCommit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence


class Away(Exception):
    pass


class Poison(Exception):
    pass


class Disk:
    """Commits when it is let; refuses groups with a poisoned item."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.away = False

    async def commit(self, items: Sequence[int]) -> Sequence[str]:
        await self.open.wait()
        if self.away:
            raise Away
        if any(item < 0 for item in items):
            raise Poison
        self.groups.append(list(items))
        return [f"stored {item}" for item in items]


@asynccontextmanager
async def running(group: GroupCommit[int, str]) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        runner = tasks.create_task(group.run())
        try:
            yield
        finally:
            runner.cancel()


def grouped(
    disk: Disk, *, largest: int = 256, lanes: int = 1, clock: Callable[[], float] | None = None
) -> GroupCommit[int, str]:
    return GroupCommit(
        disk.commit, is_transient=lambda e: isinstance(e, Away), largest=largest, lanes=lanes, spacing_s=0.0,
        **({"clock": clock} if clock else {}),
    )  # fmt: skip


async def submit_all(group: GroupCommit[int, str], items: Sequence[int]) -> list[str | BaseException]:
    return await asyncio.gather(*(group.submit(item) for item in items), return_exceptions=True)


async def test_a_single_item_goes_at_once() -> None:
    disk = Disk()
    group = grouped(disk)
    async with running(group):
        assert await group.submit(1) == "stored 1"
    assert disk.groups == [[1]]


async def test_what_arrives_while_a_commit_is_under_way_shares_the_next_one() -> None:
    disk = Disk()
    disk.open.clear()
    group = grouped(disk)
    async with running(group), asyncio.TaskGroup() as callers:
        first = callers.create_task(group.submit(0))
        await turn()
        rest = [callers.create_task(group.submit(n)) for n in range(1, 50)]
        await turn()
        assert not first.done()
        assert group.waiting == 49
        disk.open.set()
        assert [await caller for caller in rest] == [f"stored {n}" for n in range(1, 50)]
    assert disk.groups == [[0], list(range(1, 50))]


async def test_nobody_is_answered_before_the_commit() -> None:
    disk = Disk()
    disk.open.clear()
    group = grouped(disk)
    async with running(group), asyncio.TaskGroup() as callers:
        callers_ = [callers.create_task(group.submit(n)) for n in range(3)]
        await turn(20)
        assert not any(c.done() for c in callers_)
        disk.open.set()


async def test_no_group_is_larger_than_allowed() -> None:
    disk = Disk()
    group = grouped(disk, largest=10)
    async with running(group):
        await submit_all(group, range(35))
    assert [len(g) for g in disk.groups] == [10, 10, 10, 5]


async def test_an_item_at_fault_spoils_nobody_elses() -> None:
    disk = Disk()
    group = grouped(disk)
    async with running(group):
        results = await submit_all(group, [1, 2, -1, 3, 4, 5, -2, 6])
    assert [r if isinstance(r, str) else type(r) for r in results] == [
        "stored 1", "stored 2", Poison, "stored 3", "stored 4", "stored 5", Poison, "stored 6",
    ]  # fmt: skip
    assert sorted(n for g in disk.groups for n in g) == [1, 2, 3, 4, 5, 6]


async def test_a_transient_error_is_told_to_all_and_nothing_is_tried_again() -> None:
    disk = Disk()
    disk.away = True
    group = grouped(disk)
    async with running(group):
        results = await submit_all(group, [1, 2, 3])
        assert [type(r) for r in results] == [Away, Away, Away]
        disk.away = False
        assert await group.submit(4) == "stored 4"
    assert disk.groups == [[4]]


async def test_a_caller_that_went_away_before_the_commit_is_left_out() -> None:
    disk = Disk()
    disk.open.clear()
    group = grouped(disk)
    async with running(group), asyncio.TaskGroup() as callers:
        callers.create_task(group.submit(0))
        await turn()
        gone, stays = callers.create_task(group.submit(1)), callers.create_task(group.submit(2))
        await turn()
        gone.cancel()
        await turn()
        disk.open.set()
        assert await stays == "stored 2"
    assert disk.groups == [[0], [2]]


async def test_lanes_commit_side_by_side() -> None:
    disk = Disk()
    disk.open.clear()
    group = grouped(disk, largest=1, lanes=2)
    async with running(group), asyncio.TaskGroup() as callers:
        for n in range(3):
            callers.create_task(group.submit(n))
        await turn()
        assert group.waiting == 1  # two are under way
        disk.open.set()


async def test_callers_do_not_hang_when_the_runner_is_stopped() -> None:
    disk = Disk()
    disk.open.clear()
    group = grouped(disk)
    async with running(group):
        under_way = asyncio.gather(group.submit(1), return_exceptions=True)
        await turn()
        waiting = asyncio.gather(group.submit(2), return_exceptions=True)
        await turn()
    assert [type(r) for r in [*await under_way, *await waiting]] == [asyncio.CancelledError] * 2


async def turn(times: int = 5) -> None:
    for _ in range(times):
        await asyncio.sleep(0)

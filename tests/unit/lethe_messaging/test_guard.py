from __future__ import annotations

import asyncio

import pytest

from lethe_messaging.guard import LeakedCancellation, dispose, guarded


async def leak() -> None:
    """What a client does that awaits a task which it has cancelled itself."""
    async with asyncio.TaskGroup() as group:
        own = group.create_task(asyncio.sleep(60))
        own.cancel()
        await own


async def test_a_cancellation_that_nobody_asked_for_is_an_error_of_the_client() -> None:
    with pytest.raises(LeakedCancellation), guarded():
        await leak()


async def test_a_cancellation_that_somebody_asked_for_goes_through() -> None:
    async def work() -> None:
        with guarded():
            await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled()


async def test_a_timeout_is_a_timeout() -> None:
    async def work() -> None:
        async with asyncio.timeout(0):
            with guarded():
                await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await work()


async def test_a_client_that_does_not_stop_is_left_behind() -> None:
    released = asyncio.Event()

    async def stubborn() -> None:
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                continue

    await dispose(stubborn(), 0.01)
    released.set()
    await dispose(leak(), 1)

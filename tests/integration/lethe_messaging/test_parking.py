from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lethe_events import Record
from lethe_messaging import (
    Tuning,
    discard_parked,
    parked_groups,
    retry_parked,
)
from lethe_testkit.ground import (
    Ground,
    eventually,
    number_of,
    record_effects,
    status_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lethe_messaging import Message, Work


async def test_a_poison_message_is_parked_and_the_partition_goes_on(ground: Ground) -> None:
    async def handler(work: Work, messages: Sequence[Message]) -> None:
        await record_effects(work, messages)
        if any(number_of(m) in {17, 18, 200} for m in messages):
            raise KeyError("ada@acme.example")

    bus = await ground.bus(Tuning(retry_first=0.01))
    await ground.send(bus, range(300))
    async with ground.consuming(bus, {ground.source: handler}):
        await ground.expect_effects([n for n in range(300) if n not in {17, 18, 200}])
    rows = await ground.database.fetch("SELECT * FROM parked_message")
    assert {row["code"] for row in rows} == {"key_error"}
    assert len(rows) == 3
    assert all("ada" not in row["detail"] and row["value"] and row["key"] for row in rows)
    assert await parked_groups(ground.database) == [(ground.source.name, "key_error", 3)]


async def test_an_undecodable_message_is_parked_in_the_transaction_that_passes_it(ground: Ground) -> None:
    bus = await ground.bus()
    async with bus.work() as work:
        work.send([Record(ground.source.name, b"k", b"not json", (("ce_type", b"lethe.dsr.status.v1"),))])
        work.send([Record(ground.source.name, b"k", b"{}", (("ce_type", b"somebody.else.v1"),))])
        work.send([status_of(ground.source.name, n) for n in range(10)])
    async with ground.consuming(bus, {ground.source: record_effects}):
        await ground.expect_effects(range(10))
    rows = await ground.database.fetch("SELECT code, value, headers FROM parked_message ORDER BY record_offset")
    assert [(row["code"], row["value"]) for row in rows] == [("schema", b"not json"), ("unknown_type", b"{}")]


async def test_what_a_handler_parks_itself_is_kept_with_its_reason(ground: Ground) -> None:
    async def handler(work: Work, messages: Sequence[Message]) -> None:
        for message in messages:
            if number_of(message) % 2:
                work.park(message, "rejected", "closed saga")
        await record_effects(work, [m for m in messages if number_of(m) % 2 == 0])

    bus = await ground.bus()
    await ground.send(bus, range(10))
    async with ground.consuming(bus, {ground.source: handler}):
        await ground.expect_effects(range(0, 10, 2))
    assert await parked_groups(ground.database) == [(ground.source.name, "rejected", 5)]


async def test_parked_messages_can_be_sent_again_or_discarded_and_that_is_written_down(ground: Ground) -> None:
    broken = True

    async def handler(work: Work, messages: Sequence[Message]) -> None:
        if broken and any(number_of(m) < 4 for m in messages):
            raise ValueError("a bug")
        await record_effects(work, messages)

    bus = await ground.bus(Tuning(retry_first=0.01))
    await ground.send(bus, range(8))
    async with ground.consuming(bus, {ground.source: handler}):
        await ground.expect_effects(range(4, 8))
        broken = False
        async with bus.work() as work:
            assert await discard_parked(work, ground.source.name, code="value_error", note="a test", limit=1) == 1
        async with bus.work() as work:
            assert await retry_parked(work, ground.source.name, code="value_error", note="fixed") == 3
        await eventually(lambda: _count(ground, 7), 10)
    rows = await ground.database.fetch("SELECT state, note FROM parked_message ORDER BY state")
    assert [tuple(row) for row in rows] == [("discarded", "a test")] + [("retried", "fixed")] * 3


async def test_a_handler_that_hangs_on_one_message_does_not_stop_its_partition(ground: Ground) -> None:
    async def handler(work: Work, messages: Sequence[Message]) -> None:
        await record_effects(work, messages)
        if any(number_of(m) == 7 for m in messages):
            await asyncio.Event().wait()

    bus = await ground.bus(Tuning(handler_timeout=0.2, retry_first=0.01))
    await ground.send(bus, range(20))
    async with ground.consuming(bus, {ground.source: handler}):
        await ground.expect_effects([n for n in range(20) if n != 7])
    assert await parked_groups(ground.database) == [(ground.source.name, "handler_timeout", 1)]


async def _count(ground: Ground, count: int) -> bool:
    return len(await ground.effects()) >= count

"""A topic that was deleted and made again: its offsets mean nothing any more, and nobody may go on as if they did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_messaging import delete_topics, set_offset
from lethe_testkit.ground import Ground, eventually, fact, record_effects

if TYPE_CHECKING:
    from lethe_messaging import Bus

RECREATED = [f"{n}: topic_recreated" for n in range(4)]


async def recreate(ground: Ground) -> None:
    await delete_topics(ground.settings, [ground.source.name])
    await ground.make(ground.source)


def stopped(bus: Bus) -> list[str]:
    return sorted(place.rpartition("/")[2] for place in fact(bus, "stopped") or [])


async def stands_still(bus: Bus) -> None:
    async def all_stopped() -> bool:
        return stopped(bus) == RECREATED and not bus.health()["ok"]

    await eventually(all_stopped, 20)


async def test_a_topic_that_grew_beyond_the_stored_offsets_is_not_read_on_in_its_middle(ground: Ground) -> None:
    """The broker has every offset that is asked for: nothing but the topic's id tells that records would be missed."""
    bus = await ground.bus()
    await ground.send(bus, range(40))
    async with ground.consuming(bus, {ground.source: record_effects}):
        await ground.expect_effects(range(40))
    await recreate(ground)
    again = await ground.bus()
    await ground.send(again, range(40, 400))
    async with ground.consuming(again, {ground.source: record_effects}):
        await stands_still(again)
        await ground.expect_effects(range(40))
        assert await set_offset(ground.database, ground.source.name, 0) == 4
        await ground.expect_effects(range(400))
        assert again.health()["ok"]


async def test_a_topic_made_again_while_it_is_read_stops_and_a_single_partition_does_not_accept_it(
    ground: Ground,
) -> None:
    bus = await ground.bus()
    await ground.send(bus, range(40))
    async with ground.consuming(bus, {ground.source: record_effects}):
        await ground.expect_effects(range(40))
        await recreate(ground)
        await stands_still(bus)
        known = await ground.database.fetchval("SELECT topic_id FROM topic_identity")
        await set_offset(ground.database, ground.source.name, 0, partition=1)
        assert await ground.database.fetchval("SELECT topic_id FROM topic_identity") == known
        other = await ground.bus()
        await ground.send(other, range(40, 80))
        await stands_still(bus)
        await ground.expect_effects(range(40))
        await set_offset(ground.database, ground.source.name, 0)
        await ground.expect_effects(range(80))
        assert bus.health()["ok"]

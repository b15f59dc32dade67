"""The adapter to aiokafka's consumer: no group, no commit, no reset; it reads where it is told to."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeAlias

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from lethe_messaging.guard import CLIENT_ERRORS, dispose, guarded
from lethe_messaging.topic_ids import topic_ids

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from uuid import UUID

    from lethe_messaging.settings import KafkaSettings

log = logging.getLogger(__name__)

_STOP_PATIENCE = 5.0
_ENDS_PATIENCE = 3.0
_ONE = (1, 200)  # bytes and milliseconds a fetch waits for: while little comes, each message is fetched at once
_MANY = 32 << 10  # a fetch for every few records is what a broker spends its time on

Place: TypeAlias = "tuple[str, int]"
"""Topic and partition."""


class Unavailable(Exception):
    """These partitions cannot be read on, and only a person can decide how to go on.

    `offset_out_of_range`: the broker no longer has (or not yet has) the offset that PostgreSQL names.
    `unreadable`: the client cannot parse what the broker has there.
    """

    def __init__(self, reason: str, places: Collection[Place]) -> None:
        super().__init__(reason)
        self.reason = reason
        self.places = places


class Reader:
    """One client. Used by one task only, since `assign` and `poll` must not interleave.

    `wait_s`: how long records wait for company at the broker while many come.
    """

    def __init__(self, settings: KafkaSettings, wait_s: float = 0.05) -> None:
        self._many = (_MANY, int(wait_s * 1000))
        self._client: Any = AIOKafkaConsumer(
            **settings.client_options(),
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",  # what a product's transaction took back was never said
            fetch_min_bytes=_ONE[0],
            fetch_max_wait_ms=_ONE[1],
            fetch_max_bytes=8 << 20,
            max_partition_fetch_bytes=256 << 10,
        )

    @property
    def client(self) -> Any:
        """What holds the connections."""
        return self._client._client  # noqa: SLF001 - the client of the client: the consumer has no call for it

    async def open(self) -> None:
        try:
            with guarded():
                await self._client.start()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        await dispose(self._client.stop(), _STOP_PATIENCE)

    def expect(self, *, many: bool) -> None:
        """From the next fetch on, let records gather at the broker, or have each at once."""
        fetcher = self._client._fetcher  # noqa: SLF001 - the client takes these once, and load changes
        fetcher._fetch_min_bytes, fetcher._fetch_max_wait_ms = self._many if many else _ONE  # noqa: SLF001

    def assign(self, positions: Mapping[Place, int]) -> None:
        """Read these partitions from these offsets, and nothing else. Replaces everything, so all are sought."""
        if not positions:
            self._client.unsubscribe()
            return
        self._client.assign([TopicPartition(*place) for place in positions])
        for place, offset in positions.items():
            self.seek(place, offset)

    def seek(self, place: Place, offset: int) -> None:
        self._client.seek(TopicPartition(*place), offset)

    def pause(self, place: Place) -> None:
        self._client.pause(TopicPartition(*place))

    def resume(self, place: Place) -> None:
        self._client.resume(TopicPartition(*place))

    async def poll(self, seconds: float) -> Mapping[Place, tuple[Sequence[Any], int]]:
        """What arrived, each with the position where reading goes on. Raises Unavailable or one of CLIENT_ERRORS."""
        with guarded():
            try:
                arrived = await self._client.getmany(timeout_ms=int(seconds * 1000))
            except OffsetOutOfRangeError as error:
                raise Unavailable("offset_out_of_range", [(tp.topic, tp.partition) for tp in error.args[0]]) from error
            positions = {tp: await self._client.position(tp) for tp in arrived}
        return {(tp.topic, tp.partition): (records, positions[tp]) for tp, records in arrived.items()}

    async def unreadable(self) -> Unavailable:
        """After `poll` raised something else: which of the assigned partitions cannot be parsed.

        What this reads is thrown away: assign anew afterwards.
        """
        broken: list[Place] = []
        for tp in self._client.assignment():
            try:
                with guarded():
                    await self._client.getmany(tp, timeout_ms=500)
            except CLIENT_ERRORS:
                continue
            except Exception as error:  # noqa: BLE001 - a parser may raise anything
                log.warning("a partition cannot be parsed", extra={"topic": tp.topic, "error": type(error).__name__})
                broken.append((tp.topic, tp.partition))
        return Unavailable("unreadable", broken)

    def high_water(self, place: Place) -> int:
        """Offset after the last committed record the broker had when it last answered; 0 before."""
        return self._client.last_stable_offset(TopicPartition(*place)) or 0

    async def ends(self, places: Collection[Place]) -> Mapping[Place, int]:
        """The same, asked of the broker now. Raises one of CLIENT_ERRORS."""
        async with asyncio.timeout(_ENDS_PATIENCE):
            with guarded():
                found = await self._client.end_offsets([TopicPartition(*place) for place in places])
        return {(tp.topic, tp.partition): end for tp, end in found.items()}

    async def topic_ids(self, topics: Collection[str]) -> Mapping[str, UUID]:
        """The broker's ids of these topics. Raises one of CLIENT_ERRORS."""
        async with asyncio.timeout(_ENDS_PATIENCE):
            with guarded():
                return await topic_ids(self.client, topics)

    async def beginnings(self, topic: str, partitions: int) -> list[int]:
        """The oldest offset of each partition. Raises one of CLIENT_ERRORS."""
        wanted = [TopicPartition(topic, n) for n in range(partitions)]
        async with asyncio.timeout(_ENDS_PATIENCE):
            with guarded():
                found = await self._client.beginning_offsets(wanted)
        return [found[tp] for tp in wanted]

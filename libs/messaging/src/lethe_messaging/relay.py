"""The relay: publishes what writers committed and did not publish themselves. The guarantee behind the publisher."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from lethe_postgres import crashpoint, is_transient

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from lethe_messaging.metrics import Metrics
    from lethe_messaging.outbox import Chunk, Outbox
    from lethe_messaging.producer import Producer
    from lethe_messaging.settings import Tuning

log = logging.getLogger(__name__)

_PAGE = 5_000  # records
_LONGEST_PAUSE = 60.0  # seconds between attempts at a chunk that the broker refuses


class Relay:
    """Sweeps the outbox while this instance leads its schema. A chunk published twice is allowed, one lost is not."""

    def __init__(
        self,
        producer: Producer,
        outbox: Outbox,
        tuning: Tuning,
        metrics: Metrics,
        *,
        leads: Callable[[], bool],
        held: Callable[[], Collection[int]],
    ) -> None:
        self._producer = producer
        self._outbox = outbox
        self._tuning = tuning
        self._metrics = metrics
        self._leads = leads
        self._held = held

    async def run(self) -> None:
        """Sweep every tick until cancelled; without pause while there is more."""
        while True:
            more = False
            try:
                if self._leads():
                    more = await self.sweep()
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning("the relay cannot reach the database", extra={"error": type(error).__name__})
            if not more:
                await asyncio.sleep(self._tuning.tick)

    async def sweep(self) -> bool:
        """Publish one page, oldest first. True if there may be more to do at once."""
        chunks = await self._outbox.sweep(self._held(), self._tuning.relay_after, _PAGE)
        if not chunks:
            return False
        crashpoint("relay.read")
        records = [record for chunk in chunks for record in chunk.records]
        outcome = await self._producer.publish(records)
        crashpoint("relay.published")
        missing = {*outcome.failed, *outcome.refused}
        start = 0
        done: list[int] = []
        for chunk in chunks:
            span = range(start, start + len(chunk.records))
            start = span.stop
            keep = [records[n] for n in span if n in missing]
            if not keep:
                done.append(chunk.id)
            elif not self._producer.unreachable:
                await self._put_off(chunk._replace(records=keep))
        await self._outbox.delete(done)
        crashpoint("relay.deleted")
        self._metrics.relayed.inc(len(done))
        return bool(done)

    async def _put_off(self, chunk: Chunk) -> None:
        pause = min(_LONGEST_PAUSE, 2.0**chunk.attempts)
        log.warning("a chunk is refused by the broker", extra={"chunk": chunk.id, "attempts": chunk.attempts + 1})
        await self._outbox.leave_to_relay(chunk, pause)

"""The topics that intake needs. Brokers may be away when it starts: requests are accepted all the same."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from lethe_messaging import TopicMismatch, ensure_topics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lethe_events.topics import Topic
    from lethe_messaging import KafkaSettings

_PAUSE_S = 2.0
_PATIENCE_S = 10.0


class Broker:
    """Makes sure of the topics. `ready` once they are there."""

    def __init__(self, settings: KafkaSettings, topics: Sequence[Topic], partitions: int) -> None:
        self._settings = settings
        self._topics = topics
        self._partitions = partitions
        self.ready = False

    async def attempt(self) -> None:
        """Raises TopicMismatch, which a person has to mend; any other error only means that it is not ready yet."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await ensure_topics(self._settings, self._topics, self._partitions)
        except TopicMismatch:
            raise
        except Exception as error:  # noqa: BLE001 - whatever keeps brokers from answering
            structlog.get_logger(__name__).warning("the brokers do not answer yet", error=type(error).__name__)
        else:
            self.ready = True

    async def insist(self) -> None:
        while not self.ready:
            await asyncio.sleep(_PAUSE_S)
            await self.attempt()

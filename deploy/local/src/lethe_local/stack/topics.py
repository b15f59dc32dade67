"""What has to be in Kafka before a service starts: every topic, with the one partition count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_events.topics import TOPICS, tasks_of
from lethe_local.errors import LocalError, NotReady
from lethe_messaging import KafkaSettings, MessagingError, ensure_topics
from lethe_processors.register import RegisterError, load_register

if TYPE_CHECKING:
    from pathlib import Path

    from lethe_local.stack.config import Config


def kafka_native(register: Path) -> list[str]:
    """The processors that take their tasks from a topic of their own. Raises LocalError."""
    try:
        processors = load_register(register).processors.values()
    except RegisterError as error:
        raise LocalError(
            f"the register in {register} has {len(error.problems)} problem(s), the first: {error.problems[0]}. "
            "`lethe register check` lists all."
        ) from error
    return [processor.processor for processor in processors if processor.connector.kind == "kafka"]


async def prepare(config: Config, processors: list[str]) -> None:
    """Create what is missing. Raises NotReady if a topic exists with another partition count."""
    topics = [*TOPICS, *(tasks_of(processor) for processor in processors)]
    try:
        await ensure_topics(KafkaSettings(config.kafka_address), topics, config.partitions)
    except (MessagingError, OSError) as error:
        raise NotReady(f"cannot prepare Kafka's topics: {error}") from error

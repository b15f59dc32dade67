"""From an entry of the register to something that can be called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_processors.errors import NoConnector

if TYPE_CHECKING:
    from lethe_processors.connector import Connector
    from lethe_processors.credentials import Credentials
    from lethe_processors.register import Processor


def connector_for(processor: Processor, credentials: Credentials) -> Connector:
    """A connector of its own; the caller closes it. Nothing is connected to before the first call.

    Raises NoConnector for a Kafka-native processor, which gets its tasks on its topic, and for an SQL processor
    that was not loaded by `load_register` and so has no dataset.
    """
    from lethe_processors.register.models import HttpSettings, SqlSettings

    settings = processor.connector
    if isinstance(settings, SqlSettings):
        from lethe_processors.dataset import Graph
        from lethe_processors.sql import SqlConnector

        if processor.dataset is None:
            raise NoConnector(f"{processor.id} has no dataset: load the register with load_register")
        return SqlConnector(
            Graph(processor.dataset, processor.identities),
            credentials,
            read=settings.read,
            write=settings.write,
            key=settings.key,
            ordinary=settings.ordinary,
            connections=processor.concurrency,
        )
    if isinstance(settings, HttpSettings):
        from lethe_processors.http import HttpConnector

        return HttpConnector.from_settings(settings.profile, credentials)
    raise NoConnector(f"{processor.id} takes its tasks from its own topic: no connector reaches it")

"""What a broker calls a topic's id: a topic deleted and made again has the old name and another id.

The request is version 10 of Kafka's Metadata API (KIP-516), the first that tells ids; aiokafka asks version 5.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from aiokafka.errors import IncompatibleBrokerVersion
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Boolean, CompactArray, CompactString, Int16, Int32, Schema, TaggedFields

if TYPE_CHECKING:
    from collections.abc import Collection
    from io import BytesIO

_UNNAMED = UUID(int=0)
_API, _VERSION = 3, 10


async def topic_ids(client: Any, names: Collection[str]) -> dict[str, UUID]:
    """Ids of these topics, asked of an aiokafka client. Absent: no such topic now, or a broker that tells no ids.

    Raises one of CLIENT_ERRORS.
    """
    try:
        answer = await client.send(client.get_random_node(), _metadata()(sorted(names)))
    except (NotImplementedError, IncompatibleBrokerVersion):
        return {}
    return {name: id_ for error, name, id_, *_ in answer.topics if error == 0 and id_ != _UNNAMED}


@lru_cache(maxsize=1)
def _metadata() -> Any:
    """The class of the request."""
    partition = (
        *(("error", Int16), ("index", Int32), ("leader", Int32), ("leader_epoch", Int32)),
        *(("replicas", CompactArray(Int32)), ("isr", CompactArray(Int32)), ("offline", CompactArray(Int32))),
        ("tags", TaggedFields),
    )
    broker = (("node", Int32), ("host", CompactString()), ("port", Int32), ("rack", CompactString()))

    class Metadata10Response(Response):  # type: ignore[misc]
        API_KEY = _API
        API_VERSION = _VERSION
        SCHEMA = Schema(
            ("throttle_ms", Int32),
            ("brokers", CompactArray(*broker, ("tags", TaggedFields))),
            ("cluster", CompactString()),
            ("controller", Int32),
            (
                "topics",
                CompactArray(
                    *(("error", Int16), ("name", CompactString()), ("id", _Uuid), ("internal", Boolean)),
                    *(("partitions", CompactArray(*partition)), ("operations", Int32), ("tags", TaggedFields)),
                ),
            ),
            ("operations", Int32),
            ("tags", TaggedFields),
        )

    class Metadata10(RequestStruct):  # type: ignore[misc]
        API_KEY = _API
        API_VERSION = _VERSION
        FLEXIBLE_VERSION = True
        RESPONSE_TYPE = Metadata10Response
        SCHEMA = Schema(
            ("topics", CompactArray(("id", _Uuid), ("name", CompactString()), ("tags", TaggedFields))),
            *(("create", Boolean), ("cluster_operations", Boolean), ("topic_operations", Boolean)),
            ("tags", TaggedFields),
        )

    class Metadata(Request[Metadata10]):  # type: ignore[misc]
        API_KEY = _API

        def __init__(self, names: list[str]) -> None:
            self._names = names

        def build(self, request_struct_class: type[Metadata10]) -> Metadata10:
            # by name alone, and none is created by asking for it
            topics: list[tuple[UUID, str, dict[int, bytes]]] = [(_UNNAMED, name, {}) for name in self._names]
            return request_struct_class(topics, False, False, False, {})

    return Metadata


class _Uuid(AbstractType[UUID]):  # type: ignore[misc]
    @classmethod
    def encode(cls, value: UUID) -> bytes:
        return value.bytes

    @classmethod
    def decode(cls, data: BytesIO) -> UUID:
        return UUID(bytes=data.read(16))

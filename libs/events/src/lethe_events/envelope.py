"""CloudEvents 1.0.2 on Kafka: binary mode written, binary and structured mode read (the Kafka protocol binding)."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from lethe_events.catalogue import MESSAGES
from lethe_events.errors import Malformed, UnknownType
from lethe_events.ids import id_of, text_of
from lethe_events.models import Message, read, to_json
from lethe_events.upcast import upcast

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

Headers = tuple[tuple[str, bytes], ...]
_JSON_TYPE = b"application/json"
_SPECVERSION = ("ce_specversion", b"1.0")
_STRUCTURED_PREFIX = b"application/cloudevents"


class Record(NamedTuple):
    """A message ready to be produced: key and header values are UTF-8, headers in writing order."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers


class Envelope(NamedTuple):
    """What every message carries beside its body. Nothing has a default that would hide a broken trace or dedupe.

    `id` is deterministic for what a saga sends (see `ids.message_id`), so that a duplicate has the same id.
    `traceparent` is the W3C context of this hop; None where the writer has no trace.
    """

    id: UUID
    source: str
    time: datetime
    correlation_id: UUID
    causation_id: UUID | None
    traceparent: str | None = None


class Received(NamedTuple):
    """A decoded message: `body` is already the newest version of its type."""

    envelope: Envelope
    body: Message
    type: str = ""


class Stamp:
    """What the messages have in common that one saga sends at one time for one cause: written once for all of them."""

    __slots__ = ("_after", "_key", "_source")

    def __init__(
        self,
        *,
        source: str,
        key: str,
        time: datetime,
        correlation_id: UUID,
        causation_id: UUID | None,
        traceparent: str | None = None,
    ) -> None:
        """Raises ValueError if `time` is naive."""
        if time.tzinfo is None:
            msg = "the time of a message must be aware"
            raise ValueError(msg)
        self._key = key.encode()
        self._source = ("ce_source", source.encode())
        after: Headers = (
            ("ce_subject", self._key),
            ("ce_time", time.astimezone(UTC).isoformat().replace("+00:00", "Z").encode()),
            ("ce_correlationid", text_of(correlation_id).encode()),
            ("content-type", _JSON_TYPE),
        )
        if causation_id is not None:
            after += (("ce_causationid", text_of(causation_id).encode()),)
        if traceparent is not None:
            after += (("traceparent", traceparent.encode()),)
        self._after = after

    def record(self, topic: str, body: Message, id_: UUID) -> Record:
        """One message in binary mode. `body` was built of checked values: it is not looked at again (see `encode`)."""
        before = (_SPECVERSION, ("ce_id", text_of(id_).encode()), ("ce_type", body.TYPE.encode()), self._source)
        return Record(topic, self._key, to_json(body), before + self._after)


def encode(topic: str, key: str, body: Message, envelope: Envelope) -> Record:
    """Write one message in binary mode.

    Raises ValueError if `envelope.time` is naive, Malformed if `body` holds what its reader would refuse.
    """
    stamp = Stamp(
        source=envelope.source,
        key=key,
        time=envelope.time,
        correlation_id=envelope.correlation_id,
        causation_id=envelope.causation_id,
        traceparent=envelope.traceparent,
    )
    record = stamp.record(topic, body, envelope.id)
    read(type(body), record.value)
    return record


def decode(headers: Sequence[tuple[str, bytes]], value: bytes | None) -> Received:
    """Read one message, upcast to the newest version of its type.

    The mode is chosen by `content-type` alone, as the binding says; stray `ce_` headers of a structured
    message are ignored. Raises UnknownType or Malformed; both mean: park it, do not stop.
    """
    if value is None:
        raise Malformed("tombstone", "a message without a body")
    names = {k.lower(): v for k, v in headers}
    if names.get("content-type", _JSON_TYPE) != _JSON_TYPE and _is_structured(names):
        attributes, data = _structured(value)
    else:
        attributes, data = _binary(names), value
    return _build(attributes, data)


def _is_structured(names: Mapping[str, bytes]) -> bool:
    return names["content-type"].lower().startswith(_STRUCTURED_PREFIX)


def _binary(names: Mapping[str, bytes]) -> dict[str, str]:
    try:
        return {k.removeprefix("ce_"): v.decode() for k, v in names.items()}
    except UnicodeDecodeError as error:
        raise Malformed("header_encoding", "a header value is not UTF-8") from error


def _structured(value: bytes) -> tuple[dict[str, str], bytes]:
    try:
        event = json.loads(value)
        if not isinstance(event, dict):
            raise Malformed("structured", "a structured event must be a JSON object")
        data = base64.b64decode(event["data_base64"]) if "data_base64" in event else json.dumps(event["data"]).encode()
    except (ValueError, KeyError) as error:
        raise Malformed("structured", "the structured event cannot be read") from error
    return {k: v for k, v in event.items() if isinstance(v, str)}, data


def _build(attributes: Mapping[str, str], data: bytes) -> Received:
    type_ = attributes.get("type")
    if type_ is None:
        raise Malformed("no_type", "ce_type is missing")
    current, data = upcast(type_, data)
    model = MESSAGES.get(current)
    if model is None:
        raise UnknownType(type_)
    try:
        body = read(model, data)
    except Malformed as error:
        raise Malformed("schema", f"{type_}: {error.detail}") from None
    try:
        cause = attributes.get("causationid")
        time = datetime.fromisoformat(attributes["time"])
        envelope = Envelope(
            id=id_of(attributes["id"]),
            source=attributes["source"],
            time=time,
            correlation_id=id_of(attributes["correlationid"]),
            causation_id=id_of(cause) if cause else None,
            traceparent=attributes.get("traceparent"),
        )
    except (KeyError, ValueError) as error:
        raise Malformed("envelope", f"{type_}: {type(error).__name__} in an envelope attribute") from None
    if time.tzinfo is None:
        raise Malformed("envelope", f"{type_}: ce_time has no offset")
    return Received(envelope, body, current)

"""CloudEvents 1.0.2 on Kafka: binary mode written, binary and structured mode read (the Kafka protocol binding)."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from lethe_events.errors import Malformed, UnknownType
from lethe_events.models import MESSAGES, Message, read, to_json
from lethe_events.upcast import upcast

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Headers = tuple[tuple[str, bytes], ...]
_JSON_TYPE = b"application/json"
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


def encode(topic: str, key: str, body: Message, envelope: Envelope) -> Record:
    """Write one message in binary mode.

    Raises ValueError if `envelope.time` is naive, Malformed if `body` holds what its reader would refuse.
    """
    value = to_json(body)
    read(type(body), value)
    return Record(topic, key.encode(), value, headers_of(key, body.TYPE, envelope))


def headers_of(key: str, type_: str, envelope: Envelope) -> Headers:
    """The attributes of a message as Kafka headers. Raises ValueError if `envelope.time` is naive."""
    if envelope.time.tzinfo is None:
        msg = "envelope.time must be aware"
        raise ValueError(msg)
    headers: Headers = (
        ("ce_specversion", b"1.0"),
        ("ce_id", str(envelope.id).encode()),
        ("ce_type", type_.encode()),
        ("ce_source", envelope.source.encode()),
        ("ce_subject", key.encode()),
        ("ce_time", envelope.time.astimezone(UTC).isoformat().replace("+00:00", "Z").encode()),
        ("ce_correlationid", str(envelope.correlation_id).encode()),
        ("content-type", _JSON_TYPE),
    )
    if envelope.causation_id is not None:
        headers += (("ce_causationid", str(envelope.causation_id).encode()),)
    if envelope.traceparent is not None:
        headers += (("traceparent", envelope.traceparent.encode()),)
    return headers


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
            id=UUID(attributes["id"]),
            source=attributes["source"],
            time=time,
            correlation_id=UUID(attributes["correlationid"]),
            causation_id=UUID(cause) if cause else None,
            traceparent=attributes.get("traceparent"),
        )
    except (KeyError, ValueError) as error:
        raise Malformed("envelope", f"{type_}: {type(error).__name__} in an envelope attribute") from None
    if time.tzinfo is None:
        raise Malformed("envelope", f"{type_}: ce_time has no offset")
    return Received(envelope, body, current)

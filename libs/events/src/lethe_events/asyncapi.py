"""The AsyncAPI 3.0 document and the readable page of the bus, generated from topics and models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from lethe_events.catalogue import MESSAGES
from lethe_events.models import WHOLE, Message
from lethe_events.topics import DEFAULT_PARTITIONS, TOPICS, Topic, tasks_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_UUID = {"type": "string", "format": "uuid"}
_PROPERTIES: Mapping[str, Mapping[str, str]] = {
    "ce_specversion": {"const": "1.0"},
    "ce_id": _UUID,
    "ce_source": {"type": "string", "format": "uri-reference"},
    "ce_subject": {"type": "string"},
    "ce_time": {"type": "string", "format": "date-time"},
    "ce_correlationid": _UUID,
    "ce_causationid": _UUID,
    "content-type": {"const": "application/json"},
    "traceparent": {"type": "string", "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"},
}
_HEADERS: Mapping[str, Any] = {
    "type": "object",
    "required": ["ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time", "ce_correlationid", "content-type"],
    "properties": _PROPERTIES,
}


def all_topics() -> tuple[Topic, ...]:
    """Every topic of the contract; the per-processor task topic stands once, with a placeholder."""
    return (*TOPICS, tasks_of("{processor_id}"))


def _message_name(model: type[Message]) -> str:
    return model.__name__


def _message(model: type[Message], payload: Mapping[str, Any]) -> dict[str, Any]:
    headers = {**_HEADERS, "properties": {**_PROPERTIES, "ce_type": {"const": model.TYPE}}}
    return {
        "name": model.TYPE,
        "summary": (model.__doc__ or "").strip().split("\n")[0],
        "contentType": "application/json",
        "correlationId": {"location": "$message.header#/ce_correlationid"},
        "headers": headers,
        "payload": payload,
    }


def schemas() -> dict[str, Any]:
    """JSON Schema (2020-12) of every message body and of what stands in them, by name."""
    _, found = msgspec.json.schema_components(list(MESSAGES.values()), ref_template="#/components/schemas/{name}")
    return {name: _as_written(schema) for name, schema in sorted(found.items())}


def _as_written(schema: Any) -> Any:
    """Patterns as in the contract: `$` means the end in JSON Schema as it is."""
    if isinstance(schema, dict):
        return {key: _as_written(value) for key, value in schema.items()}
    if isinstance(schema, list):
        return [_as_written(value) for value in schema]
    return schema.removesuffix(WHOLE) if isinstance(schema, str) else schema


def asyncapi_document() -> dict[str, Any]:
    """AsyncAPI 3.0.0 with one channel per topic and JSON Schemas of every message body."""
    parts = schemas()
    messages = {(name := _message_name(model)): _message(model, parts.pop(name)) for model in MESSAGES.values()}
    channels = {_channel_id(topic): _channel(topic) for topic in all_topics()}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Lethe on the bus", "version": "1.0.0"},
        "defaultContentType": "application/json",
        "channels": channels,
        "components": {"messages": messages, "schemas": parts},
    }


def _channel_id(topic: Topic) -> str:
    return topic.name.replace("{processor_id}", "processor").replace(".", "_")


def _channel(topic: Topic) -> dict[str, Any]:
    names = [_message_name(MESSAGES[t]) for t in topic.messages]
    channel: dict[str, Any] = {
        "address": topic.name,
        "messages": {n: {"$ref": f"#/components/messages/{n}"} for n in names},
        "bindings": {
            "kafka": {
                "partitions": DEFAULT_PARTITIONS,
                "topicConfiguration": {"cleanup.policy": ["delete"], "retention.ms": topic.retention_ms},
                "bindingVersion": "0.5.0",
            }
        },
    }
    if "{" in topic.name:
        channel["parameters"] = {"processor_id": {"description": "Id of a Kafka-native processor in the register"}}
    return channel


def events_page() -> str:
    """docs/events.md: topics, keys, retention and the fields of each message."""
    lines = [
        "# Events on the bus",
        "",
        "Printed from `libs/events` by `make docs`; do not edit. CloudEvents 1.0.2, Kafka binary mode, JSON bodies.",
        "No field can hold free text, and none holds personal data. The machine-readable form is `asyncapi.json`.",
        "",
        "| topic | key | kept | messages |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| `{t.name}` | {t.key} | {t.retention_ms // 86_400_000} d | {', '.join(f'`{m}`' for m in t.messages)} |"
        for t in all_topics()
    ]
    known = schemas()
    for model in MESSAGES.values():
        lines += ["", f"## `{model.TYPE}`", "", (model.__doc__ or "").strip(), ""]
        lines += ["| field | required | form |", "|---|---|---|"]
        schema = known[_message_name(model)]
        for name, form in schema["properties"].items():
            required = "yes" if name in schema["required"] else "no"
            lines.append(f"| `{name}` | {required} | {_form(form)} |")
    return "\n".join(lines) + "\n"


def _form(schema: Mapping[str, Any]) -> str:
    """A JSON Schema in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in schema:
        return " or ".join(_form(s) for s in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_form(schema.get('items', {}))}"
    words = [str(schema.get("format") or schema.get("type", "any"))]
    if "pattern" in schema:
        words.append("`" + schema["pattern"].replace("|", "\\|") + "`")
    if "minimum" in schema:
        words.append(f"≥ {schema['minimum']}")
    return " ".join(words)

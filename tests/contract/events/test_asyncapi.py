"""The AsyncAPI document says what is really written: real messages are held against it."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from lethe_events import MESSAGES
from lethe_events.asyncapi import all_topics, asyncapi_document

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))
DOCUMENT = asyncapi_document()


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator(schema | {"components": DOCUMENT["components"]})


def described(type_: str) -> dict[str, Any]:
    found: dict[str, Any] = next(m for m in DOCUMENT["components"]["messages"].values() if m["name"] == type_)
    return found


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: p.stem)
def test_headers_and_body_of_every_message_fit_the_document(path: Path) -> None:
    golden = json.loads(path.read_text())
    message = described(path.stem)
    assert [e.message for e in validator(message["payload"]).iter_errors(golden["value"])] == []
    assert [e.message for e in validator(message["headers"]).iter_errors(golden["headers"])] == []


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: p.stem)
def test_a_body_that_lacks_a_field_does_not_fit(path: Path) -> None:
    golden = json.loads(path.read_text())
    for name in described(path.stem)["payload"]["required"]:
        broken = {k: v for k, v in golden["value"].items() if k != name}
        assert list(validator(described(path.stem)["payload"]).iter_errors(broken))


def test_every_topic_and_every_message_stands_in_the_document() -> None:
    assert {c["address"] for c in DOCUMENT["channels"].values()} == {t.name for t in all_topics()}
    assert {m["name"] for m in DOCUMENT["components"]["messages"].values()} == set(MESSAGES)
    for channel in DOCUMENT["channels"].values():
        for reference in channel["messages"].values():
            assert reference["$ref"].removeprefix("#/components/messages/") in DOCUMENT["components"]["messages"]

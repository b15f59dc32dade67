from __future__ import annotations

import base64
import json

from lethe_messaging.shape import shape, told_by

ID = "0198c0de-7a11-7000-8000-5e1f00000001"


def encoded(**headers: str) -> list[list[str]]:
    return [[name, base64.b64encode(value.encode()).decode()] for name, value in headers.items()]


def test_ids_and_words_of_the_contract_are_shown_and_nothing_else() -> None:
    body = {
        "dsr_id": ID,
        "verb": "erase",
        "controller_id": "ada@people.example",
        "attempt": 491701234567,
        "promised": True,
        "counts": {"ada lovelace": [1, {"ada@people.example": "ada"}]},
        "ada": None,
        "at": "1815-12-10T00:00:00Z",
    }
    shown = shape(json.dumps(body).encode())
    assert shown == {
        "dsr_id": ID,
        "verb": "erase",
        "controller_id": "(string of 18)",
        "attempt": "(number)",
        "(unknown name 5)": True,
        "counts": {"(unknown name 1)": ["(number)", {"(unknown name 1)": "(string of 3)"}]},
        "(unknown name 7)": None,
        "at": "(string of 20)",
    }


def test_what_is_no_json_is_told_by_its_size() -> None:
    assert shape(None) == "(no value)"
    assert shape(b"ada@people.example") == "(not JSON, 18 bytes)"
    assert shape(b"\xff\xfe") == "(not JSON, 2 bytes)"
    assert shape(b'"ada"') == "(string of 3)"
    assert "not JSON" in str(shape(b"[" * 100_000))


def test_depth_and_width_are_bounded() -> None:
    deep: object = "x"
    for _ in range(20):
        deep = [deep]
    assert "(deeper)" in json.dumps(shape(json.dumps(deep).encode()))
    shown = shape(json.dumps(list(range(1000))).encode())
    assert isinstance(shown, list)
    assert (len(shown), shown[-1]) == (51, "(950 more)")


def test_of_key_and_headers_only_what_is_as_it_should_be_is_told() -> None:
    headers = encoded(ce_type="lethe.task.acknowledged.v1", ce_id=ID, ce_source="ada@people.example", note="ada")
    assert told_by(ID.encode(), headers) == {"key": ID, "type": "lethe.task.acknowledged.v1", "id": ID}
    assert told_by(b"ada@people.example", encoded(ce_type="lethe.ada@people.example.v1", ce_time="ada")) == {}
    assert told_by(b"\xff" * 36, encoded(ce_id="a" * 36)) == {}

"""`lethe parked`, against answers as services give them."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from lethe_client.cli import run
from lethe_client.messaging import MessagingClient

if TYPE_CHECKING:
    from pathlib import Path

PLACE = "dsr.acks/3/17"
MESSAGE = {
    "topic": "dsr.acks", "partition": 3, "offset": 17, "code": "schema", "detail": "lethe.x.v1: verb: missing",
    "state": "parked", "note": None, "edited_by": None, "bytes": 90, "first_seen": "2026-11-23T09:00:00Z",
    "changed_at": "2026-11-23T09:00:00Z", "envelope": {"type": "lethe.task.acknowledged.v1"},
}  # fmt: skip


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, serve: Any) -> Any:
    """`served(body, …)`: services give these answers in order; what they were asked is kept."""

    def start(*bodies: object) -> Any:
        service = serve(*[httpx.Response(200 if body is not None else 204, json=body) for body in bodies])
        monkeypatch.setattr(
            "lethe_client.cli.parked.connect",
            lambda name: MessagingClient(f"http://{name}.example", "t", transport=service),
        )
        monkeypatch.setattr("lethe_client.cli.parked.named", lambda: ["intake", "orchestrator"])
        return service

    return start


def test_all_services_are_listed_unless_one_is_named(served: Any, capsys: pytest.CaptureFixture[str]) -> None:
    service = served({"items": [], "next": None}, {"items": [MESSAGE], "next": None})
    assert run(["parked", "list", "--code", "schema"]) == 0
    out = capsys.readouterr().out
    assert out == f"orchestrator\t{PLACE}\tschema\tparked\tlethe.task.acknowledged.v1\t\t{MESSAGE['detail']}\n"
    assert [r.url.host for r in service.asked] == ["intake.example", "orchestrator.example"]
    assert service.asked[0].url.params["code"] == "schema"
    served({"items": [MESSAGE], "next": None})
    assert run(["parked", "list", "--service", "export-worker", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["items"] == [MESSAGE]


def test_one_message_is_shown_with_the_form_of_its_body(served: Any, capsys: pytest.CaptureFixture[str]) -> None:
    served({**MESSAGE, "form": {"verb": "erase"}, "correction": None})
    assert run(["parked", "show", PLACE]) == 0
    assert '"verb": "erase"' in capsys.readouterr().out
    assert run(["parked", "show", "../../v1/x"]) == 2
    assert "TOPIC/PARTITION/OFFSET" in capsys.readouterr().err


@pytest.mark.parametrize("act", ["retry", "discard"])
def test_messages_are_settled_by_place_or_by_topic(served: Any, capsys: pytest.CaptureFixture[str], act: str) -> None:
    service = served({"count": 1})
    assert run(["parked", act, PLACE, "dsr.acks/4/0", "--reason", "fixed"]) == 0
    assert capsys.readouterr().out == f"2 message(s): {act}\n"
    assert [r.url.path for r in service.asked] == [f"/v1/messaging/parked/{act}"] * 2
    first = json.loads(service.asked[0].content)
    assert first == {"topic": "dsr.acks", "code": None, "place": {"partition": 3, "offset": 17}, "reason": "fixed"}
    service = served({"count": 9})
    assert run(["parked", act, "--topic", "dsr.acks", "--code", "schema", "--reason", "fixed", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"count": 9}
    assert json.loads(service.asked[0].content)["code"] == "schema"


@pytest.mark.parametrize("arguments", [[], [PLACE, "--topic", "dsr.acks"]])
def test_what_is_to_be_settled_has_to_be_said(served: Any, arguments: list[str]) -> None:
    served({"count": 1})
    assert run(["parked", "discard", *arguments, "--reason", "fixed"]) == 2


def test_a_correction_is_read_from_a_file(served: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    service = served(None)
    body = tmp_path / "body.json"
    body.write_text('{"verb": "erase"}')
    assert run(["parked", "edit", PLACE, "--body", str(body), "--reason", "typo"]) == 0
    assert "another person" in capsys.readouterr().out
    (asked,) = service.asked
    assert asked.url.path == f"/v1/messaging/parked/{PLACE}/edit"
    assert json.loads(asked.content) == {"body": {"verb": "erase"}, "type": None, "reason": "typo"}
    for text in ("{", "[]"):
        body.write_text(text)
        assert run(["parked", "edit", PLACE, "--body", str(body), "--reason", "typo"]) == 2
    assert run(["parked", "edit", PLACE, "--body", str(tmp_path / "none"), "--reason", "typo"]) == 2


def test_partitions_that_wait_are_listed_stepped_over_and_moved(
    served: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    standing = {"topic": "dsr.acks", "partition": 3, "next_offset": 17, "updated_at": "2026-11-23T09:00:00Z"}
    served({"items": [{**standing, "stopped": "unreadable"}, {**standing, "partition": 4, "stopped": None}]})
    assert run(["parked", "partitions", "--stopped"]) == 0
    assert capsys.readouterr().out == "dsr.acks\t3\t17\t2026-11-23T09:00:00Z\tunreadable\n"
    service = served({"next_offset": 19})
    assert run(["parked", "skip", PLACE, "--count", "2", "--reason", "unreadable"]) == 0
    assert capsys.readouterr().out == "dsr.acks/3 goes on at 19\n"
    assert json.loads(service.asked[0].content)["offset"] == 17
    service = served({"count": 8})
    assert run(["parked", "offset", "--topic", "dsr.acks", "--to", "0", "--reason", "kafka_lost"]) == 0
    assert capsys.readouterr().out == "8 partition(s) of dsr.acks go on at 0\n"
    assert json.loads(service.asked[0].content)["partition"] is None


def test_the_journal_is_checked_before_it_is_printed(served: Any, capsys: pytest.CaptureFixture[str]) -> None:
    content = {"act": "retry", "at": "2026-11-23T09:00:00Z", "by": "kim", "done": {}, "reason": "fixed", "seq": 1}
    text = json.dumps(content)
    good = {"seq": 1, "hash": sha256(f"{'0' * 64}\n{text}".encode()).hexdigest(), "content": text}
    served({"items": [good]})
    assert run(["parked", "journal"]) == 0
    assert "retry  kim  fixed" in capsys.readouterr().out
    served({"items": [{**good, "content": text.replace("kim", "sam")}]})
    assert run(["parked", "journal"]) != 0
    assert "broken at entry 1" in capsys.readouterr().err

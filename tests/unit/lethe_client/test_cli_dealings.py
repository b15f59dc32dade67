"""What is done about a request after it was submitted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from lethe_client import IntakeClient
from lethe_client.cli import run

if TYPE_CHECKING:
    from pathlib import Path

DSR_ID = "0198c0de-7a11-7000-8000-5e1f00000001"


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, serve: Any) -> Any:
    def start(*answers: httpx.Response | Exception) -> Any:
        service = serve(*answers)
        monkeypatch.setattr(
            "lethe_client.cli.dsrs.client", lambda: IntakeClient("http://intake.example", "t", transport=service)
        )
        return service

    return start


def test_a_request_is_taken_back(served: Any, capsys: pytest.CaptureFixture[str]) -> None:
    service = served(httpx.Response(200, json={"dsr_id": DSR_ID, "withdrawn_at": "2026-11-23T09:15:00Z"}))
    assert run(["dsr", "withdraw", DSR_ID]) == 0
    assert [(r.method, r.url.path) for r in service.asked] == [("POST", f"/v1/dsrs/{DSR_ID}/withdrawal")]
    assert capsys.readouterr().out == f"{DSR_ID}: withdrawn 2026-11-23T09:15:00+00:00\n"


def test_a_closed_request_is_told_with_the_exit_code_for_a_conflict(
    served: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    served(httpx.Response(409, json={"title": "Conflict", "detail": "The DSR is closed."}))
    assert run(["dsr", "withdraw", DSR_ID]) == 6
    assert "closed" in capsys.readouterr().err


def test_a_code_is_asked_for_and_given(served: Any, capsys: pytest.CaptureFixture[str]) -> None:
    service = served(
        httpx.Response(202, json={"status": "accepted", "valid_for_s": 900, "again_after_s": 60}),
        httpx.Response(200, json={"dsr_id": DSR_ID, "status": "verified"}),
    )
    assert run(["dsr", "send-code", DSR_ID, "--channel", "sms", "--language", "de"]) == 0
    assert run(["dsr", "verify", DSR_ID, "4071 9926"]) == 0
    assert [(r.url.path.rpartition("/")[2], json.loads(r.content)) for r in service.asked] == [
        ("code", {"channel": "sms", "language": "de"}),
        ("verify", {"code": "4071 9926"}),
    ]
    assert capsys.readouterr().out.splitlines()[-1] == f"{DSR_ID}: verified"


def test_a_person_records_how_they_made_sure(served: Any, capsys: pytest.CaptureFixture[str]) -> None:
    service = served(httpx.Response(200, json={"dsr_id": DSR_ID, "status": "verified", "method": "mandate_seen"}))
    assert run(["dsr", "verified-by-hand", DSR_ID, "--manner", "mandate_seen", "--mandate", "M-7"]) == 0
    assert json.loads(service.asked[0].content) == {"manner": "mandate_seen", "sensitive": False, "mandate": "M-7"}
    assert "mandate_seen" in capsys.readouterr().out


def test_what_kafka_lost_is_said_again_page_by_page(served: Any, capsys: pytest.CaptureFixture[str]) -> None:
    pages = [{"dsrs": 500, "messages": 501, "next": DSR_ID}, {"dsrs": 2, "messages": 1, "next": None}]
    service = served(*(httpx.Response(200, json=page) for page in pages))
    assert run(["dsr", "republish", "--reason", "kafka_lost"]) == 0
    assert capsys.readouterr().out == "502 request(s): 502 message(s) said again\n"
    assert [json.loads(r.content) for r in service.asked] == [
        {"reason": "kafka_lost", "after": None},
        {"reason": "kafka_lost", "after": DSR_ID},
    ]


def test_a_file_of_people_is_tried_and_sent_under_a_key_of_its_own(
    served: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "people.csv"
    file.write_bytes(b"row_key,right,email\na,access,x\n")
    fault = {"field": "row 1: identifiers.email[0]", "message": "is not an e-mail address", "fix": "send name@domain"}
    done = {"dry_run": False, "batch_id": DSR_ID, "people": 1, "accepted": 1}
    service = served(
        httpx.Response(200, json={"dry_run": True, "people": 0, "faults": [fault]}),
        httpx.Response(200, json=done),
        httpx.Response(200, json=done),
    )
    command = ["dsr", "batch", str(file), "--controller", "acme"]
    assert run([*command, "--dry-run"]) == 1
    assert "row 1: identifiers.email[0] is not" in capsys.readouterr().out
    assert run(command) == 0
    assert DSR_ID in capsys.readouterr().out
    assert run(command) == 0
    tried, sent, again = service.asked
    assert [r.url.params["dry_run"] for r in (tried, sent)] == ["true", "false"]
    assert sent.content == file.read_bytes()
    assert sent.headers["Content-Type"] == "text/csv"
    assert len(sent.headers["Idempotency-Key"]) == 64
    assert sent.headers["Idempotency-Key"] == again.headers["Idempotency-Key"]
    file.write_bytes(b"other")
    run(command)
    assert service.asked[-1].headers["Idempotency-Key"] != sent.headers["Idempotency-Key"]


def test_the_progress_of_a_batch_is_shown(served: Any, capsys: pytest.CaptureFixture[str]) -> None:
    progress = {
        "batch_id": DSR_ID, "controller_id": "acme", "begun_at": "2026-11-23T09:15:00Z", "people": 3, "requests": 2,
        "states": {"closed": 1, "fulfilling": 1}, "withdrawn": 0, "results": {"granted": 1}, "overdue": 1,
    }  # fmt: skip
    served(httpx.Response(200, json=progress))
    assert run(["dsr", "batch-show", DSR_ID]) == 0
    out = capsys.readouterr().out
    assert "2 of 3" in out
    assert "fulfilling" in out
    assert "1 granted" in out
    assert "overdue" in out


def test_the_requests_of_a_batch_are_listed(
    served: Any, dsr_answer: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    service = served(httpx.Response(200, json={"items": [dsr_answer], "next": None}))
    assert run(["dsr", "batch-show", DSR_ID, "--requests", "--state", "received", "--after", DSR_ID]) == 0
    assert service.asked[0].url.path == f"/v1/dsr-batches/{DSR_ID}/dsrs"
    assert dict(service.asked[0].url.params) == {"state": "received", "after": DSR_ID, "limit": "50"}
    assert dsr_answer["dsr_id"] in capsys.readouterr().out

"""The commands for on-call and the privacy team, against answers as the orchestrator gives them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from lethe_client import OrchestratorClient
from lethe_client.certificate import verify_chain
from lethe_client.cli import run
from lethe_events.canonical import GENESIS, link

if TYPE_CHECKING:
    from pathlib import Path

DSR_ID = "0198c0de-7a11-7000-8000-5e1f00000001"
TASK_ID = "5a1d3c52-98cc-5a39-9a45-0b8c1f6f0d11"
ROW = {
    "dsr_id": DSR_ID, "controller_id": "acme", "right": "erasure", "export_first": False, "state": "fulfilling",
    "received_at": "2020-11-23T09:00:00Z", "due_strict": "2020-12-23T23:00:00Z", "due_legal": "2020-12-23T23:00:00Z",
    "answered_at": None, "closed_at": None, "result": None, "tasks": 4, "settled": 1, "open_incidents": 1,
    "waiting_for": ["shop"],
}  # fmt: skip
INCIDENT = {
    "incident_id": TASK_ID, "dsr_id": DSR_ID, "controller_id": "acme", "processor_id": "shop", "task_id": TASK_ID,
    "code": "no_answer", "detail": "", "next_step": "look at the worker", "opened_at": "2026-11-23T09:00:00Z",
    "resolved_at": None, "resolved_by": None,
}  # fmt: skip
SAGA = ROW | {
    "clock": {"rule": "gdpr.art12_3"}, "verdicts": {"shop": "work_owed"}, "timeline": [], "retained": [],
    "incidents": [INCIDENT], "certificate_sha256": None,
    "tasks": [{
        "task_id": TASK_ID, "processor_id": "shop", "verb": "erase", "round": 1, "status": "incident", "attempt": 6,
        "code": "no_answer", "outcome": None, "grade": None, "next_step": "look at the worker",
    }],
}  # fmt: skip
ACTED = {"dsr_id": DSR_ID, "state": "fulfilling", "version": 9, "task_id": TASK_ID, "status": "issued", "attempt": 7}
REQUEST_ACTED = {
    "dsr_id": DSR_ID, "state": "fulfilling", "version": 9, "result": "withdrawn", "waiting_for": ["shop"],
    "due_strict": "2026-12-23T23:00:00Z", "due_legal": "2026-12-23T23:00:00Z",
}  # fmt: skip
REGISTER = {
    "version": "a" * 64, "register_id": 2, "loaded_at": "2026-11-23T09:00:00Z", "loaded_by": "ops", "is_new": True,
    "processors": [{"processor": "shop", "name": "Shop", "role": "own_system", "controllers": ["acme"],
                    "connector": "sql", "verbs": ["erase"], "after": [], "verification": "required"}],
}  # fmt: skip


def links() -> list[dict[str, Any]]:
    found, head = [], GENESIS
    for seq in (1, 2):
        content = {"seq": seq, "at": "2026-11-23T09:00:00Z", "kind": "request_received"}
        head = link(head, content)
        found.append({"seq": seq, "hash": head, "content": content})
    return found


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, serve: Any) -> Any:
    """`served(body, status=200)`: the orchestrator gives this answer; what it was asked is kept."""

    def start(body: object, status: int = 200) -> Any:
        service = serve(httpx.Response(status, json=body))
        for module in ("sagas", "requests", "registers", "certificates"):
            monkeypatch.setattr(
                f"lethe_client.cli.{module}.connect",
                lambda: OrchestratorClient("http://orchestrator.example", "t", transport=service),
            )
        return service

    return start


def test_the_list_shows_how_late_and_who_is_waited_for(served: Any, capsys: pytest.CaptureFixture[str]) -> None:
    service = served({"items": [ROW], "next": None})
    assert run(["saga", "list", "--incident", "--processor", "shop", "--state", "fulfilling"]) == 0
    cells = capsys.readouterr().out.rstrip("\n").split("\t")
    assert cells[:3] == [DSR_ID, "erasure", "fulfilling"]
    assert cells[3].startswith("late ")
    assert cells[4:] == ["1/4", "1", "shop"]
    assert dict(service.asked[0].url.params) == {
        "incident": "true",
        "processor": "shop",
        "state": "fulfilling",
        "limit": "50",
    }


def test_one_saga_shows_its_tasks_and_what_to_do(served: Any, capsys: pytest.CaptureFixture[str]) -> None:
    served(SAGA)
    assert run(["saga", "show", DSR_ID]) == 0
    out, err = capsys.readouterr()
    assert f"shop\terase\t1\tincident\t6\t\t\tno_answer\t{TASK_ID}" in out
    assert "shop: no_answer: look at the worker" in err
    assert run(["saga", "show", DSR_ID, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdicts"] == {"shop": "work_owed"}


def test_the_audit_log_is_checked_before_it_is_shown(served: Any, capsys: pytest.CaptureFixture[str]) -> None:
    served({"dsr_id": DSR_ID, "links": links()})
    assert run(["saga", "events", DSR_ID]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert run(["saga", "events", DSR_ID, "--json"]) == 0
    assert verify_chain(json.loads(capsys.readouterr().out)["links"])
    changed = links()
    changed[0]["content"]["kind"] = "something_else"
    served({"dsr_id": DSR_ID, "links": changed})
    assert run(["saga", "events", DSR_ID]) == 1


@pytest.mark.parametrize(
    ("arguments", "path", "body"),
    [
        (["retry"], "retry", None),
        (["except", "--ground", "legal_claims", "--reason", "litigation_7"], "exception",
         {"ground": "legal_claims", "article": None, "reason": "litigation_7"}),
        (["approve"], "exception/approve", None),
    ],
)  # fmt: skip
def test_acts_are_sent_once_and_their_outcome_told(
    served: Any, capsys: pytest.CaptureFixture[str], arguments: list[str], path: str, body: object
) -> None:
    service = served(ACTED)
    assert run(["saga", arguments[0], DSR_ID, TASK_ID, *arguments[1:]]) == 0
    assert capsys.readouterr().out == "task issued, attempt 7; saga fulfilling\n"
    (asked,) = service.asked
    assert (asked.method, asked.url.path) == ("POST", f"/v1/sagas/{DSR_ID}/tasks/{TASK_ID}/{path}")
    assert (json.loads(asked.content) if asked.content else None) == body


def test_incidents_are_listed(served: Any, capsys: pytest.CaptureFixture[str]) -> None:
    served({"items": [INCIDENT], "next": None})
    assert run(["incident", "list"]) == 0
    assert capsys.readouterr().out.startswith(f"no_answer\tshop\t{DSR_ID}\t{TASK_ID}")


@pytest.mark.parametrize(
    ("arguments", "path"), [(["--all"], "/v1/sagas/resume"), ([DSR_ID], f"/v1/sagas/{DSR_ID}/resume")]
)
def test_what_is_outstanding_is_asked_again(
    served: Any, capsys: pytest.CaptureFixture[str], arguments: list[str], path: str
) -> None:
    service = served({"sagas": 3, "questions": 7, "next": None})
    assert run(["saga", "resume", *arguments, "--reason", "kafka_lost"]) == 0
    assert capsys.readouterr().out == "3 saga(s): 7 question(s) asked again\n"
    (asked,) = service.asked
    assert (asked.method, asked.url.path) == ("POST", path)
    assert json.loads(asked.content)["reason"] == "kafka_lost"


def test_a_withdrawal_tells_who_is_still_waited_for(served: Any, capsys: pytest.CaptureFixture[str]) -> None:
    service = served(REQUEST_ACTED)
    assert run(["saga", "withdraw", DSR_ID, "--at", "2026-11-23T09:00:00+01:00"]) == 0
    assert "result withdrawn" in capsys.readouterr().out
    (asked,) = service.asked
    assert asked.url.path == f"/v1/sagas/{DSR_ID}/withdraw"
    assert json.loads(asked.content) == {"said_at": "2026-11-23T09:00:00+01:00"}
    assert run(["saga", "withdraw", DSR_ID, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["waiting_for"] == ["shop"]
    assert run(["saga", "withdraw", DSR_ID, "--at", "yesterday"]) == 2
    assert "offset" in capsys.readouterr().err


def test_an_extension_names_its_reasons_and_its_notice(served: Any, capsys: pytest.CaptureFixture[str]) -> None:
    service = served(REQUEST_ACTED | {"result": None})
    argv = ["saga", "extend", DSR_ID, "--further", "2", "--notified-at", "2026-11-23T09:00:00Z"]
    assert run([*argv, "--reason", "complexity", "--reason", "number_of_requests"]) == 0
    assert "due 2026-12-23T23:00:00+00:00" in capsys.readouterr().out
    assert json.loads(service.asked[0].content) == {
        "further": 2, "reasons": ["complexity", "number_of_requests"], "notified_at": "2026-11-23T09:00:00+00:00",
    }  # fmt: skip
    assert run(argv) == 2
    assert run(["saga", "extend", DSR_ID, "--further", "2", "--reason", "complexity"]) == 0
    assert json.loads(service.asked[-1].content) == {"further": 2, "reasons": ["complexity"]}
    served({"title": "Too late", "status": 409, "detail": "answer now"}, 409)
    assert run([*argv, "--reason", "complexity"]) == 6


def test_a_refusal_is_proposed_and_approved(served: Any) -> None:
    service = served(REQUEST_ACTED)
    assert run(["saga", "refuse", DSR_ID, "--ground", "excessive", "--reason", "fourth", "--authority", "DE-BE"]) == 0
    assert run(["saga", "approve-refusal", DSR_ID]) == 0
    assert [a.url.path.rsplit(DSR_ID)[1] for a in service.asked] == ["/refusal", "/refusal/approve"]
    assert json.loads(service.asked[0].content)["authority"] == "DE-BE"
    assert run(["saga", "refuse", DSR_ID, "--ground", "excessive"]) == 2


def test_a_hold_is_placed_lifted_and_approved(served: Any) -> None:
    service = served(REQUEST_ACTED)
    hold = ["saga", "hold", DSR_ID, "--ground", "legal_claims", "--matter", "m1"]
    assert run([*hold, "--processor", "crm", "--processor", "shop"]) == 0
    assert run(hold) == 0
    assert run(["saga", "lift-hold", DSR_ID, TASK_ID]) == 0
    assert run(["saga", "approve-hold", DSR_ID, TASK_ID]) == 0
    assert [json.loads(a.content).get("processors") for a in service.asked[:2]] == [["crm", "shop"], []]
    assert [a.url.path.rsplit("/", 1)[1] for a in service.asked] == ["holds", "holds", "lift", "approve"]


def test_every_open_saga_is_meant_only_if_it_is_said(served: Any, capsys: pytest.CaptureFixture[str]) -> None:
    served({})
    assert run(["saga", "resume"]) == 2
    assert "--all" in capsys.readouterr().err
    assert run(["saga", "resume", DSR_ID, "--all"]) == 2


def test_the_register_in_force_is_shown_and_loaded(served: Any, capsys: pytest.CaptureFixture[str]) -> None:
    served(REGISTER)
    assert run(["register", "show"]) == 0
    assert "shop\tShop\town_system\tacme\tsql" in capsys.readouterr().out
    assert run(["register", "load"]) == 0
    assert "now in force" in capsys.readouterr().out


def test_a_certificate_is_kept_as_it_was_signed(
    served: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    document = {"certificate": {"format": "x"}, "signature": {"alg": "Ed25519"}}
    served(document)
    out = tmp_path / "certificate.json"
    assert run(["certificate", "show", DSR_ID, "--out", str(out)]) == 0
    assert json.loads(out.read_text()) == document
    assert run(["certificate", "show", DSR_ID]) == 0
    assert json.loads(capsys.readouterr().out.split("\n", 1)[1]) == document
    served({"title": "Not closed", "status": 409}, 409)
    assert run(["certificate", "show", DSR_ID]) == 6


def test_a_register_that_cannot_be_used_tells_every_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "shop.yaml").write_text("processor: shop\nname: Shop\n")
    assert run(["register", "check", str(tmp_path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 3
    assert all(line.startswith("shop.yaml:") and "Fix:" in line for line in lines)
    assert run(["register", "check", str(tmp_path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["usable"] is False

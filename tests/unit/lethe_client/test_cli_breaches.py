"""`lethe breach`, against answers as the services give them."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from lethe_client.breaches import BreachClient, ReportClient
from lethe_client.cli import run

if TYPE_CHECKING:
    from pathlib import Path

CASE = "018f3c5e-7a10-7c3e-9a51-1e7e0000000b"
ACTED = {"case_id": CASE, "state": "aware", "version": 2, "applied": True, "detail": "", "due": "2026-10-12T01:15:00Z"}
ROW = {
    "case_id": CASE,
    "controller_id": "acme",
    "state": "aware",
    "due": "2026-10-12T01:15:00Z",
    "legal_end": "2026-10-12T02:00:00Z",
    "source": "rule:mass_export",
    "severity": "3.5 High",
    "hours_left": -1.5,
    "alerts": [{"code": "deadline_passed", "next_step": "file at once"}],
    "missing": ["state the facts"],
    "decision": None,
    "counted": {"lower": 3, "upper": None},
    "facts": {"data": ["contact"], "subjects": 3},
    "belongs_with": [{"case_id": CASE[:-1] + "c", "controller_id": "acme", "state": "merged", "as": "goes on here"}],
    "calls": [
        {
            "created_at": "2026-10-09T01:15:00Z",
            "receiver": "night",
            "about": "suspected",
            "taken_at": None,
            "tries": 3,
            "trouble": "mail_transient",
        }
    ],
    "timeline": [{"at": "2026-10-09T01:15:00Z", "kind": "aware", "by": "kim", "state": "aware", "article": "33(1)"}],
}


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, serve: Any) -> Any:
    """`served(body, …)`: services give these answers in order; what they were asked is kept."""

    def start(*bodies: object, status: int = 200) -> Any:
        service = serve(*[httpx.Response(status, json=body) for body in bodies])
        for name, kind in (("connect", BreachClient), ("connect_to_report", ReportClient)):
            monkeypatch.setattr(
                f"lethe_client.cli.breaches.{name}",
                lambda kind=kind: kind("http://breach.example", "t", transport=service),
            )
        return service

    return start


def asked(service: Any) -> tuple[str, Any]:
    request = service.asked[-1]
    return request.url.path.removeprefix(f"/v1/breaches/{CASE}/"), json.loads(request.content or b"null")


def test_a_report_goes_to_intake_with_its_key(served: Any, capsys: pytest.CaptureFixture[str]) -> None:
    service = served({"breach_id": CASE, "accepted_at": "2026-10-09T01:15:00Z"}, status=202)
    told = ["--controller", "acme", "--asset", "shop/db", "--subjects", "4", "--key", "k-1"]
    assert run(["breach", "report", *told]) == 0
    path, body = asked(service)
    assert path == "/v1/breaches"
    assert (body["controllers"], body["assets"], body["subjects"]) == (["acme"], ["shop/db"], 4)
    assert service.asked[0].headers["Idempotency-Key"] == "k-1"
    assert CASE in capsys.readouterr().out


def test_the_list_says_what_is_late_and_by_how_much(served: Any, capsys: pytest.CaptureFixture[str]) -> None:
    served({"items": [ROW], "next": None})
    assert run(["breach", "list"]) == 0
    assert capsys.readouterr().out.split("\t")[:3] == [CASE, "aware", "late 1.5 h"]


def test_a_case_is_shown_with_what_to_do(served: Any, capsys: pytest.CaptureFixture[str]) -> None:
    served(ROW)
    assert run(["breach", "show", CASE]) == 0
    out = capsys.readouterr().out
    assert "state the facts" in out
    assert "file at once" in out
    assert "3 to any number" in out
    assert f"{CASE[:-1]}c (acme, merged)" in out
    assert "not taken, 3 tries\tmail_transient" in out


@pytest.mark.parametrize(
    ("arguments", "path", "body"),
    [
        (["aware", "--reason", "x", "--at", "2026-10-09T01:15:00Z"], "aware", {"reason": "x"}),
        (["aware", "--reason", "x", "--again"], "recurrence", {"reason": "x"}),
        (["decide", "--reason", "x", "--to", "DE-BE", "--no-subjects"], "decision", {"notify_subjects": False}),
        (["decide", "--confirm"], "decision/confirm", None),
        (["decide", "--no-breach", "--reason", "x"], "dismissal", {"reason": "x"}),
        (["decide", "--no-breach", "--confirm"], "dismissal/confirm", None),
        (["notify", "--field", "12=Acme GmbH", "--field", "68=4"], "notices", {"fields": {"12": "Acme GmbH", "68": 4}}),
        (["notify", "--sign", "1"], "notices/1/sign", None),
        (["close", "--effects", "e", "--measures", "m"], "close", {"effects": "e", "measures": "m"}),
    ],
)
def test_each_act_has_its_address_and_content(served: Any, arguments: list[str], path: str, body: Any) -> None:
    service = served(ACTED)
    assert run(["breach", arguments[0], CASE, *arguments[1:]]) == 0
    where, said = asked(service)
    assert where == path
    assert said is body or body.items() <= said.items()


def test_facts_come_from_a_file_and_a_filing_keeps_the_hash_of_its_copy(served: Any, tmp_path: Path) -> None:
    service = served(ACTED)
    (tmp_path / "facts.json").write_text('{"kinds": ["integrity"]}')
    assert run(["breach", "assess", CASE, str(tmp_path / "facts.json"), "--severity", "dpc=3,ei=1"]) == 0
    assert asked(service) == ("facts", {"facts": {"kinds": ["integrity"]}, "severity": {"dpc": "3", "ei": "1"}})
    service = served(ACTED)
    filed = ["--to", "DE-BE", "--reference", "r", "--copy", str(tmp_path / "facts.json")]
    assert run(["breach", "file", CASE, "1", *filed]) == 0
    where, said = asked(service)
    assert where == "notices/1/file"
    assert said["copy_sha256"] == sha256(b'{"kinds": ["integrity"]}').hexdigest()


@pytest.mark.parametrize(
    "arguments",
    [
        ["decide"],
        ["notify", "--field", "twelve=x"],
        ["notify", "--subjects-told", "3"],
        ["aware", "--reason", "x", "--at", "yesterday"],
        ["assess", "/nowhere/facts.json"],
    ],
)
def test_what_cannot_be_taken_is_said_before_anything_is_asked(served: Any, arguments: list[str]) -> None:
    service = served(ACTED)
    assert run(["breach", arguments[0], CASE, *arguments[1:]]) == 2
    assert service.asked == []


@pytest.mark.parametrize(("status", "code"), [(403, 4), (404, 5), (409, 6), (422, 2)])
def test_a_refusal_has_its_exit_code(served: Any, status: int, code: int) -> None:
    served({"type": "own_no", "title": "No", "status": status, "detail": "another person"}, status=status)
    assert run(["breach", "decide", CASE, "--confirm"]) == code


def test_facts_are_corrected_one_by_one_and_the_others_stay(served: Any, capsys: pytest.CaptureFixture[str]) -> None:
    service = served(ROW, ACTED)
    assert run(["breach", "facts", CASE, "--set", "subjects=400", "--set", "recipient=hostile"]) == 0
    facts = {"data": ["contact"], "subjects": 400, "recipient": "hostile"}
    assert asked(service) == ("facts", {"facts": facts})
    service = served(ROW, ACTED)
    assert run(["breach", "facts", CASE, "--set", "subjects=null"]) == 0
    assert asked(service) == ("facts", {"facts": {"data": ["contact"]}})
    served(ROW)
    capsys.readouterr()
    assert run(["breach", "facts", CASE]) == 0
    assert "contact" in capsys.readouterr().out


def test_a_count_is_recorded_with_the_hash_of_what_was_counted(served: Any, tmp_path: Path) -> None:
    query = tmp_path / "query.sql"
    query.write_text("SELECT count(*)")
    service = served(ACTED)
    assert run(["breach", "facts", CASE, "--at-least", "3", "--at-most", "9", "--proof", str(query)]) == 0
    proof = sha256(b"SELECT count(*)").hexdigest()
    assert asked(service) == ("counted", {"lower": 3, "upper": 9, "proof_sha256": proof})


@pytest.mark.parametrize(
    ("words", "path", "body"),
    [
        (["merge", CASE, "--into", CASE, "--reason", "one night"], "merge", {"into": CASE, "reason": "one night"}),
        (["relate", CASE, CASE, "--reason", "one vendor"], "relate", {"other": CASE, "reason": "one vendor"}),
        (["reopen", CASE, "--reason", "new logs"], "reopen", {"reason": "new logs"}),
        (["exempt", CASE, "--confirm"], "exemption/confirm", None),
        (["exempt", CASE, "--as", "protected"], "exemption", {"exemption": "protected", "evidence": []}),
    ],
)
def test_cases_are_joined_and_exempted_and_opened_again(served: Any, words: list[str], path: str, body: Any) -> None:
    service = served(ACTED)
    assert run(["breach", *words]) == 0
    assert asked(service) == (path, body)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["facts", CASE, "--set", "subjects"], "NAME=VALUE"),
        (["facts", CASE, "--at-least", "3"], "--proof"),
        (["facts", CASE, "--at-most", "3"], "--at-least"),
        (["exempt", CASE], "--as"),
        (["exempt", CASE, "--as", "protected", "--evidence", "key_safe"], "PROOF=FILE"),
        (["merge", CASE, "--into", "other", "--reason", "x"], "UUID"),
    ],
)
def test_what_cannot_be_meant_is_told_before_anybody_is_asked(
    served: Any, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    service = served(ACTED)
    assert run(["breach", *words]) != 0
    assert said in capsys.readouterr().err
    assert service.asked == []


def test_a_notice_is_shown_with_its_gaps(served: Any, capsys: pytest.CaptureFixture[str]) -> None:
    content = {"answers": {"12": "Acme GmbH"}, "gaps": [22], "unfilable": [49]}
    served({"number": 1, "sha256": "ab", "drafted_at": "2026-10-09", "drafted_by": "kim", "content": content})
    assert run(["breach", "notice", CASE, "1"]) == 0
    out = capsys.readouterr().out
    assert "Acme GmbH" in out
    assert "49" in out


def test_a_notice_is_saved_as_pdf_with_its_hash(
    monkeypatch: pytest.MonkeyPatch, serve: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = {"answers": {}, "gaps": [], "unfilable": []}
    version = {"number": 1, "sha256": "ab", "drafted_at": "2026-10-09", "drafted_by": "kim", "content": content}
    service = serve(httpx.Response(200, content=b"%PDF-"), httpx.Response(200, json=version))
    url = "http://breach.example"
    monkeypatch.setattr("lethe_client.cli.breaches.connect", lambda: BreachClient(url, "t", transport=service))
    assert run(["breach", "notice", CASE, "1", "--pdf", str(tmp_path / "n.pdf")]) == 0
    assert (tmp_path / "n.pdf").read_bytes() == b"%PDF-"
    assert sha256(b"%PDF-").hexdigest() in capsys.readouterr().out
    assert run(["breach", "notice", CASE, "1", "--pdf", str(tmp_path / "no" / "n.pdf")]) != 0

"""The command line: one answer on stdout, one line per error on stderr, an exit code that means something."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from lethe_client import IntakeClient
from lethe_client.cli import run

CASES = Path(__file__).parents[1] / "lethe_law" / "cases" / "deadline_cases.csv"
DSR_ID = "0198c0de-7a11-7000-8000-5e1f00000001"
Served = Any
SUBMIT = ["dsr", "submit", "--controller", "acme", "--email", "ada@people.example"]


@pytest.fixture(autouse=True)
def _nothing_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No stack, no variables, no waiting."""
    monkeypatch.chdir(tmp_path)
    for name in ("LETHE_INTAKE_URL", "LETHE_ORCHESTRATOR_URL", "LETHE_TOKEN", "LETHE_LOCAL_DIR", "LETHE_AUTH_ISSUER"):
        monkeypatch.delenv(name, raising=False)

    async def at_once(_: float) -> None: ...

    monkeypatch.setattr("lethe_client.transport.asyncio.sleep", at_once)


def ok(body: object, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=body)


def problem(status: int, **more: object) -> httpx.Response:
    return httpx.Response(status, json={"title": "A title", "status": status, "detail": "What to do.", **more})


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, serve: Any) -> Served:
    """The same service, reached by the commands."""

    def start(*answers: httpx.Response | Exception) -> Any:
        service = serve(*answers)
        monkeypatch.setattr(
            "lethe_client.cli.dsrs.client", lambda: IntakeClient("http://intake.example", "t", transport=service)
        )
        return service

    return start


def test_help_lists_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    for code in (
        "0 done",
        "1 the answer is no",
        "2 wrong usage",
        "3 the service",
        "4 no token",
        "5 not found",
        "6 conflict",
    ):
        assert code in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["dsr", "show"],
        ["dsr", "show", "not-a-uuid"],
        ["dsr", "list", "--limit", "0"],
        ["dsr", "submit"],
        ["dsr", "submit", "--controller", "acme"],
        [*SUBMIT, "--identifier", "customer_id"],
        [*SUBMIT, "--received-at", "2026-11-23T10:15:00"],
        ["dsr", "submit", "--file", "absent.json"],
        ["saga", "list", "--due-before", "tomorrow"],
        ["saga", "except", DSR_ID, DSR_ID, "--ground", "because", "--reason", "x"],
        ["law", "due", "--country", "DE"],
        ["law", "due", "--received", "soon", "--country", "DE"],
        ["law", "due", "--received", "2026-01-31T10:00:00", "--country", "DE"],
        ["law", "due", "--received", "2026-01-31", "--country", "ZZ"],
        ["law", "due", "--cases", "absent.csv"],
        ["register", "check", "absent"],
        ["token", "issue", "--controller", "acme", "--subject", "x"],
        ["token", "issue", "--controller", "acme", "--subject", "x", "--key", "absent.pem"],
        ["token", "issue", "--controller", "acme", "--subject", "x", "--key", "absent.pem", "--ttl", "soon"],
        ["dsr", "show", DSR_ID],  # no address
    ],
)
def test_wrong_usage_is_one_line_and_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert err.startswith("lethe: ")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (problem(422), 2),
        (problem(503), 3),
        (httpx.ConnectError("no"), 3),
        (problem(401), 4),
        (problem(403), 4),
        (problem(404), 5),
        (problem(410), 5),
        (problem(409), 6),
        (problem(451), 1),
    ],
)
def test_the_exit_code_tells_what_went_wrong(
    served: Served, answer: httpx.Response | Exception, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    served(answer)
    assert run(["dsr", "show", DSR_ID]) == code
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)


def test_a_request_is_submitted_and_told(
    served: Served, capsys: pytest.CaptureFixture[str], accepted_answer: dict[str, Any]
) -> None:
    service = served(ok(accepted_answer, 202))
    assert run([*SUBMIT, "--identifier", "customer_id=C-1", "--export-first", "--country", "DE"]) == 0
    body = json.loads(service.asked[0].content)
    assert body["identifiers"] == {"email": ["ada@people.example"], "customer_id": ["C-1"]}
    assert (body["right"], body["export_first"], body["country"]) == ("erasure", True, "DE")
    assert DSR_ID in capsys.readouterr().out


def test_a_request_from_a_file_keeps_people_out_of_the_shell(
    served: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], accepted_answer: dict[str, Any]
) -> None:
    service = served(ok(accepted_answer, 202))
    request = {"controller_id": "acme", "right": "access", "identifiers": {"email": ["ada@people.example"]}}
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(request)))
    assert run(["dsr", "submit", "--file", "-", "--json"]) == 0
    assert json.loads(service.asked[0].content)["right"] == "access"
    assert json.loads(capsys.readouterr().out)["dsr_id"] == DSR_ID


def test_when_nobody_answers_the_key_to_send_it_again_is_told(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    service = served(httpx.ConnectError("no"))
    assert run(SUBMIT) == 3
    assert f"--idempotency-key {service.asked[0].headers['Idempotency-Key']}" in capsys.readouterr().err


def test_an_error_never_repeats_whom_the_request_was_about(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    served(httpx.ConnectError("ada@people.example"))
    assert run([*SUBMIT, "--received-at", "ada@people.example"]) == 2
    assert run(SUBMIT) == 3
    assert "ada" not in capsys.readouterr().err


def test_watching_ends_when_the_request_is_closed(
    served: Served, capsys: pytest.CaptureFixture[str], dsr_answer: dict[str, Any]
) -> None:
    served(
        ok(dsr_answer),
        ok(dsr_answer),
        ok(dsr_answer | {"state": "verifying"}),
        ok(dsr_answer | {"state": "closed", "result": "granted"}),
    )
    assert run(["dsr", "watch", DSR_ID, "--interval", "0.1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["fulfilling", "verifying", "closed"]
    assert lines[-1].endswith("granted")


def test_watching_gives_up_with_code_1(
    served: Served, monkeypatch: pytest.MonkeyPatch, dsr_answer: dict[str, Any]
) -> None:
    monkeypatch.undo()
    served(ok(dsr_answer))
    assert run(["dsr", "watch", DSR_ID, "--interval", "0.1", "--timeout", "0.05"]) == 1


def test_a_list_is_tabs_in_a_pipe_and_json_on_demand(
    served: Served, capsys: pytest.CaptureFixture[str], dsr_answer: dict[str, Any]
) -> None:
    served(ok({"items": [dsr_answer], "next": None}))
    assert run(["dsr", "list"]) == 0
    assert capsys.readouterr().out == f"{DSR_ID}\terasure\tfulfilling\t2026-12-23\t3/7\t1\n"
    assert run(["dsr", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["items"][0]["dsr_id"] == DSR_ID


def test_a_package_never_overwrites_a_file_and_leaves_none_behind(served: Served, tmp_path: Path) -> None:
    served(httpx.Response(200, content=b"PK"))
    out = tmp_path / "package.zip"
    assert run(["dsr", "package", DSR_ID, "--out", str(out)]) == 0
    assert (out.read_bytes(), out.stat().st_mode & 0o777) == (b"PK", 0o600)
    assert run(["dsr", "package", DSR_ID, "--out", str(out)]) == 2
    served(problem(409))
    assert run(["dsr", "package", DSR_ID, "--out", str(tmp_path / "other.zip")]) == 6
    assert not (tmp_path / "other.zip").exists()


def test_a_date_is_told_with_its_derivation(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["law", "due", "--received", "2026-03-31T23:30:00Z", "--country", "DE"]
    assert run(arguments) == 0
    assert capsys.readouterr().out.split() == ["due_legal", "2026-05-04", "due_strict", "2026-04-30"]
    assert run([*arguments, "--regime", "GDPR", "--explain"]) == 0
    assert "2026-05-01 is Labor Day" in capsys.readouterr().out
    assert run([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["due_date_strict"] == "2026-04-30"


def test_a_bare_day_is_that_day_where_the_controller_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["law", "due", "--received", "2025-11-24", "--country", "PL"]) == 0
    assert capsys.readouterr().out.split() == ["due_legal", "2025-12-29", "due_strict", "2025-12-29"]


def test_every_row_of_a_file_of_cases_is_answered(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["law", "due", "--cases", str(CASES)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    rows = list(csv.DictReader(io.StringIO(out)))
    with CASES.open() as file:
        expected = [row for row in csv.DictReader(file) if row["confidence"] != "low"]
    told = {row["case_id"]: row["due_legal"] for row in rows}
    assert list(rows[0]) == ["case_id", "due_legal", "due_strict"]
    assert {row["case_id"]: row["expected_due_date"] for row in expected}.items() <= told.items()


def test_a_case_that_no_rule_covers_is_marked_on_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cases.csv"
    path.write_text(
        "case_id,regime,clock,received,holiday_calendar\n"
        "A,GDPR,art12_3_first,2026-03-05,DE\nB,PIPL,first,2026-03-05,CN\n"
    )
    assert run(["law", "due", "--cases", str(path)]) == 1
    out, err = capsys.readouterr()
    assert out.splitlines()[1:] == ["A,2026-04-07,2026-04-07", "B,,"]
    assert err.startswith("lethe: unsupported case B: ")


def test_a_token_says_who_may_do_what_and_until_when(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = Ed25519PrivateKey.generate()
    path = tmp_path / "issuer.pem"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    arguments = ["token", "issue", "--controller", "acme", "--subject", "ops", "--key", str(path), "--ttl", "15m"]
    assert run([*arguments, "--scope", "dsr:write"]) == 0
    claims = jwt.decode(
        capsys.readouterr().out.strip(), key.public_key(), algorithms=["EdDSA"], audience="lethe",
        issuer="https://issuer.lethe.example",
    )  # fmt: skip
    assert (claims["sub"], claims["controller_id"], claims["scope"]) == ("ops", ["acme"], "dsr:write")
    assert claims["exp"] - claims["iat"] == 900
    assert run([*arguments, "--scope", "everything"]) == 2

"""What each right needs, given on the command line."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from lethe_client import IntakeClient
from lethe_client.cli import run

SUBMIT = ["dsr", "submit", "--controller", "acme", "--email", "ada@people.example", "--right"]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, serve: Any) -> Any:
    def start(*answers: httpx.Response) -> Any:
        service = serve(*answers)
        monkeypatch.setattr(
            "lethe_client.cli.dsrs.client", lambda: IntakeClient("http://intake.example", "t", transport=service)
        )
        return service

    return start


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        (
            ["rectification", "--correct", "shop:customers.last_name=Ex=ample", "--correct", "shop:customers.n:=2",
             "--complete", "user.name.first:=null", "--contested", "--category", "user.name"],
            {"corrections": {"shop:customers.last_name": "Ex=ample", "shop:customers.n": 2},
             "completions": {"user.name.first": None}, "contested": True, "categories": ["user.name"]},
        ),
        (["restriction", "--ground", "legal_claims"], {"ground": "legal_claims"}),
        (["objection", "--direct-marketing"], {"direct_marketing": True}),
        (["objection", "--purpose", "a", "--purpose", "b", "--grounds", "g"], {"purposes": ["a", "b"], "grounds": "g"}),
        (["consent_withdrawal", "--purpose", "a"], {"purposes": ["a"]}),
        (["portability", "--format", "csv", "--transmit-to", "o"], {"formats": ["csv"], "transmit_to": "o"}),
        (["automated_decision", "--decision", "L/7"], {"decision": "L/7"}),
        (["erasure"], {}),
    ],
)  # fmt: skip
def test_a_right_is_submitted_with_what_it_needs_and_nothing_else(
    served: Any, accepted_answer: dict[str, Any], options: list[str], sent: dict[str, Any]
) -> None:
    service = served(httpx.Response(202, json=accepted_answer))
    assert run([*SUBMIT, *options]) == 0
    body = json.loads(service.asked[0].content)
    always = {"controller_id", "identifiers", "channel", "identity", "right", "export_first"}
    assert {name: value for name, value in body.items() if name not in always} == sent


@pytest.mark.parametrize("value", ["Castellanos", "=Castellanos", "children:=Castellanos"])
def test_a_new_value_without_a_field_is_one_line_that_does_not_repeat_it(
    value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*SUBMIT, "rectification", "--correct", value]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "--correct" in line
    assert "Castellanos" not in line


def test_what_was_asked_is_shown_beside_the_right(
    served: Any, dsr_answer: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = {"contested": True, "places": ["shop:customers.last_name", "shop:cards.holder_name"]}
    sent = {"target": "other", "state": "transmitted", "receipt_sha256": "ab" * 32}
    served(httpx.Response(200, json=dsr_answer | {"particulars": asked, "transmission": sent}))
    assert run(["dsr", "show", dsr_answer["dsr_id"]]) == 0
    out = capsys.readouterr().out
    assert "shop:customers.last_name, shop:cards.holder_name" in out
    assert "contested" in out
    assert "other: transmitted, receipt abab" in out

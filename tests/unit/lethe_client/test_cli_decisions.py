"""What a person decides about a request, on the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from lethe_client.cli import run
from lethe_client.orchestrator import OrchestratorClient

if TYPE_CHECKING:
    from collections.abc import Callable

DSR_ID = "0198c0de-7a11-7000-8000-5e1f00000001"
DATES = {"due_strict": "2026-12-23T23:00:00Z", "due_legal": "2026-12-24T23:00:00Z"}
ACTED = {"dsr_id": DSR_ID, "state": "deciding", "version": 5, "result": None, "waiting_for": [], **DATES}


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, serve: Any) -> Callable[..., Any]:
    def start(*answers: httpx.Response) -> Any:
        service = serve(*answers)
        for module in ("requests", "sagas"):
            monkeypatch.setattr(
                f"lethe_client.cli.{module}.connect",
                lambda: OrchestratorClient("http://orchestrator.example", "t", transport=service),
            )
        return service

    return start


def test_a_decision_is_proposed_and_approved(served: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    service = served(httpx.Response(200, json=ACTED), httpx.Response(200, json=ACTED | {"result": "refused"}))
    argv = ["--outcome", "rejected", "--ground", "compelling_grounds", "--reason", "fraud_prevention"]
    assert run(["saga", "decide", DSR_ID, *argv]) == 0
    assert run(["saga", "approve-decision", DSR_ID]) == 0
    assert [r.url.path.rpartition(DSR_ID)[2] for r in service.asked] == ["/decision", "/decision/approve"]
    assert json.loads(service.asked[0].content) == {
        "outcome": "rejected",
        "ground": "compelling_grounds",
        "reasons": ["fraud_prevention"],
    }
    assert "result refused" in capsys.readouterr().out


def test_nobody_approves_their_own_decision(served: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    served(httpx.Response(403, json={"title": "Forbidden", "detail": "ask another one"}))
    assert run(["saga", "approve-decision", DSR_ID]) != 0
    assert "another one" in capsys.readouterr().err


def test_lifting_says_when_the_person_was_told(served: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    service = served(httpx.Response(200, json=ACTED | {"state": "fulfilling"}))
    assert run(["saga", "lift", DSR_ID, "--told-at", "yesterday", "--reason", "x"]) != 0
    assert "--told-at" in capsys.readouterr().err
    argv = ["--told-at", "2026-11-23T09:15:00+00:00", "--reason", "accuracy_verified"]
    assert run(["saga", "lift", DSR_ID, *argv]) == 0
    told = {"told_at": "2026-11-23T09:15:00+00:00", "reason": "accuracy_verified"}
    assert [json.loads(r.content) for r in service.asked] == [told]


def test_a_saga_shows_what_a_person_has_to_do(served: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    saga = {"dsr_id": DSR_ID, "controller_id": "acme", "right": "objection", "state": "deciding", **DATES}
    left_out = {"processor": "ledger", "meaning": "another basis", "article": "GDPR Art. 21(1)"}
    more = {"received_at": "2026-11-23T09:15:00Z", "not_concerned": [left_out], "may_decide": ["upheld", "rejected"]}
    served(
        httpx.Response(200, json=saga | more),
        httpx.Response(200, json=saga | more | {"deciding": {"outcome": "rejected", "by": "kim"}, "may_lift": True}),
    )
    assert run(["saga", "show", DSR_ID]) == 0
    assert run(["saga", "show", DSR_ID]) == 0
    said = "".join(capsys.readouterr())
    assert "not concerned: ledger: another basis" in said
    assert "upheld or rejected" in said
    assert "proposed by kim" in said
    assert "lethe saga announce-lift" in said

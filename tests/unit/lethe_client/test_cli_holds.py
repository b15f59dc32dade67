"""Holds across requests, from the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from lethe_client.cli import run
from lethe_client.holds import HoldsClient

if TYPE_CHECKING:
    from collections.abc import Callable

HOLD_ID = "0198c0de-7a11-7000-8000-5e1f00000002"
HOLD = {
    "hold": HOLD_ID, "controller_id": "acme", "ground": "legal_claims", "article": "GDPR Art. 17(3)(e)",
    "matter": "m1", "processors": ["crm"], "categories": ["user.financial"], "person": True, "placed_by": "kim",
    "placed_at": "2026-11-23T09:00:00Z", "approved_by": "robin", "since": "2026-11-23T10:00:00Z",
    "lifting_by": None, "lifted_by": None, "until": None, "covers": 2, "spreading": False, "requests": None,
}  # fmt: skip
KEPT = {
    "dsr_id": HOLD_ID, "processor_id": "shop", "collection": "invoices", "category": "user.financial", "rows": 2,
    "ground": "legal_obligation", "article": "GDPR Art. 17(3)(b)", "until": None, "since": "2026-11-23T09:00:00Z",
}  # fmt: skip
PLACE = ["hold", "place", "--controller", "acme", "--ground", "legal_claims", "--matter", "m1"]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, serve: Any) -> Callable[..., Any]:
    def start(body: object, status: int = 200) -> Any:
        service = serve(httpx.Response(status, json=body))
        made = HoldsClient("http://orchestrator.example", "t", transport=service)
        monkeypatch.setattr("lethe_client.cli.holds.connect", lambda: made)
        return service

    return start


def test_a_hold_names_its_scope(served: Any, capsys: pytest.CaptureFixture[str]) -> None:
    service = served(HOLD, 201)
    named = ["--category", "user.financial", "--processor", "crm", "--identifier", "email=p1@people.example"]
    assert run([*PLACE, *named]) == 0
    sent = json.loads(service.asked[0].content)
    assert sent["identifiers"] == {"email": ["p1@people.example"]}
    assert (sent["categories"], sent["processors"], sent["everything"]) == (["user.financial"], ["crm"], False)
    out = capsys.readouterr().out
    assert "one person; user.financial; at crm" in out
    assert "people.example" not in out


def test_an_identifier_says_its_kind(served: Any, capsys: pytest.CaptureFixture[str]) -> None:
    service = served(HOLD, 201)
    assert run([*PLACE, "--identifier", "p1@people.example"]) == 2
    assert "kind=value" in capsys.readouterr().err
    assert service.asked == []


@pytest.mark.parametrize("act", ["approve", "lift", "show"])
def test_a_hold_is_approved_lifted_and_shown(act: str, served: Any) -> None:
    service = served(HOLD)
    assert run(["hold", act, HOLD_ID]) == 0
    assert service.asked[0].url.path == f"/v1/holds/{HOLD_ID}" + ("" if act == "show" else f"/{act}")


def test_holds_and_kept_parts_are_listed(served: Any, capsys: pytest.CaptureFixture[str]) -> None:
    served({"items": [HOLD, HOLD | {"since": None}, HOLD | {"lifting_by": "kim"}, HOLD | {"until": "x"}]})
    assert run(["hold", "list", "--matter", "m1", "--lifted"]) == 0
    states = [line.split("\t")[4] for line in capsys.readouterr().out.splitlines()]
    assert states == ["in force", "waits for approval", "lifting waits for approval", "lifted"]
    served({"items": [KEPT]})
    assert run(["hold", "kept", "--before", "2036-01-01T00:00:00Z"]) == 0
    assert "user.financial\t2\tlegal_obligation\topen" in capsys.readouterr().out
    assert run(["hold", "kept", "--before", "soon"]) == 2

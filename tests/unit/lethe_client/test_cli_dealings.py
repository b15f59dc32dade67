"""`lethe dsr withdraw`: one call, safe to repeat."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from lethe_client import IntakeClient
from lethe_client.cli import run

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

"""`lethe breach scope|affected|letters`, against answers as the service gives them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from lethe_client.breaches import BreachClient
from lethe_client.cli import run

if TYPE_CHECKING:
    from pathlib import Path

CASE = "018f3c5e-7a10-7c3e-9a51-1e7e0000000b"
SCOPE = {
    "number": 1,
    "lower": 3,
    "upper": None,
    "added": 3,
    "removed": 0,
    "counted_at": "2026-10-12T01:15:00Z",
    "searches": [{"processor_id": "vendor", "failure": "cannot_enumerate"}],
}
MAILING = {
    "number": 1,
    "scope": 1,
    "state": "told",
    "reason": None,
    "ordered_by": "kim",
    "ended_at": "2026-10-12T01:15:00Z",
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, serve: Any) -> list[httpx.Request]:
    """What the CLI asked; every answer is one that fits its address."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        what = request.url.path.rpartition("/")[2]
        bodies: dict[tuple[str, str], Any] = {
            ("POST", "scope"): {"case_id": CASE, "number": 2},
            ("GET", "affected"): {"case_id": CASE, "scopes": [SCOPE]},
            ("POST", "letters"): {"case_id": CASE, "number": 1},
            ("GET", "letters"): {"case_id": CASE, "mailings": [MAILING], "letters": {"sent": 9}, "repeats": 0},
            ("POST", "doubts"): {"letters": 4},
            ("POST", "public-text"): {"texts": {"en": {"subject": "About your data", "text": "What", "html": ""}}},
        }
        return httpx.Response(200, json=bodies[request.method, what])

    def connect() -> BreachClient:
        return BreachClient("http://notifier.example", "token", transport=httpx.MockTransport(answer))

    monkeypatch.setattr("lethe_client.cli.breach_people.connect", connect)
    return seen


def test_a_scope_names_window_processors_and_what_is_known_of_them(asked: list[httpx.Request], capsys: Any) -> None:
    window = ["--from", "2026-10-01T00:00:00Z", "--until", "2026-10-02T00:00:00Z"]
    reached = ["--processor", "shop=user.contact,user.financial", "--processor", "points"]
    known = ["--complete", "points=2026-01-01T00:00:00Z", "--population", "shop=5000"]
    assert run(["breach", "scope", CASE, *window, *reached, *known]) == 0
    assert json.loads(asked[0].content)["processors"] == {
        "shop": {"categories": ["user.contact", "user.financial"], "population": 5000},
        "points": {"categories": [], "complete_since": "2026-01-01T00:00:00+00:00"},
    }
    assert "2" in capsys.readouterr().out
    assert run(["breach", "scope", CASE, *window, *reached, "--population", "shop=many"]) != 0


def test_counts_show_their_bounds_and_what_was_not_searched(asked: list[httpx.Request], capsys: Any) -> None:
    assert run(["breach", "affected", CASE]) == 0
    out = capsys.readouterr().out
    assert "?" in out
    assert "vendor:cannot_enumerate" in out
    assert len(asked) == 1


def test_letters_are_ordered_from_a_file_and_shown_without_one(
    asked: list[httpx.Request], capsys: Any, tmp_path: Path
) -> None:
    said = {"said": {"en": {"nature": "A copy was taken."}}, "default": "en"}
    (tmp_path / "said.json").write_text(json.dumps(said))
    assert run(["breach", "letters", CASE, str(tmp_path / "said.json")]) == 0
    assert run(["breach", "notify", CASE, "--subjects", str(tmp_path / "said.json")]) == 0
    assert [json.loads(request.content) for request in asked] == [said, said]
    assert run(["breach", "letters", CASE]) == 0
    out = capsys.readouterr().out
    assert "told" in out
    assert "sent" in out
    assert run(["breach", "public-text", CASE, str(tmp_path / "said.json")]) == 0
    assert "About your data" in capsys.readouterr().out
    assert run(["breach", "letters", CASE, str(tmp_path / "none.json")]) != 0


def test_letters_in_doubt_are_settled_with_a_reason(asked: list[httpx.Request]) -> None:
    assert run(["breach", "settle-letters", CASE, "--reason", "the relay lost its log", "--give-up"]) == 0
    assert json.loads(asked[0].content) == {"send_again": False, "reason": "the relay lost its log"}

"""A service at the other end of the seam that httpx offers: what it is asked is kept, what it answers is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

DSR_ID = "0198c0de-7a11-7000-8000-5e1f00000001"
DSR = {
    "dsr_id": DSR_ID,
    "controller_id": "acme",
    "right": "erasure",
    "export_first": False,
    "channel": "web_form",
    "country": "DE",
    "identifier_kinds": ["email"],
    "received_at": "2026-11-23T09:15:00Z",
    "accepted_at": "2026-11-23T09:15:01Z",
    "state": "fulfilling",
    "due_strict": "2026-12-23T23:00:00Z",
    "due_legal": "2026-12-23T23:00:00Z",
    "due_date": "2026-12-23",
    "rule": "gdpr.art12_3",
    "progress": {"tasks": 7, "settled": 3, "open_incidents": 1},
    "result": None,
    "retained": [],
    "certificate_sha256": None,
    "package_ready": False,
    "status_at": None,
    "links": {"self": f"/v1/dsrs/{DSR_ID}", "package": f"/v1/dsrs/{DSR_ID}/package"},
    "something_new": {"of": "a later version"},
}
ACCEPTED = {
    "dsr_id": DSR_ID,
    "status": "received",
    "due_strict": "2026-12-23T23:00:00Z",
    "due_legal": "2026-12-23T23:00:00Z",
    "due_date": "2026-12-23",
    "rule": "gdpr.art12_3",
    "links": {},
}

Answer = httpx.Response | Exception


@pytest.fixture
def dsr_answer() -> dict[str, Any]:
    """What intake tells of a DSR, with a member that this version does not know."""
    return dict(DSR)


@pytest.fixture
def accepted_answer() -> dict[str, Any]:
    return dict(ACCEPTED)


@pytest.fixture
def serve() -> type[Service]:
    """`serve(*answers)`: a service that gives these answers in order, the last one again and again."""
    return Service


class Service(httpx.MockTransport):
    """Answers are given in order, the last one again and again."""

    def __init__(self, *answers: Answer) -> None:
        super().__init__(self._answer)
        self.asked: list[httpx.Request] = []
        self._answers: list[Callable[[], Answer]] = [lambda a=a: a for a in answers]  # type: ignore[misc]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self._answers[min(len(self.asked), len(self._answers)) - 1]()
        if isinstance(answer, Exception):
            raise answer
        return answer

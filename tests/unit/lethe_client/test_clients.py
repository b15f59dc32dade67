"""The typed clients: errors by what can be done about them, repetition only where it is safe, packages checked."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from lethe_client import (
    BadInput,
    Conflicting,
    IntakeClient,
    LetheError,
    Missing,
    NewDsr,
    Refused,
    Unauthorised,
    Unreachable,
)

DSR_ID = "0198c0de-7a11-7000-8000-5e1f00000001"
Serve = Any
REQUEST = NewDsr.model_validate(
    {"controller_id": "acme", "right": "erasure", "identifiers": {"email": ["ada@people.example"]}}
)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    async def at_once(_: float) -> None: ...

    monkeypatch.setattr("lethe_client.transport.asyncio.sleep", at_once)


def ok(body: object, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=body)


def problem(status: int, **more: object) -> httpx.Response:
    return httpx.Response(status, json={"title": "A title", "status": status, "detail": "What to do.", **more})


def intake(service: Any) -> IntakeClient:
    return IntakeClient("http://intake.example", "the-token", transport=service)


async def test_a_request_is_sent_with_its_key_and_token_and_without_what_was_not_given(
    serve: Serve, accepted_answer: dict[str, Any]
) -> None:
    service = serve(ok(accepted_answer, 202))
    async with intake(service) as client:
        accepted = await client.submit(REQUEST, idempotency_key="k1")
    assert str(accepted.dsr_id) == DSR_ID
    (asked,) = service.asked
    assert (asked.headers["Idempotency-Key"], asked.headers["Authorization"]) == ("k1", "Bearer the-token")
    assert json.loads(asked.content) == {
        "controller_id": "acme",
        "right": "erasure",
        "export_first": False,
        "identifiers": {"email": ["ada@people.example"]},
        "channel": "api",
        "identity": {"method": "controller_session"},
    }


async def test_a_request_is_sent_again_under_the_same_key_when_nothing_answers(
    serve: Serve, accepted_answer: dict[str, Any]
) -> None:
    service = serve(httpx.ConnectError("no"), problem(503), ok(accepted_answer, 202))
    async with intake(service) as client:
        await client.submit(REQUEST)
    assert len(service.asked) == 3
    assert len({asked.headers["Idempotency-Key"] for asked in service.asked}) == 1


async def test_a_call_that_is_not_safe_to_repeat_is_made_once(serve: Serve) -> None:
    service = serve(httpx.ReadTimeout("no"), ok({}))
    async with intake(service) as client:
        with pytest.raises(Unreachable):
            await client.post("/v1/sagas/x/tasks/y/retry")
    assert len(service.asked) == 1


async def test_a_service_that_asks_for_a_long_pause_is_not_waited_for(serve: Serve, dsr_answer: dict[str, Any]) -> None:
    service = serve(httpx.Response(503, headers={"Retry-After": "60"}), ok(dsr_answer))
    async with intake(service) as client:
        with pytest.raises(Unreachable):
            await client.dsr(UUID(DSR_ID))


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (problem(400), BadInput),
        (problem(401), Unauthorised),
        (problem(403), Unauthorised),
        (problem(404), Missing),
        (problem(409), Conflicting),
        (problem(410), Missing),
        (problem(418), Refused),
        (problem(422), BadInput),
        (problem(500), Unreachable),
        (problem(503), Unreachable),
        (httpx.Response(502, text="<html>"), Unreachable),
        (httpx.Response(200, text="<html>"), Unreachable),
        (httpx.ConnectError("no"), Unreachable),
        (httpx.ReadTimeout("no"), Unreachable),
    ],
)
async def test_an_answer_becomes_the_error_that_says_what_to_do(
    answer: httpx.Response | Exception, kind: type[LetheError], serve: Serve
) -> None:
    async with intake(serve(answer)) as client:
        with pytest.raises(LetheError) as raised:
            await client.dsr(UUID(DSR_ID))
    assert type(raised.value) is kind
    assert "\n" not in str(raised.value)


async def test_the_text_of_an_error_names_field_and_fix_and_is_one_line(serve: Serve) -> None:
    errors = [{"field": "identifiers.email[0]", "message": "is not an address", "fix": "send\nname@host"}]
    async with intake(serve(problem(422, errors=errors))) as client:
        with pytest.raises(BadInput) as raised:
            await client.submit(REQUEST)
    assert str(raised.value) == ("A title | What to do. | identifiers.email[0] is not an address; send name@host")
    assert raised.value.problem["status"] == 422


async def test_members_of_a_newer_service_are_tolerated(serve: Serve, dsr_answer: dict[str, Any]) -> None:
    async with intake(serve(ok(dsr_answer))) as client:
        found = await client.dsr(UUID(DSR_ID))
    assert (found.progress.settled, found.closed) == (3, False)
    assert not found.overdue(datetime(2026, 12, 23, 22, 59, tzinfo=UTC))
    assert found.overdue(datetime(2026, 12, 23, 23, 0, tzinfo=UTC))


async def test_pages_are_followed_to_the_end(serve: Serve, dsr_answer: dict[str, Any]) -> None:
    following = f"/v1/dsrs?before={DSR_ID}&limit=200"
    service = serve(
        ok({"items": [dsr_answer], "next": following}), ok({"items": [dsr_answer, dsr_answer], "next": None})
    )
    async with intake(service) as client:
        assert len([item async for item in client.dsrs(state="fulfilling")]) == 3
    assert [str(asked.url.query, "ascii") for asked in service.asked] == [
        "state=fulfilling&limit=200",
        f"before={DSR_ID}&limit=200",
    ]


def package(content: bytes, digest_of: bytes) -> httpx.Response:
    digest = base64.b64encode(hashlib.sha256(digest_of).digest()).decode()
    return httpx.Response(200, content=content, headers={"Repr-Digest": f"sha-256=:{digest}:"})


async def test_a_package_is_written_as_it_was_sent(serve: Serve) -> None:
    file = io.BytesIO()
    async with intake(serve(package(b"PK-the-whole", b"PK-the-whole"))) as client:
        assert await client.package(UUID(DSR_ID), file) == 12
    assert file.getvalue() == b"PK-the-whole"


async def test_a_package_that_is_not_whole_is_refused(serve: Serve) -> None:
    async with intake(serve(package(b"PK-the-wh", b"PK-the-whole"))) as client:
        with pytest.raises(Refused, match="hash"):
            await client.package(UUID(DSR_ID), io.BytesIO())


async def test_a_package_that_is_not_ready_says_so(serve: Serve) -> None:
    async with intake(serve(problem(409))) as client:
        with pytest.raises(Conflicting):
            await client.package(UUID(DSR_ID), io.BytesIO())


def test_a_request_does_not_print_whom_it_is_about() -> None:
    assert "ada" not in repr(REQUEST)

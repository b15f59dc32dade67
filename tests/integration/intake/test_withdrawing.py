"""Taking a request back: once, told once, and not after the end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import pytest

from lethe_events import DsrReceived, DsrStatus, DsrWithdrawn
from lethe_events.words import Result, SagaState
from lethe_testkit.ground import eventually
from lethe_testkit.intake import NOW

if TYPE_CHECKING:
    import httpx

    from lethe_testkit.intake import IntakeGround

pytestmark = [pytest.mark.engines, pytest.mark.timeout(120)]

GOOD: dict[str, Any] = {
    "controller_id": "acme",
    "right": "erasure",
    "identifiers": {"email": ["mina@people.example"]},
    "channel": "web_form",
    "identity": {"method": "controller_session"},
}


async def accepted(client: httpx.AsyncClient, ground: IntakeGround, key: str = "k1") -> str:
    response = await client.post("/v1/dsrs", json=GOOD, headers={**ground.token(), "Idempotency-Key": key})
    return str(response.json()["dsr_id"])


def closed(dsr_id: str) -> DsrStatus:
    return DsrStatus(
        dsr_id=UUID(dsr_id), controller_id="acme", version=9, state=SagaState.CLOSED, at=NOW, due_strict=NOW,
        due_legal=NOW, result=Result.GRANTED,
    )  # fmt: skip


async def test_a_request_is_taken_back_once_however_often_and_from_wherever_it_is_said(ground: IntakeGround) -> None:
    async with ground.running() as one, ground.running() as other:
        dsr_id = await accepted(one, ground)
        calls = [c.post(f"/v1/dsrs/{dsr_id}/withdrawal", headers=ground.token()) for c in (one, other) * 8]
        answers = await asyncio.gather(*calls)
        assert {a.status_code for a in answers} == {200}
        (first,) = {a.text for a in answers}
        assert answers[0].json()["dsr_id"] == dsr_id
        shown = (await one.get(f"/v1/dsrs/{dsr_id}", headers=ground.token())).json()
        assert shown["withdrawn_at"] in first
        assert await ground.admin.fetchval("SELECT withdrawn_by FROM intake.dsr") == "site"
        await eventually(lambda: _published(ground, 2))
        received, withdrawn = await ground.requests()
        assert isinstance(received.body, DsrReceived)
        assert isinstance(withdrawn.body, DsrWithdrawn)
        assert str(withdrawn.body.dsr_id) == dsr_id
        assert withdrawn.envelope.id == uuid5(UUID(dsr_id), "intake/withdrawn")
        assert withdrawn.envelope.traceparent is not None


async def test_a_closed_request_is_not_taken_back_and_one_taken_back_stays_so_when_it_closes(
    ground: IntakeGround,
) -> None:
    async with ground.running() as client:
        late, early = await accepted(client, ground, "late"), await accepted(client, ground, "early")
        before = await client.post(f"/v1/dsrs/{early}/withdrawal", headers=ground.token())
        await ground.tell(closed(late), closed(early))
        await eventually(ground.all_statuses_seen)
        refused = await client.post(f"/v1/dsrs/{late}/withdrawal", headers=ground.token())
        assert refused.status_code == 409
        assert refused.json()["type"] == "urn:lethe:problem:dsr_closed"
        again = await client.post(f"/v1/dsrs/{early}/withdrawal", headers=ground.token())
        assert (again.status_code, again.text) == (200, before.text)
        assert await ground.admin.fetchval("SELECT count(*) FROM intake.dsr WHERE withdrawn_at IS NOT NULL") == 1


async def test_somebody_elses_and_a_missing_request_get_the_same_answer_and_a_reader_may_not(
    ground: IntakeGround,
) -> None:
    async with ground.running() as client:
        dsr_id = await accepted(client, ground)
        foreign = await client.post(f"/v1/dsrs/{dsr_id}/withdrawal", headers=ground.token("beta"))
        missing = await client.post(f"/v1/dsrs/{UUID(int=5)}/withdrawal", headers=ground.token())
        assert foreign.status_code == missing.status_code == 404
        assert foreign.json()["detail"] == missing.json()["detail"]
        reader = await client.post(f"/v1/dsrs/{dsr_id}/withdrawal", headers=ground.token(scopes=["dsr:read"]))
        assert reader.status_code == 403
        assert (await client.get(f"/v1/dsrs/{dsr_id}", headers=ground.token())).json()["withdrawn_at"] is None


async def _published(ground: IntakeGround, count: int) -> bool:
    return len(await ground.requests()) == count

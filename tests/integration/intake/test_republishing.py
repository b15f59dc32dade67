"""Kafka lost what intake said before the saga heard it: it is said again from PostgreSQL, in the same words."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import pytest

from lethe_events import DsrStatus
from lethe_events.words import SagaState
from lethe_messaging import delete_topics, ensure_topics
from lethe_testkit.ground import eventually
from lethe_testkit.intake import NOW, PARTITIONS

if TYPE_CHECKING:
    import httpx

    from lethe_testkit.intake import IntakeGround

pytestmark = [pytest.mark.engines, pytest.mark.timeout(120)]
ALL = ("dsr:write", "dsr:read", "messaging:read", "messaging:act")
REASON = {"reason": "kafka_lost"}


async def accepted(client: httpx.AsyncClient, ground: IntakeGround, number: int, **more: Any) -> UUID:
    body = {
        "controller_id": "acme",
        "right": "erasure",
        "identifiers": {"email": [f"p{number}@people.example"], "customer_id": [f"c{number}"]},
        "channel": "web_form",
        "identity": {"method": "controller_session"},
        **more,
    }
    headers = {**ground.token(("acme", "beta")), "Idempotency-Key": f"k{number}"}
    answer = await client.post("/v1/dsrs", json=body, headers=headers)
    assert answer.status_code == 202, answer.text
    return UUID(answer.json()["dsr_id"])


async def said(ground: IntakeGround, count: int) -> dict[UUID, tuple[object, ...]]:
    """Everything on the topic of requests: the id of a message → all of it but the trace."""

    async def there() -> bool:
        return len(await ground.requests()) >= count

    await eventually(there, 20)
    messages = await ground.requests()
    assert len(messages) == count
    return {
        e.id: (m.type, m.body, e.source, e.time, e.correlation_id, e.causation_id)
        for m, e in ((m, m.envelope) for m in messages)
    }


async def lose(ground: IntakeGround) -> None:
    topics = (ground.topics.requests, ground.topics.status)
    await delete_topics(ground.kafka, [t.name for t in topics])
    await ensure_topics(ground.kafka, topics, PARTITIONS)


def heard(dsr_id: UUID, state: SagaState) -> DsrStatus:
    return DsrStatus(
        dsr_id=dsr_id, controller_id="acme", version=3, state=state, at=NOW, due_strict=NOW, due_legal=NOW
    )  # fmt: skip


async def told(ground: IntakeGround, count: int) -> None:
    async def so_many() -> bool:
        return bool(await ground.admin.fetchval("SELECT count(*) = $1 FROM intake.dsr WHERE status_version > 0", count))

    await eventually(so_many, 20)


async def test_what_the_saga_never_heard_is_said_again_in_the_same_words_and_nothing_else(ground: IntakeGround) -> None:
    async with ground.running() as client:
        yesterday = datetime(2026, 3, 5, 10, 15, tzinfo=UTC).isoformat()
        known, over = await accepted(client, ground, 1), await accepted(client, ground, 2)
        unheard = [
            await accepted(client, ground, 3),
            await accepted(client, ground, 4, export_first=True, received_at=yesterday, country="AT"),
            await accepted(client, ground, 5, right="access", note="by letter", channel="email"),
        ]
        for dsr_id in (known, over, unheard[0]):
            await client.post(f"/v1/dsrs/{dsr_id}/withdrawal", headers=ground.token())
        doubted = await accepted(client, ground, 6, identity={"method": "in_doubt", "reason": "unknown_address"})
        url = f"/v1/dsrs/{doubted}/identity/manual"
        checker = ground.token(scopes=("dsr:read", "identity:check"))
        assert (await client.post(url, json={"manner": "called_back"}, headers=checker)).status_code == 200
        before = await said(ground, 10)
        await ground.tell(heard(known, SagaState.FULFILLING), heard(over, SagaState.CLOSED))
        await told(ground, 2)
    await lose(ground)
    async with ground.running() as client:
        kim = ground.token(scopes=ALL)
        answer = await client.post("/v1/dsrs/republish", json=REASON, headers=kim)
        assert answer.json() == {"dsrs": 5, "messages": 7, "next": None}, answer.text
        again = await said(ground, 7)
        journal = (await client.get("/v1/messaging/journal", headers=kim)).json()["items"]
    assert again == {id_: before[id_] for id_ in again}
    taken_back = {uuid5(dsr_id, "intake/withdrawn") for dsr_id in (known, unheard[0])}
    assert again.keys() == {*unheard, *taken_back, doubted, uuid5(doubted, "intake/identity-verified")}
    (entry,) = [json.loads(item["content"]) for item in journal]
    assert (entry["act"], entry["reason"], entry["done"]["messages"]) == ("republish", "kafka_lost", 7)
    assert sorted(entry["done"]["dsrs"]) == sorted(map(str, (known, *unheard, doubted)))


async def test_only_an_operator_says_it_again_and_only_of_the_own_controllers(ground: IntakeGround) -> None:
    async with ground.running() as client:
        dsr_id = await accepted(client, ground, 1)
        await said(ground, 1)
        url = "/v1/dsrs/republish"
        assert (await client.post(url, json=REASON, headers=ground.token())).status_code == 403
        other = ground.token("beta", ALL)
        assert (await client.post(url, json=REASON, headers=other)).json() == {"dsrs": 0, "messages": 0, "next": None}
        mine = ground.token(scopes=ALL)
        behind = {**REASON, "after": str(dsr_id)}
        assert (await client.post(url, json=behind, headers=mine)).json()["dsrs"] == 0
        await ground.vault.shred([dsr_id])
        answer = await client.post(url, json=REASON, headers=mine)
        assert (answer.json()["dsrs"], answer.json()["messages"]) == (1, 0), "it is over: nobody could act on it"
        await said(ground, 1)

"""Drill: Kafka is lost with all that was in it. PostgreSQL knows what is owed; runbook, "Kafka lost for good"."""

import json

import pytest

from lethe_messaging import delete_topics, ensure_topics, set_offset
from lethe_testkit.ground import eventually
from lethe_testkit.orchestrator import PARTITIONS, orchestrator_ground, well

pytestmark = [pytest.mark.engines, pytest.mark.timeout(120)]
REASON = {"reason": "kafka_lost"}


@pytest.fixture
async def ground(postgres_dsn, kafka_bootstrap, unique, tmp_path):
    async with orchestrator_ground(postgres_dsn, kafka_bootstrap, unique, tmp_path) as made:
        made.register("shop")
        made.register("crm", after=["shop"])
        yield made


def topics_of(ground):
    t = ground.topics
    return t.requests, t.acks, t.erasure, t.export, t.status, t.audit, t.subject_events


async def lose(ground):
    """Every topic is empty and begins at offset 0 again."""
    await delete_topics(ground.kafka, [t.name for t in topics_of(ground)])
    await ensure_topics(ground.kafka, topics_of(ground), PARTITIONS)


async def count(ground, sql):
    return (await ground.fetch(f"SELECT count(*) AS n FROM {sql}"))[0]["n"]


async def until(ground, sql, number):
    async def so_many():
        return await count(ground, sql) == number

    await eventually(so_many, seconds=40)


async def test_every_open_saga_goes_on_after_kafka_was_lost_with_all_that_was_in_it(ground):
    """The orchestrator is stopped for it; the processors live through it."""
    ground.answer = lambda task: well(task) if int(task.dsr_id.hex[-1], 16) % 2 else []
    async with ground.processors():
        async with ground.running():
            ids = await ground.receive(24)
            silent = [i for i in ids if not int(i.hex[-1], 16) % 2]
            await until(ground, "saga WHERE closed_at IS NOT NULL", 24 - len(silent))
            await until(ground, "task WHERE status = 'issued'", len(silent))
        before = {(t.task_id, t.attempt) for t in ground.asked if t.dsr_id in silent}
        links = await count(ground, "audit_event")
        await lose(ground)
        ground.answer = well
        ground.asked.clear()
        async with ground.running() as client:
            kim = ground.auth()
            for topic in (ground.topics.requests, ground.topics.acks, ground.topics.subject_events):
                move = {"topic": topic.name, "to": 0, **REASON}
                moved = await client.post("/v1/messaging/partitions/move", json=move, headers=kim)
                assert moved.json() == {"count": PARTITIONS}
            for topic in (ground.topics.erasure, ground.topics.export):
                assert await set_offset(ground.other, topic.name, 0) == PARTITIONS
            assert await count(ground, "audit_event") == links, "nothing is decided anew"
            resumed = await client.post("/v1/sagas/resume", json=REASON, headers=kim)
            assert resumed.json() == {"sagas": len(silent), "questions": len(silent), "next": None}
            await until(ground, "saga WHERE closed_at IS NOT NULL", 24)
            journal = (await client.get("/v1/messaging/journal", headers=kim)).json()["items"]
    assert before <= {(t.task_id, t.attempt) for t in ground.asked}, "the same questions with the same ids"
    told = [json.loads(entry["content"]) for entry in journal]
    assert [t["act"] for t in told] == ["move", "move", "move", "resume"]
    assert sorted(told[-1]["done"]["sagas"]) == sorted(map(str, silent))
    assert await count(ground, "(SELECT 1 FROM ack GROUP BY task_id, attempt, promise HAVING count(*) > 1) d") == 0
    assert await count(ground, "parked_message") == 0


async def test_a_saga_is_resumed_by_its_own_people_alone_and_only_while_it_is_open(ground):
    async with ground.running() as client, ground.processors():
        (dsr_id,) = await ground.receive(1)
        await until(ground, "saga WHERE closed_at IS NOT NULL", 1)
        url = f"/v1/sagas/{dsr_id}/resume"
        assert (await client.post(url, json=REASON, headers=ground.auth())).status_code == 409
        others = ground.auth(controllers=["beta"])
        assert (await client.post(url, json=REASON, headers=others)).status_code == 404
        assert (await client.post("/v1/sagas/resume", json=REASON, headers=others)).json()["sagas"] == 0
        reader = ground.auth(scopes=["saga:read"])
        assert (await client.post(url, json=REASON, headers=reader)).status_code == 403
        assert (await client.get("/v1/messaging/journal", headers=ground.auth())).json()["items"] == []


async def test_resuming_again_and_again_has_no_effect_twice(ground):
    ground.answer = lambda _: []
    async with ground.running() as client, ground.processors():
        (dsr_id,) = await ground.receive(1)
        await until(ground, "task WHERE status = 'issued'", 1)
        for _ in range(3):
            body = (await client.post(f"/v1/sagas/{dsr_id}/resume", json=REASON, headers=ground.auth())).json()
            assert body["questions"] == 1

        async def asked_again():
            return len(ground.asked) == 4

        await eventually(asked_again, seconds=20)
        assert len({(t.task_id, t.attempt) for t in ground.asked}) == 1
        ground.answer = well
        await client.post(f"/v1/sagas/{dsr_id}/resume", json=REASON, headers=ground.auth())
        await until(ground, "saga WHERE closed_at IS NOT NULL", 1)
    assert await count(ground, "stray_ack") == 0

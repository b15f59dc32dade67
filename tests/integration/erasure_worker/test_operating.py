"""What people do to the messaging of a worker, over its HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from lethe_events import Record
from lethe_events.words import Verb
from lethe_testkit.ground import eventually
from lethe_testkit.tasks import task

if TYPE_CHECKING:
    from lethe_testkit.workers import WorkerGround

pytestmark = [pytest.mark.engines, pytest.mark.timeout(120)]
READ, ACT = "messaging:read", "messaging:act"


async def test_a_task_that_was_parked_is_seen_corrected_by_two_and_then_carried_out(ground: WorkerGround) -> None:
    await ground.processor("shop", range(5))
    await ground.seal(range(5))
    worker = await ground.start("erasure_worker")
    (good,) = ground.records([task("shop", Verb.ERASE, 1)])
    await ground.put([Record(good.topic, good.key, good.value.replace(b'"erase"', b'"ada"'), good.headers)])
    base = f"http://127.0.0.1:{await worker.port()}/v1/messaging"
    kim, sam = ground.operator("kim", READ, ACT), ground.operator("sam", READ, ACT)
    async with httpx.AsyncClient(base_url=base) as client:
        await eventually(lambda: _lies_there(client, kim), 20)
        (listed,) = (await client.get("/parked", headers=kim)).json()["items"]
        assert listed["code"] == "schema"
        assert "ada" not in str(listed)
        place = f"{listed['topic']}/{listed['partition']}/{listed['offset']}"
        shown = (await client.get(f"/parked/{place}", headers=kim)).json()
        assert shown["form"]["verb"] == "(string of 3)"
        body: dict[str, Any] = {"body": httpx.Response(200, content=good.value).json(), "reason": "typo"}
        for headers, status in ((ground.operator("kim", READ), 403), ({}, 401), (kim, 204)):
            assert (await client.post(f"/parked/{place}/edit", json=body, headers=headers)).status_code == status
        bad = {"body": {"verb": "ada"}, "reason": "typo"}
        assert (await client.post(f"/parked/{place}/edit", json=bad, headers=kim)).status_code == 422
        retry = {"topic": listed["topic"], "code": "schema", "reason": "looked"}
        same = await client.post("/parked/retry", json=retry, headers=kim)
        assert (same.status_code, same.json()["type"]) == (403, "urn:lethe:problem:same_person")
        assert (await client.post("/parked/retry", json=retry, headers=sam)).json() == {"count": 1}
        await ground.expect_acks(1)
        journal = (await client.get("/journal", headers=kim)).json()["items"]
        assert [entry["seq"] for entry in journal] == [1, 2]
        assert (await client.get("/parked/no.such/0/0", headers=kim)).status_code == 404
        assert (await client.get("/parked", params={"after": "x"}, headers=kim)).status_code == 422
        skip = {"topic": listed["topic"], "partition": 0, "offset": 10**9, "reason": "drill"}
        moved = await client.post("/partitions/skip", json=skip, headers=kim)
        assert (moved.status_code, moved.json()["type"]) == (409, "urn:lethe:problem:moved")
        free_text = {**skip, "reason": "because Ada said so"}
        assert (await client.post("/partitions/skip", json=free_text, headers=kim)).status_code == 422
    assert (await ground.left("shop"))["customers"] == 4


async def _lies_there(client: httpx.AsyncClient, headers: dict[str, str]) -> bool:
    return len((await client.get("/parked", headers=headers)).json()["items"]) == 1

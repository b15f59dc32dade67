"""Intake as a process that dies at the worst moments: nothing accepted is lost, nothing is accepted twice."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from lethe_testkit.ground import eventually

if TYPE_CHECKING:
    from lethe_testkit.intake import IntakeGround
    from lethe_testkit.processes import WorkerProcess

pytestmark = [pytest.mark.engines, pytest.mark.timeout(120)]

BODY: dict[str, Any] = {
    "controller_id": "acme",
    "right": "erasure",
    "identifiers": {"email": ["mina@people.example"]},
    "channel": "api",
    "identity": {"method": "controller_session"},
}


async def post(process: WorkerProcess, ground: IntakeGround, key: str) -> httpx.Response | None:
    """None: the connection broke, as it does for a real caller of a process that dies."""
    url = f"http://127.0.0.1:{await process.port()}/v1/dsrs"
    async with httpx.AsyncClient(timeout=20) as client:
        try:
            return await client.post(url, json=BODY, headers={**ground.token(), "Idempotency-Key": key})
        except httpx.TransportError:
            return None


@pytest.mark.parametrize(
    ("point", "committed"), [("work.before_commit", False), ("work.after_commit", True), ("publish.after", True)]
)
async def test_a_caller_that_sends_again_after_a_crash_has_one_request_in_the_end(
    ground: IntakeGround, point: str, committed: bool
) -> None:
    first = await ground.start(LETHE_CRASH_AT=point)
    answer = await post(first, ground, "k")
    assert await first.ended() == 137
    stored = (await ground.counts())["dsr"]
    assert stored == (1 if committed else 0)
    second = await ground.start()
    again = await post(second, ground, "k")
    assert again is not None
    assert again.status_code == 202
    assert ("idempotency-replayed" in again.headers) is committed
    if answer is not None:
        assert answer.content == again.content
    assert await ground.counts() == {"dsr": 1, "sealed": 1}
    await eventually(lambda: _told(ground, {again.json()["dsr_id"]}), 30)


async def test_whatever_was_answered_202_before_a_kill_is_stored_and_told(ground: IntakeGround) -> None:
    process = await ground.start()
    await process.port()
    answered: set[str] = set()

    async def caller(number: int) -> None:
        for turn in range(200):
            response = await post(process, ground, f"{number}-{turn}")
            if response is None:
                return
            if response.status_code == 202:
                answered.add(response.json()["dsr_id"])

    async with asyncio.TaskGroup() as callers:
        for number in range(8):
            callers.create_task(caller(number))
        await eventually(lambda: _at_least(answered, 60), 30)
        await process.kill()
    rows = await ground.admin.fetch("SELECT dsr_id::text FROM intake.dsr")
    stored = {row["dsr_id"] for row in rows}
    assert answered <= stored
    await ground.start()
    await eventually(lambda: _told(ground, stored), 40)
    assert (await ground.counts())["sealed"] == len(stored)


async def test_a_stop_answers_what_is_under_way_and_leaves_nothing_unpublished(ground: IntakeGround) -> None:
    process = await ground.start()
    await process.port()

    async with asyncio.TaskGroup() as callers:
        calls = [callers.create_task(post(process, ground, f"k{n}")) for n in range(20)]
        await asyncio.sleep(0.05)
        code = callers.create_task(process.terminate())
    answered = {r.json()["dsr_id"] for c in calls if (r := c.result()) is not None and r.status_code == 202}
    assert code.result() == 0
    assert await _told(ground, answered)
    assert await ground.admin.fetchval("SELECT count(*) FROM intake.outbox") == 0


async def test_the_log_of_a_whole_life_names_nobody(ground: IntakeGround) -> None:
    process = await ground.start()
    await post(process, ground, "mina@people.example")
    await process.terminate()
    text = "".join(process.raw).lower()
    assert '"event": "started"' in text
    assert "mina" not in text


async def test_settings_that_cannot_work_are_told_in_one_line_each(ground: IntakeGround) -> None:
    (ground.directory / "controllers.yaml").write_text("controllers: [{controller_id: acme}]")
    process = await ground.start()
    assert await process.ended() == 78
    lines = "".join(process.raw).splitlines()
    assert all(line.startswith("LETHE_CONTROLLERS controllers.yaml: controllers.0.") for line in lines), lines


async def _at_least(found: set[str], count: int) -> bool:
    return len(found) >= count


async def _told(ground: IntakeGround, wanted: set[str]) -> bool:
    """Exactly these DSRs were told, however often each."""
    return {str(r.envelope.correlation_id) for r in await ground.requests()} >= wanted

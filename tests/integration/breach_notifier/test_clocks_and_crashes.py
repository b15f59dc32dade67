"""Clocks that survive restarts, calls that reach whoever is on call, and deaths at the worst moments."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from breach_notifier.adapters.store import read_case
from breach_notifier.application.crash_points import CRASH_POINTS
from breach_notifier.domain.record import Link, check, replay
from lethe_events.words import Reporter
from lethe_testkit.breach_ground import a_report, a_signal
from lethe_testkit.ground import eventually

pytestmark = pytest.mark.timeout(150)


@asynccontextmanager
async def on_call(refusals=0):
    """A webhook that refuses a few times and then takes what comes; gives its address and what it was sent."""
    taken, left = [], refusals

    async def answer(reader, writer):
        nonlocal left
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next(int(line[15:]) for line in head.split("\r\n") if line.lower().startswith("content-length:"))
            body = json.loads(await reader.readexactly(length))
            left -= 1
            status = b"202 Accepted" if left < 0 else b"503 Busy"
            if left < 0:
                taken.append(body)
            writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
        finally:
            writer.close()
            await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", taken


async def rows(ground, sql, wanted):
    async def there():
        return [tuple(r) for r in await ground.fetch(sql)] == wanted

    await eventually(there, seconds=30)


async def the_case(ground):
    (row,) = await ground.fetch("SELECT content FROM breach_case")
    return read_case(row["content"])


def a_notice_of(hours):
    arrived = datetime.now(UTC) - timedelta(hours=hours)
    return a_report(Reporter.PROCESSOR, processor_id="cloudmail", accepted_at=arrived)


async def test_each_rung_that_has_come_rings_once_whatever_was_down_meanwhile(ground):
    await ground.send([a_notice_of(61)])
    rang = 'SELECT count(*) FROM case_event WHERE content LIKE \'%"kind":"rung_due"%\''
    async with ground.running():
        await rows(ground, rang, [(3,)])
    async with ground.running(), ground.running():
        await asyncio.sleep(1.5)
        await rows(ground, rang, [(3,)])
    case = await the_case(ground)
    assert case.rung == ("triage", "draft", "sign_off")
    assert case.alerts == ("deadline_near",)
    (timer,) = await ground.fetch("SELECT due_at FROM timer")
    assert timer["due_at"] == case.clock.aware_at + timedelta(hours=70)


async def test_a_deadline_that_passed_while_nobody_ran_is_told_and_a_late_filing_needs_reasons(ground):
    await ground.send([a_notice_of(80)])
    async with ground.running() as client:
        await rows(ground, "SELECT alerts FROM breach_case", [(["deadline_passed"],)])
        case = f"/v1/breaches/{(await the_case(ground)).id}"
        shown = (await client.get(case, headers=ground.auth())).json()
        assert shown["hours_left"] < -7.9
        listed = await client.get("/metrics")
        assert "breach_case_overdue" in listed.text
        facts = {"facts": {"kinds": ["availability"], "subjects": 3}}
        assert (await client.post(f"{case}/facts", json=facts, headers=ground.auth())).status_code == 200
        draft = await client.post(f"{case}/notices", json={"fields": {}}, headers=ground.auth())
        assert draft.json()["unfilable"] == [49]
        refused = await client.post(f"{case}/notices/1/sign", headers=ground.auth("robin"))
        assert refused.json()["errors"][0]["field"] == "fields.49"
    assert await ground.fetch("SELECT 1 FROM timer") == []


async def test_a_suspicion_that_nobody_decides_calls_after_a_day(ground):
    await ground.send([a_report(accepted_at=datetime.now(UTC) - timedelta(hours=25))])
    async with ground.running():
        await rows(ground, "SELECT state, alerts FROM breach_case", [("suspected", ["unassessed"])])


async def test_who_is_on_call_hears_of_a_suspicion_at_once_in_the_shape_of_their_tool(ground):
    async with on_call(refusals=1) as (pager, paged), on_call() as (manager, alerted):
        ground.policy(
            on_call=[
                {"name": "pager", "shape": "pagerduty", "url": pager, "key": "routing"},
                {"name": "alerts", "shape": "alertmanager", "url": manager},
            ]
        )
        async with ground.running() as client:
            await ground.send([a_signal("device.lost", asset="laptop/7")])
            await rows(ground, "SELECT count(*) FROM call WHERE tries > 0", [(2,)])
            await ground.fetch("UPDATE call SET next_at = clock_timestamp() WHERE next_at IS NOT NULL")
            await rows(ground, "SELECT count(*) FROM call WHERE taken_at IS NOT NULL", [(2,)])
            case = await the_case(ground)
            url = f"/v1/breaches/{case.id}/dismissal"
            assert (await client.post(url, json={"reason": "found"}, headers=ground.auth())).status_code == 200
            assert (await client.post(f"{url}/confirm", headers=ground.auth("robin"))).status_code == 200
            await rows(ground, "SELECT count(*) FROM call WHERE taken_at IS NOT NULL", [(4,)])
    assert [p["event_action"] for p in paged] == ["trigger", "resolve"]
    assert {p["dedup_key"] for p in paged} == {f"lethe-breach-{case.id}"}
    assert paged[0]["payload"]["severity"] == "critical"
    assert paged[0]["routing_key"] == "routing"
    assert alerted[0][0]["labels"]["about"] == "suspected"
    assert alerted[0][0]["labels"]["controller"] == "acme"


async def test_a_receiver_that_nobody_knows_any_more_is_given_up(ground):
    ground.policy(on_call=[{"name": "old", "shape": "pagerduty", "url": "http://127.0.0.1:9/", "key": "k"}])
    async with ground.running():
        await ground.send([a_signal("device.lost")])
        await rows(ground, "SELECT trouble FROM call", [("ConnectError",)])
    ground.policy()
    await ground.fetch("UPDATE call SET next_at = clock_timestamp()")
    async with ground.running():
        await rows(ground, "SELECT trouble, next_at IS NULL FROM call", [("not_configured", True)])


@pytest.mark.parametrize("point", CRASH_POINTS)
async def test_a_death_in_the_middle_opens_no_case_twice_and_loses_no_signal(ground, point):
    begin = datetime.now(UTC) - timedelta(seconds=90)
    burst = [a_signal("login.failed", at=begin + timedelta(seconds=n)) for n in range(12)]
    signals = [a_signal(asset="t/1"), a_signal(asset="t/1"), *burst, a_signal("login.succeeded"), a_signal(asset="t/1")]
    reports = [a_report(), a_notice_of(1)]
    await ground.send([*reports, *signals])
    dying = await ground.start(LETHE_CRASH_AT=f"{point}:2")
    try:
        await asyncio.wait_for(dying.ended(), 20)
    except TimeoutError:  # nothing passed the point twice: what follows has to hold all the same
        await dying.kill()
    async with ground.running():
        await rows(ground, "SELECT count(*) FROM signal", [(len(signals),)])
        await rows(
            ground, "SELECT state, count(*) FROM breach_case GROUP BY 1 ORDER BY 1", [("aware", 1), ("suspected", 3)]
        )
        await rows(
            ground, "SELECT rule, hits FROM incident ORDER BY 1", [("failed_then_succeeded", 1), ("mass_export", 3)]
        )
    for row in await ground.fetch("SELECT id, content, audit_head FROM breach_case"):
        chain = await ground.fetch("SELECT * FROM case_event WHERE case_id = $1 ORDER BY seq", row["id"])
        links = [Link(row["id"], r["seq"], r["hash"].hex(), r["content"]) for r in chain]
        assert check(links) == row["audit_head"].hex()
        assert replay(links) == read_case(row["content"])

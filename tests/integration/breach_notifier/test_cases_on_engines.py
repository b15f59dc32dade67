"""Breach cases on real Kafka and PostgreSQL: reports, signals, clocks, replays, isolation."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

from breach_notifier.adapters.store import read_case
from breach_notifier.domain.record import Link, check, replay
from lethe_events.words import Reporter
from lethe_testkit.breach_ground import a_report, a_signal
from lethe_testkit.ground import eventually

FACTS = {
    "kinds": ["confidentiality"],
    "cause": "external_malicious",
    "encryption_intact": False,
    "key_safe": False,
    "exfiltration": "yes",
    "data": ["payment_means"],
    "vulnerable": False,
    "safety": False,
    "recipient": "hostile",
    "retrieved": False,
    "subjects": 400,
    "identifiability": "direct",
    "permanence": "lasting",
}
COPY = "ab" * 32
TABLES = ("breach_case", "case_event", "timer", "signal", "incident", "hit", "notice", "filing", "call")


async def cases(ground, count, state=None):
    """The ids of the cases, once there are so many."""

    async def there():
        return len(await found()) == count

    async def found():
        return await ground.fetch(
            "SELECT id FROM breach_case WHERE $1::text IS NULL OR state = $1 ORDER BY opened_at, id", state
        )

    await eventually(there, seconds=30)
    return [row["id"] for row in await found()]


async def everything(ground):
    digest = "SELECT md5(string_agg(x::text, ',' ORDER BY x::text)) FROM {} x"
    return {t: (await ground.fetch(digest.format(t)))[0][0] for t in TABLES}


async def read_to_the_end(ground):
    async def done():
        rows = await ground.fetch("SELECT coalesce(sum(next_offset), 0) AS n FROM consumer_offset")
        return rows[0]["n"] == total

    total = len(await ground.said(ground.topics.reports)) + len(await ground.said(ground.topics.signals))
    await eventually(done, seconds=30)


async def whole(ground):
    """Every stored case is what its chain makes of it."""
    for row in await ground.fetch("SELECT id, content, audit_head FROM breach_case"):
        rows = await ground.fetch("SELECT * FROM case_event WHERE case_id = $1 ORDER BY seq", row["id"])
        links = [Link(row["id"], r["seq"], r["hash"].hex(), r["content"]) for r in rows]
        assert check(links) == row["audit_head"].hex()
        assert replay(links) == read_case(row["content"])


async def posted(client, ground, path, body=None, *, by="kim", status=200):
    answer = await client.post(path, json=body, headers=ground.auth(by))
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_a_breach_goes_from_a_report_to_a_closed_case(ground):
    report = a_report()
    async with ground.running() as client:
        await ground.send([report])
        (case_id,) = await cases(ground, 1)
        case = f"/v1/breaches/{case_id}"
        now = datetime.now(UTC)
        await posted(client, ground, f"{case}/aware", {"aware_at": now.isoformat(), "reason": "dump found"})
        score = {"dpc": "4", "ei": "1", "cb_malicious": "0.5", "reason": "cards"}
        await posted(client, ground, f"{case}/facts", {"facts": FACTS, "severity": score})
        shown = (await client.get(case, headers=ground.auth())).json()
        assert shown["proposal"]["notify_subjects"] == "yes"
        assert shown["missing"] == ["decide whom to tell", "draft a notice"]
        assert shown["severity"] == "4.5 Very High"
        assert {"dpc=4", "ei=1", "cb_malicious=0.5", "because cards"} <= set(shown["scored"])
        assert 71.9 < shown["hours_left"] <= 72
        assert {r["what"] for r in shown["reminders"]} == {"early warning", "incident notification"}
        decision = {"notify_authority": True, "notify_subjects": True, "reasons": "cards", "authorities": ["DE-BE"]}
        assert (await posted(client, ground, f"{case}/decision", decision))["state"] == "assessed"
        drafted = await posted(client, ground, f"{case}/notices", {"fields": {}}, status=201)
        assert (drafted["number"], drafted["status"], drafted["unfilable"]) == (1, "incomplete", [])
        assert 68 not in drafted["gaps"], "the number of people came from the facts"
        filing = {"authority": "DE-BE", "reference": "BE-1", "filed_at": now.isoformat(), "copy_sha256": COPY}
        unsigned = await client.post(f"{case}/notices/1/file", json=filing, headers=ground.auth())
        assert unsigned.json()["type"].endswith("not_signed_off")
        await posted(client, ground, f"{case}/notices/1/sign", status=403)
        await posted(client, ground, f"{case}/notices/1/sign", by="robin")
        assert (await posted(client, ground, f"{case}/notices/1/file", filing))["state"] == "notified"
        again = await posted(client, ground, f"{case}/notices/1/file", filing)
        assert (again["applied"], again["state"]) == (False, "notified")
        page = await client.get(f"{case}/notices/1/page", headers=ground.auth())
        assert "Acme GmbH" in page.text
        assert "not answered yet" in page.text
        paper = await client.get(f"{case}/notices/1/pdf", headers=ground.auth())
        assert (paper.headers["content-type"], paper.content[:5]) == ("application/pdf", b"%PDF-")
        cookie = {"Cookie": f"lethe_console={ground.auth()['Authorization'][7:]}"}
        shown = await client.get(f"/console/breaches/{case_id}/notices/1/pdf", headers=cookie)
        assert shown.content == paper.content
        await withdraw_and_close(client, ground, case)
        await whole(ground)
        rows = (await client.get(f"/v1/register/{now.year}?controller=acme", headers=ground.auth())).text
        assert "dump found" in rows
        assert "card numbers sold" in rows
        assert (
            await client.get("/v1/register/2024?controller=acme&form=html", headers=ground.auth())
        ).status_code == 200
    said = sorted((r.body for r in await ground.said(ground.topics.status)), key=lambda s: s.version)
    assert [s.state for s in said] == ["suspected", "aware", "assessed", "notified", "settled", "closed"]
    assert [s.severity for s in said] == [None, None, *["very_high"] * 4]
    assert said[1].operational_due - said[1].aware_at == timedelta(hours=72)
    assert {s.breach_id for s in said} == {report.breach_id}


async def withdraw_and_close(client, ground, case):
    proof = {"told": 398, "undelivered": 2, "proof_sha256": COPY}
    keys = [
        {"proof": name, "reference": "report.pdf", "sha256": COPY} for name in ("measure", "applied_to_all", "key_safe")
    ]
    await posted(client, ground, f"{case}/exemption", {"exemption": "protected", "evidence": keys})
    await posted(client, ground, f"{case}/subjects-told", proof)
    cookie = {"Cookie": f"lethe_console={ground.auth()['Authorization'][7:]}"}
    page = (await client.get(f"/console/breaches/{case[-36:]}", headers=cookie)).text
    assert "398 told, 2 not reached" in page
    assert "a second person has to confirm it" in page
    drafted = await posted(client, ground, f"{case}/notices", {"fields": {"4": "c", "5": "mistaken"}}, status=201)
    assert drafted["status"] == "withdrawn"
    changes = (await client.get(f"{case}/notices/2/changes?since=1", headers=ground.auth())).json()
    assert {3, 4} <= set(changes["changed"])
    await posted(client, ground, f"{case}/notices/2/sign", by="robin")
    filing = {"authority": "DE-BE", "reference": "BE-2", "copy_sha256": COPY, "filed_at": datetime.now(UTC).isoformat()}
    assert (await posted(client, ground, f"{case}/notices/2/file", filing))["state"] == "settled"
    await posted(client, ground, f"{case}/close", {"effects": "card numbers sold", "measures": "keys changed"})
    links = (await client.get(f"{case}/events", headers=ground.auth())).json()["links"]
    check([Link(UUID(case[-36:]), k["seq"], k["hash"], json.dumps(k["content"])) for k in links])


async def test_a_processors_notice_starts_each_controllers_clock_when_it_arrived(ground):
    arrived = datetime.now(UTC) - timedelta(hours=5)
    report = a_report(Reporter.PROCESSOR, processor_id="cloudmail", controllers=("acme", "beta"), accepted_at=arrived)
    async with ground.running() as client:
        await ground.send([report, report])
        await cases(ground, 2, "aware")
        found = (await client.get("/v1/breaches", headers=ground.auth(controllers=["acme", "beta"]))).json()["items"]
    assert {c["controller_id"] for c in found} == {"acme", "beta"}
    assert all(datetime.fromisoformat(c["due"]) == arrived + timedelta(hours=72) for c in found)
    assert all(66.9 < c["hours_left"] <= 67 for c in found)


async def test_an_unknown_controller_is_parked_and_the_known_one_gets_its_case(ground):
    async with ground.running():
        await ground.send([a_report(controllers=("acme", "ghost")), a_signal(controller_id="ghost")])
        await cases(ground, 1)
        await read_to_the_end(ground)
        rows = await ground.fetch("SELECT code FROM parked_message")
    assert [row["code"] for row in rows] == ["unknown_controller"] * 2


async def test_a_burst_of_failed_logins_and_one_that_succeeds_is_one_suspicion_with_its_evidence(ground):
    begin = datetime.now(UTC) - timedelta(minutes=5)
    failed = [a_signal("login.failed", actor="a" * 64, at=begin + timedelta(seconds=n)) for n in range(12)]
    succeeded = a_signal("login.succeeded", actor="a" * 64, at=begin + timedelta(seconds=60))
    elsewhere = a_signal("login.succeeded", actor="b" * 64, at=begin + timedelta(seconds=60))
    async with ground.running() as client:
        # late parts of a burst count as well: nine, its end, and then what makes it ten
        await ground.send([*failed[:9], succeeded, elsewhere])
        await read_to_the_end(ground)
        await cases(ground, 0)
        await ground.send([*failed[9:], *failed])
        (case_id,) = await cases(ground, 1, "suspected")
        # one more part that comes late belongs to the same hit, which counts once
        await ground.send([a_signal("login.failed", actor="a" * 64, at=begin + timedelta(seconds=30))])
        await read_to_the_end(ground)
        shown = (await client.get(f"/v1/breaches/{case_id}", headers=ground.auth())).json()
        # that there was a hit does not keep the late parts of another burst from making one
        late = [a_signal("login.failed", actor="b" * 64, at=begin + timedelta(seconds=n)) for n in range(10)]
        await ground.send(late)
        await read_to_the_end(ground)
        assert (await ground.fetch("SELECT hits FROM incident"))[0]["hits"] == 2
    assert shown["source"] == "rule:failed_then_succeeded"
    assert f"signal:{succeeded.signal_id}" in shown["evidence"]
    assert (shown["due"], shown["seen"]["hits"]) == (None, 1)
    assert shown["hours_left"] is None, "a signal alone starts no clock"


async def test_a_flood_opens_a_bounded_number_of_cases_and_counts_the_rest(ground):
    ground.policy(cases_an_hour=3)
    flood = [a_signal(asset=f"table/{n % 40}") for n in range(400)]
    async with ground.running():
        await ground.send(flood)
        await read_to_the_end(ground)
        rows = await ground.fetch("SELECT rule, hits FROM incident ORDER BY rule")
        assert len(await cases(ground, len(rows))) <= 4
    assert [row["rule"] for row in rows] == ["flood", "mass_export", "mass_export", "mass_export"]
    assert sum(row["hits"] for row in rows) == 400
    await whole(ground)


async def test_suppressed_signals_are_kept_and_open_nothing_and_a_dismissed_suspicion_does_not_hide_the_next(ground):
    quiet = {
        "controller_id": "acme",
        "rule": "*",
        "asset": "honeypot/*",
        "until": "2999-01-01T00:00:00Z",
        "reason": "bait",
    }
    ground.policy(suppress=[quiet])
    async with ground.running() as client:
        await ground.send([a_signal(asset="honeypot/a"), a_signal("device.lost", asset="laptop/7")])
        (case_id,) = await cases(ground, 1)
        case = f"/v1/breaches/{case_id}"
        await posted(client, ground, f"{case}/dismissal", {"reason": "found in the drawer"})
        await posted(client, ground, f"{case}/dismissal/confirm", status=403)
        assert (await posted(client, ground, f"{case}/dismissal/confirm", by="robin"))["state"] == "dismissed"
        await ground.send([a_signal("device.lost", asset="laptop/7"), a_signal("device.lost", asset="laptop/7")])
        await read_to_the_end(ground)
        assert len(await cases(ground, 2)) == 2
    assert (await ground.fetch("SELECT count(*) FROM signal WHERE suppressed"))[0][0] == 1


async def test_reading_every_topic_again_from_the_beginning_changes_nothing(ground):
    begin = datetime.now(UTC)
    burst = [a_signal("login.failed", at=begin - timedelta(seconds=60 - n)) for n in range(12)]
    signals = [a_signal(asset=f"table/{n}") for n in range(10)] + burst + [a_signal("login.succeeded", at=begin)]
    reports = [a_report() for _ in range(5)] + [a_report(Reporter.PROCESSOR, processor_id="cloudmail")]
    async with ground.running():
        await ground.send([*reports, *signals, *reports, *signals[:10]])
        await cases(ground, 17)
        await read_to_the_end(ground)
    before = await everything(ground)
    said = len(await ground.said(ground.topics.status))
    await ground.fetch("UPDATE consumer_offset SET next_offset = 0")
    async with ground.running():
        await read_to_the_end(ground)
    assert await everything(ground) == before
    assert len(await ground.said(ground.topics.status)) == said


async def test_a_controller_sees_and_touches_only_its_own(ground):
    async with ground.running() as client:
        await ground.send([a_report()])
        (case_id,) = await cases(ground, 1)
        case, other = f"/v1/breaches/{case_id}", ground.auth("eve", ["beta"])
        for path in ("", "/events", "/notices/1", "/notices/1/page"):
            assert (await client.get(case + path, headers=other)).status_code == 404
        assert (await client.post(f"{case}/reopen", json={"reason": "x"}, headers=other)).status_code == 404
        assert (await client.get("/v1/breaches", headers=other)).json()["items"] == []
        wanted = await client.get("/v1/breaches?controller=acme", headers=other)
        assert wanted.status_code == 403, "an empty list would look like an all-clear"
        assert (await client.get("/v1/register/2026?controller=acme", headers=other)).status_code == 403
        reader = ground.auth(scopes=["breach:read"])
        assert (await client.post(f"{case}/reopen", json={"reason": "x"}, headers=reader)).status_code == 403
        cookie = {"Cookie": f"lethe_console={ground.auth()['Authorization'][7:]}"}
        listed = await client.get("/console", headers=cookie)
        assert str(case_id) in listed.text
        assert "no clock runs" in listed.text
        assert "declare awareness" in listed.text, "what to do, also without an alert"
        assert (await client.get(f"/console/breaches/{case_id}", headers=cookie)).status_code == 200
        assert "Sign in" in (await client.get("/console")).text

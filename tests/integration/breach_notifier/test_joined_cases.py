"""Reports and signals of one incident become one case: no clock is lost, nothing is counted or called twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from breach_notifier.adapters.store import read_case
from breach_notifier.domain.record import Link, check, replay
from lethe_events.words import Reporter
from lethe_testkit.breach_ground import a_report, a_signal
from lethe_testkit.ground import eventually

pytestmark = pytest.mark.timeout(90)
BOTH = ["acme", "beta"]
WHY = {"reason": "one night, one vendor"}


async def cases(ground, *wanted):
    """Source and id of each case, once they are these: source, controller."""

    async def there():
        return sorted((s, c) for s, c, _ in await found()) == sorted(wanted)

    async def found():
        rows = await ground.fetch("SELECT content FROM breach_case")
        read = [read_case(row["content"]) for row in rows]
        return [(c.source, c.controller_id, c.id) for c in read]

    await eventually(there, seconds=30)
    return {(source, controller): id_ for source, controller, id_ in await found()}


async def posted(client, ground, path, body, *, by="kim", controllers=BOTH, status=200):
    answer = await client.post(path, json=body, headers=ground.auth(by, controllers))
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_a_processors_notice_and_the_signals_before_it_go_on_as_one_case_with_the_notices_clock(ground):
    arrived = datetime.now(UTC) - timedelta(hours=5)
    async with ground.running() as client:
        await ground.send([a_signal("device.lost", asset="laptop/7"), a_signal("device.lost", asset="laptop/7")])
        await ground.send([a_report(Reporter.PROCESSOR, processor_id="cloudmail", accepted_at=arrived)])
        found = await cases(ground, ("rule:device_lost", "acme"), ("processor:cloudmail", "acme"))
        seen, told = found["rule:device_lost", "acme"], found["processor:cloudmail", "acme"]
        done = await posted(client, ground, f"/v1/breaches/{told}/merge", {"into": str(seen), **WHY})
        assert (done["case_id"], done["state"]) == (str(seen), "aware")
        assert datetime.fromisoformat(done["due"]) == arrived + timedelta(hours=72)
        again = await posted(client, ground, f"/v1/breaches/{told}/merge", {"into": str(seen), **WHY})
        assert (again["applied"], again["detail"]) == (False, "merged already")
        refused = await posted(
            client, ground, f"/v1/breaches/{told}/aware", {"aware_at": arrived.isoformat(), **WHY}, status=409
        )
        assert refused["type"].endswith("merged")
        shown = (await client.get(f"/v1/breaches/{seen}", headers=ground.auth())).json()
        assert shown["seen"]["hits"] == 2
        assert any(ref.startswith("report:") for ref in shown["evidence"])
        assert [(o["case_id"], o["state"], o["as"]) for o in shown["belongs_with"]] == [
            (str(told), "merged", "goes on here")
        ]
        listed = (await client.get("/v1/breaches", headers=ground.auth())).json()["items"]
        assert [c["case_id"] for c in listed] == [str(seen)], "a merged case is no open one"
        rang = await ground.fetch("SELECT case_id FROM timer")
        assert [row["case_id"] for row in rang] == [seen]
        page = await client.get(
            f"/console/breaches/{told}", headers={"Cookie": f"lethe_console={ground.auth()['Authorization'][7:]}"}
        )
        assert f"/console/breaches/{seen}" in page.text
    await whole(ground)


async def test_signals_go_on_in_the_case_that_theirs_was_merged_into(ground):
    async with ground.running() as client:
        await ground.send([a_signal("device.lost", asset="laptop/7"), a_report()])
        found = await cases(ground, ("rule:device_lost", "acme"), ("report:person", "acme"))
        seen, told = found["rule:device_lost", "acme"], found["report:person", "acme"]
        await posted(client, ground, f"/v1/breaches/{seen}/merge", {"into": str(told), **WHY})
        more = a_signal("device.lost", asset="laptop/7")
        await ground.send([more])

        async def counted():
            return [row["hits"] for row in await ground.fetch("SELECT hits FROM incident")] == [2]

        await eventually(counted, seconds=30)
        shown = (await client.get(f"/v1/breaches/{told}", headers=ground.auth())).json()
        assert (shown["state"], shown["due"], shown["seen"]["hits"]) == ("suspected", None, 2)
        assert f"signal:{more.signal_id}" in shown["evidence"]
        assert len(await ground.fetch("SELECT 1 FROM breach_case")) == 2, "no third case"
        opened = await posted(client, ground, f"/v1/breaches/{seen}/reopen", {"reason": "another laptop after all"})
        assert opened["state"] == "suspected"
    await whole(ground)


async def test_each_controller_of_an_incident_keeps_its_own_clock_and_sees_only_its_own_cases(ground):
    arrived = datetime.now(UTC) - timedelta(hours=1)
    async with ground.running() as client:
        report = a_report(
            Reporter.PROCESSOR, processor_id="cloudmail", controllers=("acme", "beta"), accepted_at=arrived
        )
        await ground.send([report, a_signal("device.lost", asset="laptop/7")])
        names = [("processor:cloudmail", "acme"), ("processor:cloudmail", "beta"), ("rule:device_lost", "acme")]
        found = await cases(ground, *names)
        acme, beta, seen = (found[name] for name in names)
        other = await posted(client, ground, f"/v1/breaches/{beta}/merge", {"into": str(acme), **WHY}, status=409)
        assert other["type"].endswith("other_controller")
        for body in ({"into": str(beta), **WHY}, {"into": str(seen), "reason": ""}):
            await posted(
                client,
                ground,
                f"/v1/breaches/{acme}/merge",
                body,
                controllers=["acme"],
                status=404 if body["reason"] else 422,
            )
        same = await posted(client, ground, f"/v1/breaches/{acme}/merge", {"into": str(acme), **WHY}, status=409)
        assert same["type"].endswith("same_case")
        await posted(client, ground, f"/v1/breaches/{beta}/relate", {"other": str(seen), **WHY})
        shown = (await client.get(f"/v1/breaches/{seen}", headers=ground.auth("kim", BOTH))).json()
        assert [(o["case_id"], o["as"]) for o in shown["belongs_with"]] == [(str(beta), "related")]
        assert shown["due"] is None, "to be related starts no clock"
        mine = (await client.get(f"/v1/breaches/{acme}", headers=ground.auth())).json()
        assert mine["belongs_with"] == [], "another controller's case is nobody else's to see"
        both = (await client.get(f"/v1/breaches/{acme}", headers=ground.auth("kim", BOTH))).json()
        assert [(o["controller_id"], o["as"]) for o in both["belongs_with"]] == [("beta", "the same incident")]
    await whole(ground)


async def test_a_closed_case_opens_again_when_the_count_is_corrected_and_a_recurrence_starts_a_new_clock(ground):
    facts = {"kinds": ["confidentiality"], "data": ["contact"], "subjects": 2, "retrieved": True, "recipient": "known"}
    async with ground.running() as client:
        await ground.send([a_report()])
        case = f"/v1/breaches/{(await cases(ground, ('report:person', 'acme')))['report:person', 'acme']}"
        now = datetime.now(UTC)
        await posted(client, ground, f"{case}/aware", {"aware_at": now.isoformat(), **WHY})
        await posted(client, ground, f"{case}/facts", {"facts": facts, "severity": {"dpc": "2", "ei": "1"}})
        await posted(client, ground, f"{case}/facts", {"facts": {**facts, "subjects": 3}})
        assert (await client.get(case, headers=ground.auth())).json()["severity"] == "2.0 Medium", "the score stays"
        no = {"notify_authority": False, "notify_subjects": False, "reasons": "returned unread"}
        await posted(client, ground, f"{case}/decision", no)
        await posted(client, ground, f"{case}/decision/confirm", None, by="robin")
        await posted(client, ground, f"{case}/close", {"effects": "none", "measures": "told the sender"})
        count = {"lower": 2, "upper": 1, "proof_sha256": "ab" * 32}
        wrong = await posted(client, ground, f"{case}/counted", count, status=422)
        assert wrong["errors"][0]["field"] == "lower"
        opened = await posted(client, ground, f"{case}/counted", {**count, "upper": 90_000})
        assert opened["state"] in {"aware", "settled"}
        assert opened["state"] != "closed"
        shown = (await client.get(case, headers=ground.auth())).json()
        assert (shown["facts"]["subjects"], shown["counted"]["lower"]) == (90_000, 2)
        later = datetime.now(UTC)
        again = await posted(client, ground, f"{case}/recurrence", {"aware_at": later.isoformat(), **WHY})
        assert again["state"] == "aware"
        assert datetime.fromisoformat(again["due"]) == later + timedelta(hours=72)
    await whole(ground)


async def whole(ground):
    """Every stored case is what its chain makes of it."""
    for row in await ground.fetch("SELECT id, content, audit_head FROM breach_case"):
        rows = await ground.fetch("SELECT * FROM case_event WHERE case_id = $1 ORDER BY seq", row["id"])
        links = [Link(row["id"], r["seq"], r["hash"].hex(), r["content"]) for r in rows]
        assert check(links) == row["audit_head"].hex()
        assert replay(links) == read_case(row["content"])

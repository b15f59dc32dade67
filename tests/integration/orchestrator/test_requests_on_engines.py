"""What happens to requests as a whole, on real Kafka and PostgreSQL: races, restarts, proof."""

import asyncio
import os
from datetime import UTC, datetime, timedelta

import pytest

from lethe_events import DsrIdentityVerified, DsrWithdrawn, Envelope, encode
from lethe_events.ids import uuid7
from lethe_events.words import Verb
from lethe_testkit.ground import eventually
from lethe_testkit.orchestrator import orchestrator_ground, well


@pytest.fixture
async def ground(postgres_dsn, kafka_bootstrap, unique, tmp_path):
    async with orchestrator_ground(postgres_dsn, kafka_bootstrap, unique, tmp_path) as made:
        made.register("shop")
        made.register("crm", after=["shop"])
        yield made


def withdrawal(ground, dsr_id):
    now = datetime.now(UTC)
    body = DsrWithdrawn(dsr_id=dsr_id, controller_id="acme", at=now)
    envelope = Envelope(uuid7(now, os.urandom(10)), "/test", now, dsr_id, None)
    return encode(ground.topics.requests.name, str(dsr_id), body, envelope)


def identified(ground, dsr_id, controller_id="acme"):
    now = datetime.now(UTC)
    body = DsrIdentityVerified(dsr_id=dsr_id, controller_id=controller_id, method="code_email", at=now)
    envelope = Envelope(uuid7(now, os.urandom(10)), "/test", now, dsr_id, None)
    return encode(ground.topics.requests.name, str(dsr_id), body, envelope)


async def until_closed(ground, count):
    async def all_closed():
        return (await ground.fetch("SELECT count(*) FROM saga WHERE closed_at IS NOT NULL"))[0]["count"] == count

    await eventually(all_closed, seconds=45)


async def until_asked(ground, count):
    async def asked():
        return len({t.dsr_id for t in ground.asked}) == count

    await eventually(asked)


async def test_withdrawals_that_race_the_answers_end_each_saga_once_and_ask_nothing_more(ground):
    async with ground.processors(), ground.running() as client:
        ids = await ground.receive(60)
        await asyncio.gather(*(ground.send([withdrawal(ground, i)] * 2) for i in ids[:40]))
        await until_closed(ground, 60)
        results = {str(r["id"]): r["result"] for r in await ground.fetch("SELECT id, result FROM saga")}
        assert {results[str(i)] for i in ids[40:]} == {"granted"}
        assert {results[str(i)] for i in ids[:40]} <= {"withdrawn", "granted"}
        assert "withdrawn" in results.values()
        links = await ground.links()
        ended = {link["saga"]: link["seq"] for link in links if link["kind"] == "withdrawn"}
        after = [link for link in links if link["seq"] > ended.get(link["saga"], link["seq"])]
        asked = [
            k for link in after for k in link.get("effect", {}).get("tasks", {}).values() if k.startswith("issued/")
        ]
        assert asked == [], "something was asked after a withdrawal"
        withdrawn = next(i for i in ids if results[str(i)] == "withdrawn")
        shown = (await client.get(f"/v1/sagas/{withdrawn}/certificate", headers=ground.auth())).json()["certificate"]
        assert shown["ended"]["result"] == "withdrawn"
    told = [r.body for r in await ground.said(ground.topics.status) if r.body.dsr_id == withdrawn]
    assert max(told, key=lambda s: s.version).result == "withdrawn"


async def test_what_was_in_flight_is_waited_for_across_a_restart(ground):
    ground.answer = lambda _: []
    async with ground.processors():
        async with ground.running() as client:
            (dsr_id,) = await ground.receive()
            await until_asked(ground, 1)
            path = f"/v1/sagas/{dsr_id}/withdraw"
            assert (await client.post(path, json={}, headers=ground.auth("eve", ["beta"]))).status_code == 404
            assert (await client.post(path, json={}, headers=ground.auth(scopes=["saga:read"]))).status_code == 403
            assert (await client.post(path, json={"why": "x"}, headers=ground.auth())).status_code == 422
            early = {"said_at": (datetime.now(UTC) - timedelta(days=400)).isoformat()}
            assert (await client.post(path, json=early, headers=ground.auth())).status_code == 422
            acted = (await client.post(path, json={}, headers=ground.auth("robin"))).json()
            assert (acted["state"], acted["result"]) == ("fulfilling", "withdrawn")
            assert acted["waiting_for"] == ["shop"]
            assert (await client.post(path, json={}, headers=ground.auth())).status_code == 409
        async with ground.running() as client:
            await ground.send([ground.ack(ground.asked[0], "done")])
            await until_closed(ground, 1)
            shown = (await client.get(f"/v1/sagas/{dsr_id}", headers=ground.auth())).json()
    assert shown["ended"]["recorded_by"] == "robin"
    assert shown["result"] == "withdrawn"
    assert {t["name"]: t["status"] for t in shown["tasks"]} == {
        "erase@shop#1": "done",
        "verify@shop#1": "cancelled",
        "erase@crm#1": "cancelled",
        "verify@crm#1": "cancelled",
    }
    assert {t.verb for t in ground.asked} == {Verb.ERASE}


async def test_a_withdrawal_of_something_unknown_is_parked(ground):
    ground.answer = well
    async with ground.running() as client:
        await ground.send([withdrawal(ground, uuid7(datetime.now(UTC), os.urandom(10)))])

        async def parked():
            items = (await client.get("/v1/parked", headers=ground.auth())).json()["items"]
            return [(p["code"], p["waiting"]) for p in items] == [("unknown_saga", 1)]

        await eventually(parked)


async def test_an_extension_moves_the_dates_for_everybody_who_looks(ground):
    ground.answer = lambda _: []
    received = datetime.now(UTC) - timedelta(days=20)
    async with ground.processors():
        async with ground.running() as client:
            (dsr_id,) = await ground.receive(received_at=received)
            await until_asked(ground, 1)
            path, before = f"/v1/sagas/{dsr_id}", await dates(ground)
            body = {"further": 2, "reasons": ["complexity"], "notified_at": datetime.now(UTC).isoformat()}
            for wrong, status in (
                ({"further": 3}, 422),
                ({"further": 0}, 422),
                ({"reasons": []}, 422),
                ({"reasons": ["Because he asked!"]}, 422),
                ({"notified_at": "2026-01-01T00:00:00"}, 422),
                ({"notified_at": (received - timedelta(days=9)).isoformat()}, 422),
                ({"notified_at": (datetime.now(UTC) + timedelta(days=1)).isoformat()}, 422),
            ):
                refused = await client.post(f"{path}/extend", json={**body, **wrong}, headers=ground.auth())
                assert refused.status_code == status, refused.text
            assert await dates(ground) == before
            both = [client.post(f"{path}/extend", json=body, headers=ground.auth(who)) for who in ("kim", "robin")]
            answers = sorted([a.status_code for a in await asyncio.gather(*both)])
            assert answers == [200, 409], "two at once: one extension"
        async with ground.running() as client:
            shown = (await client.get(path, headers=ground.auth())).json()
            after = await dates(ground)
            assert after[0] > before[0]
            assert after[1] > before[1]
            assert datetime.fromisoformat(shown["due_legal"]) == after[1]
            (change,) = shown["clock_changes"]
            assert change["reasons"] == ["complexity"]
            assert shown["clock"]["steps"] != []
            listed = (await client.get("/v1/sagas", headers=ground.auth())).json()["items"]
            assert datetime.fromisoformat(listed[0]["due_strict"]) == after[0]
            await client.post(f"{path}/withdraw", json={}, headers=ground.auth())
    told = [r.body for r in await ground.said(ground.topics.status) if r.body.dsr_id == dsr_id]
    assert max(told, key=lambda s: s.version).due_legal == after[1]


async def dates(ground):
    (row,) = await ground.fetch("SELECT s.due_strict, f.due_legal FROM saga s JOIN saga_fact f ON f.id = s.id")
    return tuple(row)


async def test_an_extension_takes_an_alarm_back_and_arms_it_anew(ground):
    ground.answer = lambda _: []
    async with ground.processors(), ground.running() as client:
        (dsr_id,) = await ground.receive(received_at=datetime.now(UTC) - timedelta(days=40))
        await until_asked(ground, 1)

        async def alarmed():
            found = (await client.get("/v1/incidents", headers=ground.auth())).json()["items"]
            return [i["code"] for i in found] == ["deadline_missed"]

        await eventually(alarmed)
        sent = (datetime.now(UTC) - timedelta(days=20)).isoformat()
        body = {"further": 2, "reasons": ["complexity"], "notified_at": sent}
        acted = await client.post(f"/v1/sagas/{dsr_id}/extend", json=body, headers=ground.auth())
        assert acted.status_code == 200, acted.text
        assert (await client.get("/v1/incidents", headers=ground.auth())).json()["items"] == []
        shown = (await client.get(f"/v1/sagas/{dsr_id}", headers=ground.auth())).json()
        assert datetime.fromisoformat(shown["next_alarm_at"]) > datetime.now(UTC)


async def test_a_refusal_needs_two_people_and_names_the_remedies(ground):
    ground.answer = lambda _: []
    async with ground.processors(), ground.running() as client:
        (dsr_id,) = await ground.receive()
        await until_asked(ground, 1)
        path = f"/v1/sagas/{dsr_id}"
        body = {"ground": "excessive", "reason": "fourth", "authority": "DE-BE"}
        kim, robin = ground.auth("kim"), ground.auth("robin")
        assert (await client.post(f"{path}/refusal/approve", headers=robin)).status_code == 409
        for wrong in ({"ground": "because"}, {"ground": "rights_of_others"}, {"authority": "XX"}, {"reason": "A b"}):
            refused = await client.post(f"{path}/refusal", json={**body, **wrong}, headers=kim)
            assert refused.status_code == 422, refused.text
        assert (await client.post(f"{path}/refusal", json=body, headers=ground.auth("x", ["beta"]))).status_code == 404
        assert (await client.post(f"{path}/refusal", json=body, headers=kim)).status_code == 200
        assert (await client.get(path, headers=kim)).json()["refusing"]["by"] == "kim"
        assert (await client.post(f"{path}/refusal/approve", headers=kim)).status_code == 403
        both = [client.post(f"{path}/refusal/approve", headers=ground.auth(who)) for who in ("robin", "sam")]
        assert sorted([a.status_code for a in await asyncio.gather(*both)]) == [200, 409], "two approvals at once"
        await ground.send([ground.ack(ground.asked[0], "done")])
        await until_closed(ground, 1)
        found = (await client.get(f"{path}/certificate", headers=kim)).json()["certificate"]
        assert found["result"] == "refused"
        assert found["remedies"]["authority"]["code"] == "DE-BE"
        shown = (await client.get(path, headers=kim)).json()
        assert shown["refusal"] == found["refusal"]
        assert shown["remedies"] == found["remedies"]
    told = [r.body for r in await ground.said(ground.topics.status) if r.body.dsr_id == dsr_id]
    assert max(told, key=lambda s: s.version).refusal.authority == "DE-BE"


async def test_while_who_asks_is_in_doubt_nobody_is_asked_anything(ground):
    async with ground.processors():
        async with ground.running() as client:
            received = datetime.now(UTC) - timedelta(days=3)
            ids = await ground.receive(3, identity="in_doubt", received_at=received, accepted_at=received)

            async def doubted():
                rows = await ground.fetch("SELECT count(*) FROM saga WHERE state = 'identity'")
                return rows[0]["count"] == 3

            await eventually(doubted)
            ground.register("mailer")
            assert (await client.post("/v1/register/load", headers=ground.auth())).json()["is_new"]
            listed = (await client.get("/v1/sagas?state=identity", headers=ground.auth())).json()["items"]
            assert len(listed) == 3
            await ground.send([identified(ground, ids[0], "beta")])
        async with ground.running() as client:
            assert ground.asked == []
            await ground.send([identified(ground, ids[0])] * 2 + [withdrawal(ground, ids[1])])
            await until_closed(ground, 2)
            shown = (await client.get(f"/v1/sagas/{ids[0]}", headers=ground.auth())).json()
            parked = (await client.get("/v1/parked", headers=ground.auth())).json()["items"]
    assert shown["result"] == "granted"
    assert {t["processor_id"] for t in shown["tasks"]} == {"shop", "crm", "mailer"}
    assert [c["kind"] for c in shown["clock_changes"]] == ["id_requested", "id_received"]
    assert {t.dsr_id for t in ground.asked} == {ids[0]}
    assert [(p["code"], p["waiting"]) for p in parked] == [("wrong_controller", 1)]
    told = sorted((r.body for r in await ground.said(ground.topics.status) if r.body.dsr_id == ids[0]), key=_version)
    assert [s.state for s in told] == ["identity", "received", "fulfilling", "closed"]


def _version(status):
    return status.version


async def test_a_hold_while_erasing_stops_its_scope_and_lifting_it_resumes_by_itself(ground):
    ground.answer = lambda _: []
    async with ground.processors():
        async with ground.running() as client:
            (dsr_id,) = await ground.receive()
            await until_asked(ground, 1)
            path, kim, robin = f"/v1/sagas/{dsr_id}", ground.auth("kim"), ground.auth("robin")
            body = {"ground": "legal_claims", "matter": "m1", "processors": ["crm"]}
            for wrong in ({"ground": "excessive"}, {"processors": ["nobody"]}, {"matter": "Free text"}):
                refused = await client.post(f"{path}/holds", json={**body, **wrong}, headers=kim)
                assert refused.status_code == 422, refused.text
            assert (await client.post(f"{path}/holds", json=body, headers=ground.auth("x", ["b"]))).status_code == 404
            assert (await client.post(f"{path}/holds", json=body, headers=kim)).status_code == 200
            whole = {**body, "matter": "m2", "processors": []}
            assert (await client.post(f"{path}/holds", json=whole, headers=kim)).status_code == 200
            first, second = (await client.get(path, headers=kim)).json()["holds"]
            for hold in (first, second):
                approve = f"{path}/holds/{hold['hold']}/approve"
                assert (await client.post(approve, headers=kim)).status_code == 403
                both = [client.post(approve, headers=ground.auth(who)) for who in ("robin", "sam")]
                assert sorted([a.status_code for a in await asyncio.gather(*both)]) == [200, 409]
            await ground.send([ground.ack(ground.asked[0], "done")])

            async def told():
                found = (await client.get("/v1/incidents", headers=kim)).json()["items"]
                return [(i["code"], i["processor_id"]) for i in found] == [("erased_under_hold", "shop")]

            await eventually(told)
            incident = (await client.get("/v1/incidents", headers=kim)).json()["items"][0]["incident_id"]
            assert (await client.post(f"/v1/incidents/{incident}/resolve", headers=kim)).status_code == 204
        ground.answer = well
        async with ground.running() as client:
            shown = (await client.get(path, headers=kim)).json()
            assert {t["name"]: t["status"] for t in shown["tasks"]}["erase@crm#1"] == "on_hold"
            for hold in (second, first):
                assert {t.processor_id for t in ground.asked if t.verb is Verb.ERASE} == {"shop"}
                assert (await client.post(f"{path}/holds/{hold['hold']}/lift", headers=robin)).status_code == 200
                assert (await client.post(f"{path}/holds/{hold['hold']}/approve", headers=kim)).status_code == 200
            look = next(t for t in await tasks_said(ground) if t.verb is Verb.VERIFY and t.processor_id == "shop")
            await ground.send([ground.ack(look, "nothing_found")])
            await until_closed(ground, 1)
            found = (await client.get(f"{path}/certificate", headers=kim)).json()["certificate"]
    assert found["result"] == "granted"
    assert {(h["matter"], h["lifted_by"]) for h in found["holds"]} == {("m1", "kim"), ("m2", "kim")}


async def tasks_said(ground):
    return [r.body for topic in (ground.topics.erasure, ground.topics.export) for r in await ground.said(topic)]

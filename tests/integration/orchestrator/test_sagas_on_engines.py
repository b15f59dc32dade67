"""Sagas on real Kafka and PostgreSQL: batches, replays, isolation, proof."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from lethe_events.words import Right, Verb
from lethe_testkit.ground import eventually
from lethe_testkit.orchestrator import orchestrator_ground, well
from orchestrator.adapters import reading
from orchestrator.adapters.signing import holds
from orchestrator.domain.audit import Link, check
from orchestrator.domain.merkle import Leaf, included


@pytest.fixture
async def ground(postgres_dsn, kafka_bootstrap, unique, tmp_path):
    async with orchestrator_ground(postgres_dsn, kafka_bootstrap, unique, tmp_path) as made:
        made.register("shop")
        made.register("crm", after=["shop"])
        yield made


async def closed(ground, count):
    async def all_closed():
        rows = await ground.fetch("SELECT count(*) FROM saga WHERE closed_at IS NOT NULL")
        return rows[0]["count"] == count

    await eventually(all_closed, seconds=45)


TABLES = ("saga", "saga_fact", "task", "ack", "stray_ack", "audit_event", "certificate", "incident", "timer")


async def everything(ground):
    """A hash over all rows of each table."""
    digest = "SELECT md5(string_agg(x::text, ',' ORDER BY x::text)) FROM {} x"
    return {t: (await ground.fetch(digest.format(t)))[0][0] for t in TABLES}


async def test_many_requests_are_carried_out_and_proven(ground):
    async with ground.processors(), ground.running() as client:
        erasures = await ground.receive(150)
        accesses = await ground.receive(50, Right.ACCESS)
        await closed(ground, 200)
        headers = ground.auth()
        pem = (ground.directory / "signing.pub").read_text()
        for dsr_id in (erasures[0], accesses[0]):
            certificate = (await client.get(f"/v1/sagas/{dsr_id}/certificate", headers=headers)).text
            assert holds(certificate, pem)
            links = (await client.get(f"/v1/sagas/{dsr_id}/events", headers=headers)).json()["links"]
            chain = [Link(dsr_id, k["seq"], k["hash"], json.dumps(k["content"])) for k in links]
            check(chain)
            audit = json.loads(certificate)["certificate"]["audit"]
            assert chain[audit["links"] - 1].hash == audit["head"]
            await sealed(client, dsr_id, headers)
        keys = (await client.get("/v1/keys")).json()["keys"]
        assert holds(certificate, keys[0]["public_pem"])
        assert not holds(certificate.replace('"late":false', '"late":true'), pem)
    states = [r.body for r in await ground.said(ground.topics.status) if r.body.dsr_id == erasures[0]]
    assert [s.state for s in sorted(states, key=lambda s: s.version)] == ["fulfilling", "closed"]
    assert states[-1].certificate_sha256
    order = [(t.processor_id, t.verb) for t in ground.asked if t.dsr_id == erasures[0]]
    assert order.index(("shop", Verb.ERASE)) < order.index(("crm", Verb.ERASE))
    seals = sorted((r.body for r in await ground.said(ground.topics.audit)), key=lambda s: s.seal)
    assert [s.previous for s in seals[1:]] == [s.root for s in seals[:-1]]


async def sealed(client, dsr_id, headers):
    async def is_sealed():
        found = await client.get(f"/v1/sagas/{dsr_id}/seal", headers=headers)
        return found.status_code == 200

    await eventually(is_sealed)
    proof = (await client.get(f"/v1/sagas/{dsr_id}/seal", headers=headers)).json()
    leaf = Leaf(dsr_id, proof["seq"], bytes.fromhex(proof["head"]))
    seal = proof["seal"]
    assert included(leaf, proof["index"], seal["chains"], proof["path"], seal["root"])
    assert not included(leaf._replace(seq=leaf.seq + 1), proof["index"], seal["chains"], proof["path"], seal["root"])


async def test_reading_every_topic_again_from_the_beginning_changes_nothing(ground):
    ground.answer = lambda task: [*well(task), *well(task), *([("residual", {})] if task.verb is Verb.ERASE else [])]
    async with ground.processors(), ground.running():
        await ground.receive(60)
        await ground.receive(20, export_first=True)
        await closed(ground, 80)
    before = await everything(ground)
    asked = len(await ground.said(ground.topics.erasure))
    await ground.fetch("UPDATE consumer_offset SET next_offset = 0")
    async with ground.running():

        async def read_again():
            rows = await ground.fetch("SELECT sum(next_offset) AS n FROM consumer_offset")
            return rows[0]["n"] == total

        total = len(await ground.said(ground.topics.requests)) + len(await ground.said(ground.topics.acks))
        await eventually(read_again, seconds=30)
    after = await everything(ground)
    assert after == before
    assert len(await ground.said(ground.topics.erasure)) == asked


async def test_a_moment_fires_once_with_two_instances(ground):
    ground.register("shop", ack_within="PT1S", retries={"max_attempts": 2, "first": "PT1S"})
    (ground.directory / "register" / "crm.yaml").unlink()
    async with ground.running() as one, ground.running() as two:
        assert one is not two
        ids = await ground.receive(40)

        async def all_called():
            rows = await ground.fetch("SELECT count(*) FROM incident WHERE code = 'no_answer'")
            return rows[0]["count"] == 40

        await eventually(all_called, seconds=30)
        await asyncio.sleep(1.5)
    tasks = [r.body for r in await ground.said(ground.topics.erasure)]
    assert sorted((t.dsr_id, t.attempt) for t in tasks) == sorted((i, a) for i in ids for a in (1, 2))
    overdue = [link for link in await ground.links() if link["kind"] == "ack_overdue"]
    assert len(overdue) == 80
    assert all(
        datetime.fromisoformat(link["at"]) >= datetime.fromisoformat(link["event"]["due_at"]) for link in overdue
    )


async def test_two_instances_work_on_the_same_sagas_without_losing_a_change(ground):
    """Timers and people act on one instance while the other one, which owns the partition, remembers the saga."""
    ground.register("shop", retries={"first": "PT1S"})
    ground.answer = lambda task: [("transient", {})] if task.attempt == 1 else well(task)
    async with ground.processors(), ground.running() as one, ground.running() as two:
        ids = await ground.receive(40)

        async def asked():
            return len({t.dsr_id for t in ground.asked}) == 40

        await eventually(asked)
        for n, dsr_id in enumerate(ids[:10]):
            client = (one, two)[n % 2]
            found = (await client.get(f"/v1/sagas/{dsr_id}", headers=ground.auth())).json()
            task = next(t["task_id"] for t in found["tasks"] if t["name"] == "erase@shop#1")
            await client.post(f"/v1/sagas/{dsr_id}/tasks/{task}/retry", headers=ground.auth())
        await closed(ground, 40)
    versions = await ground.fetch(
        "SELECT s.version, count(e.*) AS links FROM saga s JOIN audit_event e ON e.saga_id = s.id GROUP BY s.id"
    )
    assert all(row["links"] == row["version"] + 1 for row in versions), "one link per change, and the certificate"


async def test_an_exception_needs_a_second_person_and_is_on_the_certificate(ground):
    ground.answer = lambda task: [("permanent", {})] if task.processor_id == "crm" else well(task)
    async with ground.processors(), ground.running() as client:
        (dsr_id,) = await ground.receive()

        async def has_incident():
            found = await client.get("/v1/incidents", headers=ground.auth())
            return [i["code"] for i in found.json()["items"]] == ["failed_permanently"]

        await eventually(has_incident)
        incident = (await client.get("/v1/incidents", headers=ground.auth())).json()["items"][0]
        task = f"/v1/sagas/{dsr_id}/tasks/{incident['task_id']}"
        body = {"ground": "legal_claims", "reason": "litigation"}
        refused = await client.post(f"{task}/exception", json={**body, "ground": "because"}, headers=ground.auth())
        assert refused.status_code == 422
        assert (await client.post(f"{task}/exception/approve", headers=ground.auth())).status_code == 409
        assert (await client.post(f"{task}/exception", json=body, headers=ground.auth("kim"))).status_code == 200
        assert (await client.post(f"{task}/exception/approve", headers=ground.auth("kim"))).status_code == 403
        approved = await client.post(f"{task}/exception/approve", headers=ground.auth("robin"))
        assert approved.json()["status"] == "excepted"
        await closed(ground, 1)
        certificate = (await client.get(f"/v1/sagas/{dsr_id}/certificate", headers=ground.auth())).json()["certificate"]
        assert certificate["result"] == "partially_granted"
        (exception,) = [e for e in certificate["exceptions"] if e["verb"] == "erase"]
        assert exception["article"] == "GDPR Art. 17(3)(e)"
        assert (exception["proposed_by"], exception["approved_by"]) == ("kim", "robin")
        assert (await client.post(f"{task}/retry", headers=ground.auth())).status_code == 409


async def test_a_controller_sees_and_touches_only_its_own(ground):
    ground.answer = lambda _: []
    async with ground.processors(), ground.running() as client:
        (dsr_id,) = await ground.receive()

        async def there():
            return (await client.get(f"/v1/sagas/{dsr_id}", headers=ground.auth())).status_code == 200

        await eventually(there)
        mine = (await client.get(f"/v1/sagas/{dsr_id}", headers=ground.auth())).json()
        task = mine["tasks"][0]["task_id"]
        other = ground.auth("eve", ["beta"])
        for path in ("", "/events", "/certificate", "/seal"):
            assert (await client.get(f"/v1/sagas/{dsr_id}{path}", headers=other)).status_code == 404
        assert (await client.post(f"/v1/sagas/{dsr_id}/tasks/{task}/retry", headers=other)).status_code == 404
        for path in ("/v1/sagas", "/v1/sagas?controller=acme", "/v1/incidents"):
            assert (await client.get(path, headers=other)).json()["items"] == []
        assert (await client.get("/v1/register", headers=other)).json()["processors"] == []
        reader = ground.auth(scopes=["saga:read"])
        assert (await client.post(f"/v1/sagas/{dsr_id}/tasks/{task}/retry", headers=reader)).status_code == 403
        assert (await client.post("/v1/register/load", headers=reader)).status_code == 403


async def test_pages_follow_each_other_without_gap_or_double(ground, monkeypatch):
    ground.answer = lambda _: []
    async with ground.processors(), ground.running() as client:
        ids = await ground.receive(25)

        async def all_there():
            return (await ground.fetch("SELECT count(*) FROM saga"))[0]["count"] == 25

        await eventually(all_there)

        async def pages(auth, **query):
            seen = []
            while True:
                page = (await client.get("/v1/sagas", params={"limit": "10", **query}, headers=auth)).json()
                seen += [item["dsr_id"] for item in page["items"]]
                if page["next"] is None:
                    return seen
                query["after"] = page["next"]

        by_date = await pages(ground.auth())
        assert sorted(by_date) == sorted(map(str, ids))
        for few in (5_000, 0):  # by the tasks that wait for a processor, and by a walk along the dates
            monkeypatch.setattr(reading, "_FEW", few)
            assert await pages(ground.auth(), processor="shop") == by_date
            assert await pages(ground.auth(), processor="shop", state="fulfilling") == by_date
            assert await pages(ground.auth(), processor="shop", state="verifying") == []
            assert await pages(ground.auth(), processor="nobody") == []
            assert await pages(ground.auth("eve", ["beta"]), processor="shop") == []
        assert (await client.get("/v1/sagas?state=closed", headers=ground.auth())).json()["items"] == []
        assert (await client.get("/v1/sagas?incident=true", headers=ground.auth())).json()["items"] == []
        assert (await client.get("/v1/sagas?after=nonsense", headers=ground.auth())).status_code == 422


async def test_a_processor_that_is_registered_meanwhile_joins_open_sagas(ground):
    quiet = {"shop", "crm"}
    ground.answer = lambda task: [] if task.processor_id in quiet else well(task)
    async with ground.processors(), ground.running() as client:
        ids = await ground.receive(30)

        async def asked():
            return len({t.dsr_id for t in ground.asked}) == 30

        await eventually(asked)
        ground.register("mailer")
        loaded = await client.post("/v1/register/load", headers=ground.auth())
        assert loaded.json()["is_new"], loaded.text
        assert not (await client.post("/v1/register/load", headers=ground.auth())).json()["is_new"]

        async def joined():
            return {t.dsr_id for t in ground.asked if t.processor_id == "mailer"} == set(ids)

        await eventually(joined)
        ground.register("broken", after=["nobody"], controllers=[])
        refused = await client.post("/v1/register/load", headers=ground.auth())
        assert refused.status_code == 422
        assert refused.json()["errors"]


async def test_nonsense_is_parked_and_stops_nobody(ground):
    def odd(task):
        if task.verb is Verb.ERASE and task.processor_id == "shop":
            return [("residual", {}), ("done", {"controller_id": "other"}), ("done", {"attempt": 9}), *well(task)]
        return well(task)

    ground.answer = odd
    async with ground.processors(), ground.running() as client:
        ids = await ground.receive(5)
        await closed(ground, 5)
        parked = (await client.get("/v1/parked", headers=ground.auth())).json()["items"]
        assert {(p["code"], p["waiting"]) for p in parked} == {
            ("residual_of_a_change", 5),
            ("wrong_controller", 5),
            ("never_asked", 5),
        }
        incidents = (await client.get("/v1/incidents?code=rejected", headers=ground.auth())).json()["items"]
        assert {i["dsr_id"] for i in incidents} == set(map(str, ids))


async def test_kafka_native_processors_are_addressed_by_tokens_until_the_data_is_shredded(ground):
    for name in ("shop", "crm"):
        (ground.directory / "register" / f"{name}.yaml").unlink()
    ground.register("app", connector={"kind": "kafka"})
    async with ground.processors("app"), ground.running(LETHE_VAULT_RETENTION="1s") as client:
        (dsr_id,) = await ground.receive()
        await closed(ground, 1)
        assert all(len(t.subject_tokens[0]) == 43 for t in ground.asked)
        assert {t.verb for t in ground.asked} == {Verb.ERASE, Verb.VERIFY}

        async def forgotten():
            return (await client.get(f"/v1/sagas/{dsr_id}", headers=ground.auth())).json()["shredded_at"] is not None

        await eventually(forgotten)
        assert await ground.vault.subject_tokens([dsr_id], {dsr_id: ["app"]}) == {}
        left = await ground.fetch("SELECT DISTINCT tokens, subject_tokens FROM task")
        assert [tuple(row) for row in left] == [([], None)]
        graded = (await client.get(f"/v1/sagas/{dsr_id}/certificate", headers=ground.auth())).json()["certificate"]
        assert {t["grade"] for p in graded["processors"] for t in p["tasks"]} == {"confirmed_by_api"}


async def test_a_person_who_comes_back_after_a_verified_erasure_is_told_once(ground):
    for name in ("shop", "crm"):
        (ground.directory / "register" / f"{name}.yaml").unlink()
    ground.register("app", connector={"kind": "kafka"})
    async with ground.processors("app"), ground.running() as client:
        (dsr_id,) = await ground.receive()
        await closed(ground, 1)
        token = ground.asked[0].subject_tokens[0]
        before = datetime.now(UTC) - timedelta(hours=1)
        await ground.send([ground.observed("app", token, "updated", before)])
        await ground.send([ground.observed("app", "x" * 43, "created")])
        await ground.send([ground.observed("app", token, kind) for kind in ("erased", "restored", "created")])

        async def told():
            found = (await client.get("/v1/incidents", headers=ground.auth())).json()["items"]
            return [(i["code"], i["dsr_id"]) for i in found] == [("reappeared", str(dsr_id))]

        await eventually(told)
        (incident,) = (await client.get("/v1/incidents", headers=ground.auth())).json()["items"]
        path = f"/v1/incidents/{incident['incident_id']}/resolve"
        assert (await client.post(path, headers=ground.auth("eve", ["beta"]))).status_code == 404
        assert (await client.post(path, headers=ground.auth())).status_code == 204
        assert (await client.get("/v1/incidents", headers=ground.auth())).json()["items"] == []


async def test_the_record_cannot_be_rewritten_by_mistake(ground):
    async with ground.processors(), ground.running():
        await ground.receive()
        await closed(ground, 1)
    for statement in ("UPDATE audit_event SET seq = 0", "DELETE FROM certificate", "TRUNCATE audit_event"):
        with pytest.raises(Exception, match="append-only"):
            await ground.fetch(statement)


async def test_lateness_and_alarms_are_told(ground):
    ground.answer = lambda _: []
    async with ground.processors(), ground.running() as client:
        (dsr_id,) = await ground.receive(received_at=datetime.now(UTC) - timedelta(days=40))

        async def rung():
            found = await client.get("/v1/incidents", headers=ground.auth())
            return [i["code"] for i in found.json()["items"]] == ["deadline_missed"]

        await eventually(rung)
        saga = (await client.get(f"/v1/sagas/{dsr_id}", headers=ground.auth())).json()
        rungs = [m for m in saga["timeline"] if m["kind"] == "alarm_due"]
        assert len(rungs) == 4
        assert all(m["late_s"] > 0 for m in rungs)
        listed = (await client.get("/v1/sagas?incident=true", headers=ground.auth())).json()["items"]
        assert [i["dsr_id"] for i in listed] == [str(dsr_id)]

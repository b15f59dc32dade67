"""Holds of a controller and dates of kept parts, on real engines: races, people, what goes on by itself."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from lethe_events.words import Verb
from lethe_testkit.ground import eventually
from lethe_testkit.orchestrator import orchestrator_ground, well
from lethe_testkit.sagas import KEPT

DATASET = """
dataset:
  - fides_key: shop
    name: Shop
    collections:
      - name: customers
        lethe: {erase: delete}
        fields:
          - name: id
            data_categories: [system.operations]
            fides_meta: {primary_key: true}
          - name: email
            data_categories: [user.contact.email]
            fides_meta: {identity: email}
          - name: iban
            data_categories: [user.financial]
"""
BODY = {"controller_id": "acme", "ground": "legal_claims", "matter": "m1"}


@pytest.fixture
async def ground(postgres_dsn, kafka_bootstrap, unique, tmp_path):
    async with orchestrator_ground(postgres_dsn, kafka_bootstrap, unique, tmp_path) as made:
        datasets = made.directory / "register" / "datasets"
        datasets.mkdir()
        (datasets / "shop.yaml").write_text(DATASET)
        connector = {"kind": "sql", "dataset": "datasets/shop.yaml", "read": "env:SHOP", "write": "env:SHOP"}
        made.register("shop", connector=connector, data_categories=["user.contact.email", "user.financial"])
        made.register("crm", after=["shop"], data_categories=["user.contact.email"])
        yield made


async def place(client, ground, **more):
    answer = await client.post("/v1/holds", json={**BODY, **more}, headers=ground.auth("kim"))
    assert answer.status_code == 201, answer.text
    return answer.json()["hold"]


async def approve(client, ground, hold, by="robin"):
    return (await client.post(f"/v1/holds/{hold}/approve", headers=ground.auth(by))).status_code


async def lift(client, ground, hold):
    answer = await client.post(f"/v1/holds/{hold}/lift", headers=ground.auth("robin"))
    assert answer.status_code == 200, answer.text
    return await approve(client, ground, hold, "kim")


async def states(ground):
    return {str(r["id"]): r["state"] for r in await ground.fetch("SELECT id, state FROM saga")}


async def until_states(ground, *wanted):
    async def reached():
        return sorted((await states(ground)).values()) == sorted(wanted)

    await eventually(reached, seconds=45)


async def statuses(client, ground, dsr_id):
    shown = (await client.get(f"/v1/sagas/{dsr_id}", headers=ground.auth())).json()
    return {t["name"]: t["status"] for t in shown["tasks"]}


async def test_bad_input_places_nothing_and_names_no_value(ground):
    async with ground.running() as client:
        for wrong, field in _wrong():
            answer = await client.post("/v1/holds", json={**BODY, **wrong}, headers=ground.auth("kim"))
            assert answer.status_code == 422, answer.text
            assert field in answer.text
            assert "doe@people.example" not in answer.text
        reader = ground.auth(scopes=["saga:read"])
        assert (await client.post("/v1/holds", json={**BODY, "everything": True}, headers=reader)).status_code == 403
        unknown = "/v1/holds/018f3c5e-7a10-7c3e-9a51-1e7e0000000a"
        assert (await client.post(f"{unknown}/approve", headers=ground.auth())).status_code == 404
        assert (await client.get(unknown, headers=ground.auth())).status_code == 404
        assert (await client.get("/v1/holds?matter=A+b", headers=ground.auth())).status_code == 422
        assert (await client.get("/v1/kept?before=yesterday", headers=ground.auth())).status_code == 422
        assert (await client.get("/v1/holds", headers=ground.auth())).json() == {"items": []}


def _wrong():
    yield {}, "everything"
    yield {"everything": True, "processors": ["shop"]}, "everything"
    yield {"processors": ["nobody"]}, "processors"
    yield {"processors": ["shop"], "ground": "excessive"}, "ground"
    yield {"processors": ["shop"], "matter": "Mr Doe v. Acme"}, "matter"
    yield {"categories": ["Not a category"]}, "categories"
    yield {"identifiers": {"email": []}}, "identifiers"
    yield {"identifiers": {"email": ["doe@people.example" * 40]}}, "identifiers"
    yield {"dsr_id": "018f3c5e-7a10-7c3e-9a51-1e7e0000000a"}, "dsr_id"
    yield {"everything": True, "why": "because"}, "why"
    yield {"everything": True, "controller_id": "beta"}, "controller_id"


async def test_a_person_is_held_by_identifiers_in_requests_of_before_and_after_and_nobody_else_is(ground):
    ground.answer = lambda task: well(task) if task.processor_id == "shop" and task.verb is Verb.VERIFY else []
    async with ground.processors(), ground.running() as client:
        before = await ground.receive(2)
        hold = await place(client, ground, identifiers={"email": [" P1@People.example "]})
        assert await approve(client, ground, hold, "kim") == 403
        first = await asyncio.gather(*(approve(client, ground, hold, who) for who in ("robin", "sam")))
        assert sorted(first) == [200, 409], "two approvals at once: one counts"

        async def reached():
            shown = (await client.get(f"/v1/holds/{hold}", headers=ground.auth())).json()
            return [r["dsr_id"] for r in shown["requests"]] == [str(before[1])] and not shown["spreading"]

        await eventually(reached)
        ground.answer = well
        after = await ground.receive(2)
        await ground.send([ground.ack(t, "done") for t in ground.asked if t.dsr_id == before[0]])
        await until_states(ground, "closed", "closed", "fulfilling", "fulfilling")
        assert {i for i, s in (await states(ground)).items() if s == "fulfilling"} == {str(before[1]), str(after[1])}
        assert set((await statuses(client, ground, after[1])).values()) == {"on_hold", "blocked"}
        stored = await ground.fetch("SELECT people FROM legal_hold")
        assert "people.example" not in str(stored)
        assert await lift(client, ground, hold) == 200
        await ground.send([ground.ack(t, "done") for t in ground.asked if t.dsr_id == before[1]])
        await until_states(ground, *["closed"] * 4)


async def test_a_category_is_withheld_and_erased_by_itself_when_the_hold_is_lifted_even_after_closing(ground):
    def answer(task):
        if task.withheld:
            return [("retained", {"retained": (KEPT,)})]
        return well(task)

    ground.answer = answer
    async with ground.processors(), ground.running() as client:
        hold = await place(client, ground, categories=["user.financial"])
        assert await approve(client, ground, hold) == 200
        (dsr_id,) = await ground.receive()
        await until_states(ground, "closed")
        asked = {(t.processor_id, t.verb.value): t.withheld for t in ground.asked}
        assert asked["shop", "erase"] == asked["shop", "verify"] == ("user.financial",)
        assert asked["crm", "erase"] == ()
        path = f"/v1/sagas/{dsr_id}/certificate"
        first = (await client.get(path, headers=ground.auth())).json()["certificate"]
        assert (first["result"], first["holds"][0]["matter"]) == ("partially_granted", "m1")
        kept = (await client.get("/v1/kept", headers=ground.auth())).json()["items"]
        assert [(k["dsr_id"], k["category"], k["until"]) for k in kept] == [(str(dsr_id), KEPT.category, None)]
        assert await lift(client, ground, hold) == 200

        async def certified():
            found = (await client.get(path, headers=ground.auth())).json()["certificate"]
            return found["result"] == "granted" and found["reopened"][0]["why"] == "hold_lifted"

        await eventually(certified, seconds=30)
        assert (await client.get("/v1/kept", headers=ground.auth())).json() == {"items": []}
        assert {(t.processor_id, t.round) for t in ground.asked if t.round > 1} == {("shop", 2)}


async def test_lifting_while_requests_are_planned_leaves_none_held(ground):
    async with ground.processors(), ground.running() as client, ground.running():
        hold = await place(client, ground, everything=True)
        placing = [approve(client, ground, hold), *(ground.receive(8) for _ in range(3))]
        assert (await asyncio.gather(*placing))[0] == 200
        lifting = [lift(client, ground, hold), *(ground.receive(8) for _ in range(3))]
        assert (await asyncio.gather(*lifting))[0] == 200
        await until_states(ground, *["closed"] * 48)
        results = await ground.fetch("SELECT DISTINCT result FROM saga")
        assert [r["result"] for r in results] == ["granted"]


async def test_under_a_hold_on_everything_no_new_request_asks_for_an_erasure(ground):
    async with ground.processors(), ground.running() as client, ground.running():
        hold = await place(client, ground, everything=True)
        early = ground.receive(30)
        _, status = await asyncio.gather(early, approve(client, ground, hold))
        assert status == 200
        began = datetime.now(UTC)
        late = set(await ground.receive(30))
        await asyncio.sleep(1)
        assert not {t.dsr_id for t in ground.asked} & late, f"asked under a hold in force since {began}"
        listed = (await client.get("/v1/holds?matter=m1", headers=ground.auth())).json()["items"]
        assert [(h["hold"], h["placed_by"], h["approved_by"]) for h in listed] == [(hold, "kim", "robin")]


async def test_what_was_kept_until_a_date_is_erased_when_it_comes_and_its_key_lasts_until_then(ground):
    until = datetime.now(UTC) + timedelta(seconds=4)

    def answer(task):
        if task.processor_id == "shop" and task.round == 1:
            return [("retained", {"retained": (replace(KEPT, until=until),)})]
        return well(task)

    ground.answer = answer
    async with ground.processors(), ground.running(LETHE_VAULT_RETENTION="1s") as client:
        (dsr_id,) = await ground.receive()
        await until_states(ground, "closed")
        kept = (await client.get("/v1/kept", headers=ground.auth())).json()["items"]
        assert [datetime.fromisoformat(k["until"]) for k in kept] == [until]

        async def shredded():
            (row,) = await ground.fetch("SELECT shredded_at, closed_at FROM saga")
            return row["shredded_at"] is not None and row["closed_at"] > until

        await eventually(shredded, seconds=30)
        found = (await client.get(f"/v1/sagas/{dsr_id}/certificate", headers=ground.auth())).json()["certificate"]
        assert (found["result"], found["reopened"][0]["why"], found["kept"]) == ("granted", "kept_until", [])
        events = (await client.get(f"/v1/sagas/{dsr_id}/events", headers=ground.auth())).json()["links"]
        assert [e["content"]["kind"] for e in events].count("certificate_issued") == 2
    parts = await ground.fetch("SELECT number, ended_at FROM kept_part")
    assert [(p["number"], p["ended_at"] is not None) for p in parts] == [(1, True)]

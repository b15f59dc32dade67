"""Every right beside access and erasure, on real Kafka and PostgreSQL, decided by people over HTTP."""

from datetime import UTC, datetime, timedelta

import pytest

from lethe_client.certificate import read_keys, stands_on, verify, verify_chain
from lethe_events.words import Right, Verb
from lethe_testkit.ground import eventually
from lethe_testkit.orchestrator import orchestrator_ground

EVERY = sorted(v.value for v in Verb if v is not Verb.PACKAGE)
PURPOSES = [
    {"use": "essential.service", "lawful_basis": "contract"},
    {"use": "analytics.reporting", "lawful_basis": "legitimate_interests"},
    {"use": "marketing.communications.email", "lawful_basis": "consent"},
]


@pytest.fixture
async def ground(postgres_dsn, kafka_bootstrap, unique, tmp_path):
    async with orchestrator_ground(postgres_dsn, kafka_bootstrap, unique, tmp_path) as made:
        made.register("app", connector={"kind": "kafka"}, purposes=PURPOSES, capabilities={"verbs": EVERY})
        made.register("ledger", purposes=[{"use": "essential.legal_obligation", "lawful_basis": "legal_obligation"}])
        yield made


async def stands(ground, dsr_id, state):
    async def there():
        rows = await ground.fetch("SELECT state FROM saga WHERE id = $1", dsr_id)
        return bool(rows) and rows[0]["state"] == state

    await eventually(there, seconds=60)


async def act(client, ground, dsr_id, path, body, who="kim"):
    return await client.post(f"/v1/sagas/{dsr_id}/{path}", json=body, headers=ground.auth(who))


async def certified(client, ground, dsr_id):
    """The certificate, checked offline with the public key and the chain alone."""
    await stands(ground, dsr_id, "closed")
    document = (await client.get(f"/v1/sagas/{dsr_id}/certificate", headers=ground.auth())).json()
    keys = (await client.get("/v1/keys", headers=ground.auth())).text
    chain = (await client.get(f"/v1/sagas/{dsr_id}/events", headers=ground.auth())).json()
    verified = verify(document, read_keys(keys, "GET /v1/keys"))
    stands_on(verified, verify_chain(chain["links"]))
    return verified.certificate


def asked(ground, dsr_id):
    return [(t.verb.value, t.processor_id, t.purposes) for t in ground.asked if t.dsr_id == dsr_id]


async def test_an_objection_is_restricted_weighed_by_two_people_and_lifted_once_the_person_was_told(ground):
    async with ground.processors("app"), ground.running() as client:
        (dsr_id,) = await ground.receive(right=Right.OBJECTION, purposes=("analytics",))
        await stands(ground, dsr_id, "deciding")
        for body, status in (
            ({"outcome": "rejected", "reasons": ["fraud"]}, 422),
            ({"outcome": "rejected", "reasons": [], "ground": "compelling_grounds"}, 422),
            ({"outcome": "changed", "reasons": ["fraud"]}, 422),
            ({"outcome": "rejected", "reasons": ["Because they said so!"], "ground": "compelling_grounds"}, 422),
        ):
            assert (await act(client, ground, dsr_id, "decision", body)).status_code == status
        against = {"outcome": "rejected", "reasons": ["fraud"], "ground": "compelling_grounds"}
        assert (await act(client, ground, dsr_id, "decision", against)).status_code == 200
        assert (await act(client, ground, dsr_id, "decision/approve", {})).status_code == 403
        approved = await act(client, ground, dsr_id, "decision/approve", {}, "robin")
        assert (approved.json()["state"], approved.json()["result"]) == ("answered", "refused")
        early = {"told_at": (datetime.now(UTC) + timedelta(days=1)).isoformat(), "reason": "weighed"}
        assert (await act(client, ground, dsr_id, "lift", early)).status_code == 422
        told = {"told_at": datetime.now(UTC).isoformat(), "reason": "weighed"}
        assert (await act(client, ground, dsr_id, "lift", told)).status_code == 200
        found = await certified(client, ground, dsr_id)
        shown = (await client.get(f"/v1/sagas/{dsr_id}", headers=ground.auth())).json()
    going_on = ("essential.service", "marketing.communications.email")
    assert asked(ground, dsr_id) == [
        ("restrict", "app", going_on),
        ("verify", "app", going_on),
        ("lift", "app", ()),
        ("verify", "app", ()),
    ]
    assert [(n["processor"], n["code"]) for n in found["not_concerned"]] == [("ledger", "purpose_not_pursued")]
    assert (found["decision"]["decided_by"], found["decision"]["approved_by"]) == ("kim", "robin")
    assert shown["restriction"]["lifting"]["by"] == "kim"
    assert await ground.fetch("SELECT * FROM erased_token") == []


async def test_the_other_rights_end_with_what_each_asks(ground):
    async with ground.processors("app"), ground.running() as client:
        (portable,) = await ground.receive(right=Right.PORTABILITY)
        (consent,) = await ground.receive(right=Right.CONSENT_WITHDRAWAL, purposes=("marketing",))
        (marketing,) = await ground.receive(right=Right.OBJECTION, direct_marketing=True)
        (corrected,) = await ground.receive(right=Right.RECTIFICATION)
        (reviewed,) = await ground.receive(right=Right.AUTOMATED_DECISION, decision="CR-2026-17")
        await stands(ground, reviewed, "deciding")
        body = {"outcome": "changed", "reasons": ["income_was_wrong"]}
        assert (await act(client, ground, reviewed, "decision", body)).json()["result"] == "granted"
        proofs = {name: await certified(client, ground, name) for name in (portable, consent, marketing, reviewed)}
        shown = (await client.get(f"/v1/sagas/{corrected}", headers=ground.auth())).json()
    assert {v for v, _, _ in asked(ground, portable)} == {"export", "package"}
    ended = ("marketing.communications.email",)
    assert asked(ground, consent) == asked(ground, marketing) == [("suppress", "app", ended), ("verify", "app", ended)]
    assert asked(ground, reviewed) == []
    assert {p["result"] for p in proofs.values()} == {"granted"}
    assert {n["processor"] for p in proofs.values() for n in p.get("not_concerned", [])} == {"ledger"}
    assert [t["code"] for t in shown["tasks"] if t["processor_id"] == "ledger" and t["verb"] == "rectify"] == [
        "verb_missing"
    ]

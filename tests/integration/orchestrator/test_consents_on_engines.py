"""The ledger of consents on real Kafka and PostgreSQL: what counts, replays, and withdrawals that nobody carries."""

import os
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from lethe_events import ConsentChanged, ConsentState, Envelope, encode
from lethe_events.ids import uuid7
from lethe_testkit.ground import eventually
from lethe_testkit.orchestrator import orchestrator_ground

TOKEN = "t" * 43
MAIL = "marketing.communications.email"
ADS = "marketing.advertising"
BEGAN = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
DSR = UUID("0198c0de-7a11-7000-8000-5e1f00000001")


@pytest.fixture
async def ground(postgres_dsn, kafka_bootstrap, unique, tmp_path):
    async with orchestrator_ground(postgres_dsn, kafka_bootstrap, unique, tmp_path) as made:
        made.register("app", connector={"kind": "kafka"})
        yield made


def said(ground, state, purpose=MAIL, *, days=0, by="person.account_page", processor="app", dsr_id=None, token=TOKEN):
    body = ConsentChanged(
        processor_id=processor,
        controller_id="acme",
        subject_token=token,
        purpose=purpose,
        state=ConsentState(state),
        said_by=by,
        at=BEGAN + timedelta(days=days),
        dsr_id=dsr_id,
    )
    envelope = Envelope(uuid7(body.at, os.urandom(10)), "/test", body.at, DSR, None)
    return encode(ground.topics.subject_events.name, token, body, envelope)


async def entries(ground, count):
    async def there():
        return (await ground.fetch("SELECT count(*) FROM consent"))[0][0] == count

    await eventually(there)


async def ask(client, ground, controllers=("acme",), processor="app", token=TOKEN):
    params = {"processor_id": processor, "subject_token": token}
    return await client.get("/v1/consents", params=params, headers=ground.auth("kim", controllers))


async def test_what_was_said_last_counts_whatever_comes_in_which_order_and_how_often(ground):
    history = [
        said(ground, "withdrawn", days=2, dsr_id=DSR),
        said(ground, "granted", days=0),
        said(ground, "granted", ADS, days=1, by="guardian"),
        said(ground, "granted", ADS, days=1, by="guardian"),
    ]
    async with ground.running() as client:
        await ground.send(history)
        await ground.send([ground.observed("app", TOKEN, "created")])
        await entries(ground, 3)
        await ground.send([*history, said(ground, "granted", ADS, days=9, token="u" * 43)])
        await entries(ground, 4)
        found = (await ask(client, ground)).json()
        assert {(s["purpose"], s["state"], s["said_by"], s["dsr_id"]) for s in found["now"]} == {
            (MAIL, "withdrawn", "person.account_page", str(DSR)),
            (ADS, "granted", "guardian", None),
        }
        assert [s["state"] for s in found["history"]] == ["withdrawn", "granted", "granted"]
        assert (await ask(client, ground, ("beta",))).json() == {"now": [], "history": []}
        for wrong in ({"processor": "No Code"}, {"token": "short"}):
            assert (await ask(client, ground, **wrong)).status_code == 422
        incidents = (await client.get("/v1/incidents", headers=ground.auth())).json()["items"]
        assert incidents == [], "its request carries the withdrawal on"


async def test_a_withdrawal_that_no_request_carries_is_shown_to_a_person_once_also_after_a_replay(ground):
    alone = said(ground, "withdrawn", days=3)
    async with ground.running() as client:
        await ground.send([alone, said(ground, "withdrawn", days=3)])
        await entries(ground, 1)
        (incident,) = (await client.get("/v1/incidents", headers=ground.auth())).json()["items"]
        assert (incident["code"], incident["processor_id"]) == ("consent_unserved", "app")
        assert TOKEN not in str(incident)
        await client.post(f"/v1/incidents/{incident['incident_id']}/resolve", headers=ground.auth())
    await ground.fetch("UPDATE consumer_offset SET next_offset = 0 RETURNING 1")
    async with ground.running() as client:
        await ground.send([said(ground, "granted", days=4)])
        await entries(ground, 2)
        assert (await client.get("/v1/incidents", headers=ground.auth())).json()["items"] == []
    assert (await ground.fetch("SELECT count(*) FROM incident"))[0][0] == 1


async def test_what_a_processor_of_another_controller_says_is_parked(ground):
    async with ground.running():
        await ground.send([said(ground, "granted", processor="stranger"), said(ground, "granted")])
        await entries(ground, 1)
    (parked,) = await ground.fetch("SELECT * FROM parked_message")
    assert "unknown_processor" in str(dict(parked))

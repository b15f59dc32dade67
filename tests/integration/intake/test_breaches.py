"""Reports and signals of breaches at intake, on real engines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import yaml

from lethe_events import BreachReported, SecuritySignal, decode
from lethe_messaging import read_all
from lethe_testkit.breach_ground import new_id
from lethe_testkit.ground import eventually
from lethe_testkit.intake import intake_ground
from lethe_testkit.tasks import entry

SCOPES = ("breach:report", "breach:signal")
PLANTED = "Mina Moth of Moorweg saw it"
REPORT = {"controllers": ["acme"], "reporter": "person", "assets": ["shop/orders"], "description": PLANTED}


@pytest.fixture
async def ground(postgres_dsn, kafka_bootstrap, unique, tmp_path):
    async with intake_ground(postgres_dsn, kafka_bootstrap, unique, tmp_path) as made:
        yield made


def headers(ground, key=None, **more):
    found = ground.token(scopes=SCOPES, **more)
    return found if key is None else {**found, "Idempotency-Key": key}


async def on(ground, topic, count):
    async def there():
        return len(await read_all(ground.kafka, topic.name)) >= count

    await eventually(there)
    return [decode(r.headers, r.value).body for r in await read_all(ground.kafka, topic.name)]


async def test_a_report_is_stored_sealed_and_told_once_however_often_it_is_sent(ground):
    async with ground.running() as client:
        answers = [await client.post("/v1/breaches", json=REPORT, headers=headers(ground, "k-1")) for _ in range(3)]
        assert [a.status_code for a in answers] == [202] * 3
        assert [a.headers.get("Idempotency-Replayed") for a in answers] == [None, "true", "true"]
        assert len({a.text for a in answers}) == 1
        other = await client.post("/v1/breaches", json={**REPORT, "subjects": 3}, headers=headers(ground, "k-1"))
        assert other.status_code == 409
        (told,) = await on(ground, ground.topics.breach_reports, 1)
        assert isinstance(told, BreachReported)
        assert (told.described, told.country, told.controllers) == (True, "DE", ("acme",))
        assert PLANTED not in repr(told)
        assert await ground.vault.note(UUID(answers[0].json()["breach_id"]), reason="test") == PLANTED


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"noticed_at": "2999-01-01T00:00:00Z"}, "noticed_at"),
        ({"occurred_from": "2026-10-02T00:00:00Z", "occurred_to": "2026-10-01T00:00:00Z"}, "occurred_to"),
        ({"occurred_from": "2026-10-02T00:00:00Z", "noticed_at": "2026-10-01T00:00:00Z"}, "noticed_at"),
        ({"subjects": -1}, "subjects"),
        ({"reporter": "processor"}, "processor_id"),
        ({"controllers": ["acme", "acme"]}, "controllers"),
        ({"assets": ["mina@people.example"]}, "assets[0]"),
    ],
)
async def test_what_cannot_be_is_refused_by_the_name_of_its_field(ground, changes, field):
    async with ground.running() as client:
        answer = await client.post("/v1/breaches", json={**REPORT, **changes}, headers=headers(ground, "k"))
    assert answer.status_code == 422, answer.text
    assert [e["field"].removeprefix("body.") for e in answer.json()["errors"]] == [field]


async def test_a_processor_speaks_for_itself_and_has_to_be_in_the_register(ground):
    register = ground.directory / "register"
    register.mkdir()
    http = {"kind": "http", "base_url": "https://crm.example", "auth": {"scheme": "none"}}
    (register / "crm.yaml").write_text(yaml.safe_dump({**entry("crm"), "connector": http}))
    notice = {**REPORT, "reporter": "processor"}
    async with ground.running(LETHE_REGISTER=str(register)) as client:
        unknown = await client.post("/v1/breaches", json={**notice, "processor_id": "x"}, headers=headers(ground, "k"))
        assert unknown.json()["errors"][0]["field"] == "processor_id"
    async with ground.running() as client:
        bound = headers(ground, "k", processor="cloudmail")
        assert (await client.post("/v1/breaches", json=notice, headers=bound)).status_code == 202
        foreign = await client.post("/v1/breaches", json={**notice, "processor_id": "x"}, headers=bound)
        assert foreign.status_code == 403
        (told,) = await on(ground, ground.topics.breach_reports, 1)
    assert told.processor_id == "cloudmail"


async def test_findings_become_signals_and_a_malformed_one_publishes_nothing(ground):
    signal = {"signal_id": str(new_id()), "rule": "export.mass", "asset": "t/1", "at": datetime.now(UTC).isoformat()}
    where = "/v1/breach-signals?controller_id=acme&source=siem&form=lethe"
    async with ground.running() as client:
        good = await client.post(where, json=[signal, {**signal, "actor": PLANTED}], headers=headers(ground))
        assert (good.status_code, good.json()) == (202, {"signals": 2})
        bad = await client.post(where, json=[signal, {"rule": "x"}], headers=headers(ground))
        assert bad.status_code == 422
        ahead = {**signal, "at": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}
        assert (await client.post(where, json=ahead, headers=headers(ground))).status_code == 422
        ocsf = await client.post(where.replace("lethe", "ocsf"), json={"class_uid": 1}, headers=headers(ground))
        assert ocsf.json()["errors"][0]["field"] == "findings[0].class_uid"
        other = where.replace("acme", "ghost")
        assert (await client.post(other, json=signal, headers=headers(ground))).status_code == 403
        told = await on(ground, ground.topics.breach_signals, 2)
    assert all(isinstance(t, SecuritySignal) for t in told)
    assert len(told) == 2
    assert "Mina" not in repr(told)

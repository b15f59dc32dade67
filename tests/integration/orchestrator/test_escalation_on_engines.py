"""A ladder from a file, a receiver that is down at first, two instances: each rung is on record once and told once."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from lethe_chassis import SettingsError
from lethe_testkit.ground import eventually
from lethe_testkit.orchestrator import orchestrator_ground
from lethe_testkit.webhook import receiving

POLICY = """
receivers:
  - {{name: team, shape: alertmanager, url: "{url}", calls: [owner, privacy_team]}}
policies:
  - controller: acme
    effective: 2020-01-01
    version: acme_1
    rungs:
      - {{name: first, share: 0.1, calls: owner}}
      - {{name: second, share: 0.3, calls: privacy_team}}
      - {{name: third, share: 0.4, calls: on_call}}
      - {{name: later, share: 0.99, calls: on_call}}
"""


@pytest.fixture
async def ground(postgres_dsn, kafka_bootstrap, unique, tmp_path):
    async with orchestrator_ground(postgres_dsn, kafka_bootstrap, unique, tmp_path) as made:
        made.register("shop")
        yield made


async def test_each_rung_that_has_come_is_recorded_once_and_reaches_its_receiver(ground, tmp_path):
    ground.answer = lambda _: []
    path = tmp_path / "escalation.yaml"
    async with receiving() as (url, taken):
        path.write_text(POLICY.format(url=url))
        policy = {"LETHE_ESCALATION": str(path)}
        async with ground.processors(), ground.running(**policy) as client, ground.running(**policy):
            (dsr_id,) = await ground.receive(received_at=datetime.now(UTC) - timedelta(days=15))

            async def told():
                return sorted(alert["labels"]["rung"] for body in taken for alert in body) == ["first", "second"]

            await eventually(told, seconds=30)
            await asyncio.sleep(0.3)
            shown = (await client.get(f"/v1/sagas/{dsr_id}", headers=ground.auth())).json()
            assert [(r["rung"], r["calls"]) for r in shown["escalations"]] == [
                ("first", "owner"),
                ("second", "privacy_team"),
                ("third", "on_call"),
            ]
            page = await client.get(f"/console/sagas/{dsr_id}", headers=ground.auth())
            assert page.status_code == 200
        assert await told(), "told more than once"
    rows = await ground.fetch("SELECT rung, made_at IS NOT NULL AS made FROM call_out ORDER BY rung")
    assert [tuple(r) for r in rows] == [("first", True), ("second", True)]
    moments = await ground.fetch("SELECT kind FROM timer")
    assert [r["kind"] for r in moments] in (["ack_overdue"], ["call"], ["alarm"])


async def test_a_call_that_was_refused_is_kept_and_says_why(ground, tmp_path):
    ground.answer = lambda _: []
    path = tmp_path / "escalation.yaml"
    async with receiving(refusals=99) as (url, taken):
        path.write_text(POLICY.format(url=url))
        async with ground.processors(), ground.running(LETHE_ESCALATION=str(path)):
            await ground.receive(received_at=datetime.now(UTC) - timedelta(days=5))

            async def refused():
                rows = await ground.fetch("SELECT trouble, made_at, next_try > now() AS later FROM call_out")
                return [tuple(r) for r in rows] == [("status_503", None, True)]

            await eventually(refused, seconds=30)
    assert taken == []


async def test_a_service_does_not_start_with_half_a_policy(ground, tmp_path):
    path = tmp_path / "escalation.yaml"
    path.write_text(POLICY.format(url="https://am.example").replace("share: 0.3", "share: 0.05"))
    with pytest.raises(SettingsError, match="shares have to grow"):
        async with ground.running(LETHE_ESCALATION=str(path)):
            pass

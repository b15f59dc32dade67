"""From request to letter: intake and the orchestrator on real engines, processors that answer, a real SMTP server."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from intake.bootstrap import Topics, bootstrap
from intake.settings import Settings
from lethe_chassis import Env
from lethe_events.topics import Topic
from lethe_events.words import Verb
from lethe_messaging import delete_topics, read_all
from lethe_testkit.ground import eventually
from lethe_testkit.orchestrator import orchestrator_ground, well
from lethe_testkit.sagas import KEPT
from lethe_testkit.serving import served
from lethe_testkit.smtp_sink import SmtpSink

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx

    from lethe_testkit.orchestrator import OrchestratorGround

pytestmark = [pytest.mark.engines, pytest.mark.timeout(240)]
PAGE = "https://privacy.acme.example/requests/{dsr_id}"
US = {"transfer": {"mechanism": "scc_2021_914", "country": "US"}, "role": "processor"}


class Both:
    """The two services and the person's mailbox."""

    def __init__(
        self, ground: OrchestratorGround, intake: httpx.AsyncClient, sagas: httpx.AsyncClient, sink: SmtpSink
    ) -> None:
        self.ground, self.intake, self.sagas, self.sink = ground, intake, sagas, sink
        self.number = 0

    async def submit(self, right: str, **more: Any) -> str:
        self.number += 1
        body = {
            "controller_id": "acme",
            "right": right,
            "identifiers": {"email": [f"planted{self.number}@people.example"]},
            "channel": "web_form",
            "identity": {"method": "controller_session"},
            "language": "en",
            **more,
        }
        auth = self.ground.auth(scopes=["dsr:write", "dsr:read"])
        answer = await self.intake.post("/v1/dsrs", json=body, headers=auth | {"Idempotency-Key": str(self.number)})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["dsr_id"])

    async def letter(self, subject: str) -> str:
        async def there() -> bool:
            return any(m["Subject"] == subject for m in self.sink.messages)

        await eventually(there, seconds=100)
        found = [m.get_body(("plain",)) for m in self.sink.messages if m["Subject"] == subject]
        assert len(found) == 1
        assert found[0] is not None
        return " ".join(found[0].get_content().split())

    async def saga(self, dsr_id: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self.sagas.get(f"/v1/sagas/{dsr_id}", headers=self.ground.auth())).json()
        return found

    async def told(self, dsr_id: str, kind: str) -> dict[str, Any]:
        """What the saga knows of a letter."""
        found: list[dict[str, Any]] = []

        async def there() -> bool:
            found[:] = [p for p in (await self.saga(dsr_id)).get("letters", []) if p["kind"] == kind]
            return bool(found)

        await eventually(there, seconds=100)
        return found[0]

    async def act(self, dsr_id: str, path: str, body: dict[str, Any], by: str = "kim") -> dict[str, Any]:
        async def known() -> bool:
            answer = await self.sagas.get(f"/v1/sagas/{dsr_id}", headers=self.ground.auth())
            return answer.status_code == 200

        await eventually(known, seconds=100)
        answer = await self.sagas.post(f"/v1/sagas/{dsr_id}/{path}", json=body, headers=self.ground.auth(by))
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
async def both(postgres_dsn: str, kafka_bootstrap: str, unique: str, tmp_path: Path) -> AsyncIterator[Both]:
    async with orchestrator_ground(postgres_dsn, kafka_bootstrap, unique, tmp_path) as ground:
        ground.register("shop")
        ground.register("mailer", **US)
        entry = {"controller_id": "acme", "name": "Acme GmbH", "country": "DE", "contact": "privacy@acme.example"}
        entry["letters"] = {"page": PAGE, "acknowledge": False}  # type: ignore[assignment]
        (tmp_path / "controllers.yaml").write_text(yaml.safe_dump({"controllers": [entry]}))
        async with _running(ground, unique, tmp_path) as made:
            yield made


@asynccontextmanager
async def _running(ground: OrchestratorGround, unique: str, directory: Path) -> AsyncIterator[Both]:
    t = ground.topics
    breach = [Topic(f"test.{unique}.{name}", "breach_id", 3_600_000, ()) for name in ("reports", "signals")]
    topics = Topics(t.requests, t.status, *breach, letters=t.letters)
    controllers = {"LETHE_CONTROLLERS": str(directory / "controllers.yaml")}
    with SmtpSink() as sink:
        smtp = {
            "LETHE_SMTP_HOST": "127.0.0.1",
            "LETHE_SMTP_PORT": str(sink.port),
            "LETHE_SMTP_TLS": "none",
            "LETHE_SMTP_SENDER": "privacy@acme.example",
            "LETHE_INTAKE_MAX_COMMIT": "60s",
        }
        with Env(ground.environment(**controllers, **smtp)) as env:
            settings = Settings.read(env)
        try:
            async with (
                ground.processors(),
                ground.running(**controllers) as sagas,
                served(bootstrap(settings, topics), "intake") as intake,
            ):
                yield Both(ground, intake, sagas, sink)
        finally:
            await delete_topics(ground.kafka, [topic.name for topic in breach])


async def test_answers_refusals_and_extensions_reach_the_person_and_their_proof_reaches_the_saga(both: Both) -> None:
    def answer(task: Any) -> Any:
        if task.processor_id == "shop" and task.verb in {Verb.ERASE, Verb.VERIFY}:
            return [("retained", {"retained": (KEPT,)})]
        return well(task)

    both.ground.answer = answer
    access = await both.submit("access")
    erasure = await both.submit("erasure")
    text = await both.letter("The data that we hold about you")
    for required in (PAGE.replace("{dsr_id}", access), "Article 6(1)(b)", "Mailer database (processor, United States)"):
        assert required in text
    assert "standard contractual clauses" in text
    assert "the account is closed" in text
    text = await both.letter("We have carried out your request in part")
    for required in ("financial data: A law requires us to keep this data. (Article 17(3)(b) GDPR)", "Article 79(1)"):
        assert required in text
    assert (await both.told(erasure, "partially_granted"))["state"] == "sent"
    both.ground.answer = lambda _: []
    refused = await both.submit("erasure")
    await both.act(refused, "refusal", {"ground": "excessive", "reason": "fourth_in_a_month"})
    await both.act(refused, "refusal/approve", {}, by="robin")
    text = await both.letter("We cannot comply with your request")
    for required in ("Article 12(5)", "Article 77(1)", "Article 79(1)", "bfdi"):
        assert required in text
    proof = await both.told(refused, "refused")
    (shown,) = (
        await both.intake.get(f"/v1/dsrs/{refused}/letters", headers=both.ground.auth(scopes=["dsr:read"]))
    ).json()["items"]
    assert (shown["state"], shown["sha256"]) == ("sent", proof["sha256"])
    assert await both.told(access, "access_answer")
    await _extend(both)
    await _nothing_personal_was_said(both)


async def _extend(both: Both) -> None:
    """The dates stand until the notice has gone out."""
    received = (datetime.now(UTC) - timedelta(days=20)).isoformat()
    dsr_id = await both.submit("erasure", received_at=received)
    wrong = {"further": 2, "reasons": ["because"]}
    acted = await both.act(dsr_id, "extend", {"further": 2, "reasons": ["complexity"]})
    answer = await both.sagas.post(f"/v1/sagas/{dsr_id}/extend", json=wrong, headers=both.ground.auth())
    assert answer.status_code in {409, 422}
    text = await both.letter("We need more time for your request")
    assert "your request is complex" in text
    await both.told(dsr_id, "extension")
    saga = await both.saga(dsr_id)
    assert saga["due_legal"] > acted["due_legal"]
    (change,) = saga["clock_changes"]
    assert change["recorded_by"] == "kim"
    failing = await both.submit("erasure", identifiers={"email": ["refused@people.example"]})
    first = await both.act(failing, "extend", {"further": 2, "reasons": ["complexity"]})
    assert (await both.told(failing, "extension"))["state"] == "failed"
    saga = await both.saga(failing)
    assert saga["due_legal"] == first["due_legal"]
    incidents = (await both.sagas.get("/v1/incidents", headers=both.ground.auth())).json()["items"]
    (incident,) = [i for i in incidents if i["code"] == "letter_failed"]
    assert incident["dsr_id"] == failing


async def _nothing_personal_was_said(both: Both) -> None:
    ground = both.ground
    for topic in (ground.topics.letters, ground.topics.requests):
        for record in await read_all(ground.kafka, topic.name):
            said = record.key + record.value + repr(record.headers).encode()
            assert b"people.example" not in said
            assert b"planted" not in said

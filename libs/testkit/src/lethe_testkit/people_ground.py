"""Ground for tests of whom a breach concerns: processors, vault, export worker and breach notifier on one bus."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import yaml

from breach_notifier.application.topics import Topics
from breach_notifier.bootstrap import bootstrap
from breach_notifier.domain.fan import case_id
from breach_notifier.domain.words import Party
from breach_notifier.settings import Settings
from lethe_chassis import Env, LocalIssuer
from lethe_events import DsrStatus, Envelope, SubjectObserved, encode
from lethe_events.models import Absent
from lethe_events.subject_token import subject_token
from lethe_events.topics import Topic
from lethe_events.words import Result, SagaState, SubjectEventKind
from lethe_messaging import delete_topics, ensure_topics
from lethe_testkit.breach_ground import SCOPES, a_report
from lethe_testkit.breaches import proof_of
from lethe_testkit.ground import eventually
from lethe_testkit.processes import WorkerProcess
from lethe_testkit.serving import served
from lethe_testkit.tasks import email
from lethe_testkit.workers import ISSUER, PARTITIONS, WorkerGround

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
    from pathlib import Path

    import httpx

    from lethe_events import Message
    from lethe_law.breach.exemptions import Exemption

INCIDENT = UUID("018f3c5e-7a10-7c3e-9a51-1e7e000000aa")
CASE = case_id(INCIDENT, "acme", Party.CONTROLLER)
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
    "identifiability": "direct",
    "permanence": "lasting",
}
_NAMES = {
    "BREACH_REPORTS": "reports",
    "BREACH_SIGNALS": "signals",
    "BREACH_STATUS": "status",
    "SUBJECT_EVENTS": "subjects",
    "STATUS": "requests",
}


class PeopleGround(WorkerGround):
    """The case is always the same one: its report is sent by `open_case`."""

    def __init__(self, dsn: str, bootstrap_: str, unique: str, directory: Path) -> None:
        super().__init__(dsn, bootstrap_, unique, directory)
        own = {name: Topic(f"test.{unique}.{name}", name, 3_600_000, ()) for name in _NAMES.values()}
        self.topics = Topics(**own, answers=self.answers_topic, searches=self.readings)
        self._own = tuple(own.values())

    async def open(self) -> None:
        await super().open()
        entries = [
            {"controller_id": c, "name": c.title(), "country": "DE", "contact": f"privacy@{c}.example"}
            for c in ("acme", "beta")
        ]
        (self.directory / "controllers.yaml").write_text(yaml.safe_dump({"controllers": entries}))
        await ensure_topics(self.kafka, self._own, PARTITIONS)

    async def close(self) -> None:
        await super().close()
        await delete_topics(self.kafka, [topic.name for topic in self._own])

    def notifier(self, **more: str) -> dict[str, str]:
        """Its environment."""
        return {
            "LETHE_KAFKA": self.kafka.bootstrap,
            "LETHE_POSTGRES": self.service_dsn,
            "LETHE_HTTP": "127.0.0.1:0",
            "LETHE_AUTH_ISSUER": ISSUER,
            "LETHE_AUTH_PUBLIC_KEY": str(self.directory / "operators.pub"),
            "LETHE_CONTROLLERS": str(self.directory / "controllers.yaml"),
            "LETHE_VAULT_KEYS": str(self.directory / "keys.json"),
            "LETHE_PARTITIONS": str(PARTITIONS),
            **more,
        }

    @asynccontextmanager
    async def running(self, **more: str) -> AsyncIterator[httpx.AsyncClient]:
        """The notifier in this process."""
        with Env(self.notifier(**more)) as env:
            settings = Settings.read(env)
        async with served(bootstrap(settings, self.topics), "people") as client:
            yield client

    async def start_notifier(self, **more: str) -> WorkerProcess:
        """`python -m breach_notifier`; killed at the end at the latest."""
        names = {name: getattr(self.topics, attribute).name for name, attribute in _NAMES.items()}
        names |= {"BREACH_ANSWERS": self.answers_topic.name, "TASKS_EXPORT": self.readings.name}
        inherited = {k: os.environ[k] for k in ("PATH", "PYTHONPATH") if k in os.environ}
        started = await WorkerProcess.start("breach_notifier", names, inherited | self.notifier(**more))
        self._processes.append(started)
        return started

    def auth(self, name: str = "kim", controllers: Sequence[str] = ("acme",)) -> dict[str, str]:
        issuer = LocalIssuer(self.directory / "operators.pem", issuer=ISSUER)
        return {"Authorization": f"Bearer {issuer.issue(name, controllers, SCOPES, timedelta(hours=1))}"}

    async def say(self, topic: Topic, bodies: Iterable[tuple[str, Message]]) -> None:
        await self.put(
            [
                encode(topic.name, key, body, Envelope(uuid5(INCIDENT, f"{key}{n}"), "/test", _now(), INCIDENT, None))
                for n, (key, body) in enumerate(bodies)
            ]
        )

    async def token(self, processor: str, number: int) -> str:
        return subject_token(await self.vault.processor_key(processor), "email", email(number))

    async def observed(
        self, processor: str, people: Iterable[int], kind: SubjectEventKind, at: datetime, *categories: str
    ) -> None:
        """As a product service tells of its people."""
        bodies: list[tuple[str, Message]] = []
        for n in people:
            token = await self.token(processor, n)
            more: dict[str, Any] = {"subject_token": token, "kind": kind, "categories": categories, "at": at}
            bodies.append((token, SubjectObserved(processor_id=processor, controller_id="acme", **more)))
        await self.say(self.topics.subjects, bodies)

    async def erased(self, number: int, at: datetime, *processors: str, found: bool = True) -> None:
        """As the orchestrator tells of the end of a person's erasure; the identifiers are sealed before."""
        dsr = UUID(int=number)
        absent = tuple(Absent(processor_id=p, at=at, erased=found) for p in processors)
        body = DsrStatus(
            dsr_id=dsr,
            controller_id="acme",
            version=9,
            state=SagaState.CLOSED,
            at=at,
            due_strict=at,
            due_legal=at,
            result=Result.GRANTED,
            absent=absent,
        )
        await self.say(self.topics.requests, [(str(dsr), body)])

    async def open_case(self) -> None:
        await self.say(self.topics.reports, [(str(INCIDENT), a_report(breach_id=INCIDENT))])

    async def act(
        self, client: httpx.AsyncClient, act: str, body: object = None, *, name: str = "kim", status: int | None = None
    ) -> dict[str, Any]:
        answer = await client.post(f"/v1/breaches/{CASE}/{act}", json=body, headers=self.auth(name))
        assert answer.status_code == status if status else answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def see(self, client: httpx.AsyncClient, what: str = "") -> dict[str, Any]:
        answer = await client.get(f"/v1/breaches/{CASE}{what}", headers=self.auth())
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def until_open(self, client: httpx.AsyncClient) -> None:
        async def there() -> bool:
            answer = await client.get(f"/v1/breaches/{CASE}", headers=self.auth())
            return answer.status_code == 200

        await eventually(there, 30)

    async def decided(self, client: httpx.AsyncClient) -> None:
        """Aware, and that people are to be told."""
        await self.until_open(client)
        await self.act(client, "aware", {"aware_at": _now().isoformat(), "reason": "the dump is real"})
        await self.act(client, "facts", {"facts": FACTS})
        told = {"notify_authority": True, "notify_subjects": True, "reasons": "weighed", "authorities": ["DE-BE"]}
        await self.act(client, "decision", told)

    async def exempt(self, client: httpx.AsyncClient, exemption: Exemption) -> None:
        evidence = [{"proof": p.proof, "reference": p.reference, "sha256": p.sha256} for p in proof_of(exemption)]
        await self.act(client, "exemption", {"exemption": exemption, "evidence": evidence})
        await self.act(client, "exemption/confirm", name="robin")

    async def scoped(
        self, client: httpx.AsyncClient, window: tuple[datetime, datetime], processors: Mapping[str, object]
    ) -> dict[str, Any]:
        """Say what was reached and wait until people are counted; gives the scope as it is shown."""
        body = {"start": window[0].isoformat(), "end": window[1].isoformat(), "processors": processors}
        number = (await self.act(client, "scope", body))["number"]
        found: dict[str, Any] = {}

        async def counted() -> bool:
            scopes = (await self.see(client, "/affected"))["scopes"]
            found.update(scopes[number - 1])
            return found["counted_at"] is not None

        await eventually(counted, 40)
        return found

    async def notifier_rows(self, sql: str, *arguments: object) -> list[Any]:
        """As a superuser, in the notifier's schema."""
        await self.admin.execute("SET search_path TO breach_notifier")
        rows = list(await self.admin.fetch(sql, *arguments))
        await self.admin.execute("RESET search_path")
        return rows


def _now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def people_ground(dsn: str, bootstrap_: str, unique: str, directory: Path) -> AsyncIterator[PeopleGround]:
    ground = PeopleGround(dsn, bootstrap_, unique, directory)
    await ground.open()
    try:
        yield ground
    finally:
        await ground.close()

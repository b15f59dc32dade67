"""Ground for tests of the orchestrator: topics and database of its own, the service, processors that answer."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import yaml
from prometheus_client import CollectorRegistry

from lethe_chassis import Env, LocalIssuer
from lethe_events import Envelope, SubjectObserved, TaskRequested, decode, encode
from lethe_events.ids import message_id, uuid7
from lethe_events.topics import Topic
from lethe_events.words import Right, SubjectEventKind, Verb
from lethe_messaging import Bus, KafkaSettings, delete_topics, ensure_topics, migrate_messaging, read_all
from lethe_postgres import Database
from lethe_testkit.roles import Roles
from lethe_testkit.sagas import acknowledgement, dsr
from lethe_testkit.serving import served
from lethe_testkit.tasks import entry
from lethe_vault import FileKeys, Identifiers, Sealing, Vault
from orchestrator.adapters.packing import content_of
from orchestrator.application.topics import Topics
from orchestrator.bootstrap import bootstrap
from orchestrator.domain.rules import ProcessorRules
from orchestrator.domain.saga import Task
from orchestrator.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path
    from uuid import UUID

    import asyncpg
    import httpx

    from lethe_events import Received, Record
    from lethe_messaging import Message, Work

    Answer = Callable[[TaskRequested], "Sequence[tuple[str, dict[str, Any]]]"]

PARTITIONS = 4
ISSUER = "https://issuer.test.example"
SCOPES = ("saga:read", "saga:act", "register:read", "register:write", "messaging:read", "messaging:act")


def well(task: TaskRequested) -> Sequence[tuple[str, dict[str, Any]]]:
    """What a processor that does as it should answers."""
    return [("nothing_found" if task.verb is Verb.VERIFY else "done", {})]


class OrchestratorGround:
    """Everything that one test owns. `answer` is how its processors behave; it may be exchanged at any time."""

    def __init__(self, dsn: str, bootstrap_: str, unique: str, directory: Path) -> None:
        self.dsn = dsn
        self.kafka = KafkaSettings(bootstrap_)
        self.role = f"orch_{unique}"
        self._roles = Roles(dsn, self.role)
        self.directory = directory
        prefix = f"test.{unique}."
        names = ("requests", "acks", "erasure", "export", "status", "audit", "subject_events", "letters")
        named = {name: Topic(prefix + name, "dsr_id", 3_600_000, ()) for name in names}
        self.topics = Topics(**named, prefix=prefix)
        self.answer: Answer = well
        self.asked: list[TaskRequested] = []
        self.admin: asyncpg.Connection[asyncpg.Record]
        self.vault: Vault
        self._other: Database
        self.bus: Bus

    @property
    def _shared(self) -> tuple[Topic, ...]:
        t = self.topics
        return t.requests, t.acks, t.erasure, t.export, t.status, t.audit, t.subject_events, t.letters

    async def open(self) -> None:
        self.admin = await self._roles.open()
        FileKeys.create(self.directory / "keys.json")
        LocalIssuer.create(self.directory / "issuer.pem", self.directory / "issuer.pub")
        LocalIssuer.create(self.directory / "signing.pem", self.directory / "signing.pub")
        (self.directory / "register").mkdir()
        self._other = await Database.connect(self.service_dsn, schema="other", application_name="other")
        self.vault = Vault(self._other, FileKeys(self.directory / "keys.json"), redeemer="test")
        await migrate_messaging(self._other)
        await ensure_topics(self.kafka, self._shared, PARTITIONS)
        self.bus = Bus(self._other, self.kafka, service="other", registry=CollectorRegistry())
        await self.bus.start()

    async def close(self) -> None:
        await self.bus.stop()
        await self._other.close()
        own = [self.topics.of_processor(p.stem).name for p in (self.directory / "register").glob("*.yaml")]
        await delete_topics(self.kafka, [t.name for t in self._shared] + own)
        await self._roles.close()

    @property
    def other(self) -> Database:
        """The database of those who answer."""
        return self._other

    @property
    def service_dsn(self) -> str:
        """As the service logs in."""
        return self._roles.dsn()

    def register(self, name: str, **changes: Any) -> None:
        """(Re)write a processor's entry: reached over HTTP unless changed."""
        http = {"kind": "http", "base_url": f"https://{name}.example", "auth": {"scheme": "none"}}
        text = yaml.safe_dump({**entry(name), "connector": http, **changes})
        (self.directory / "register" / f"{name}.yaml").write_text(text)

    def environment(self, **more: str) -> dict[str, str]:
        d = self.directory
        return {
            "LETHE_KAFKA": self.kafka.bootstrap,
            "LETHE_POSTGRES": self.service_dsn,
            "LETHE_HTTP": "127.0.0.1:0",
            "LETHE_AUTH_ISSUER": ISSUER,
            "LETHE_AUTH_PUBLIC_KEY": str(d / "issuer.pub"),
            "LETHE_VAULT_KEYS": str(d / "keys.json"),
            "LETHE_REGISTER": str(d / "register"),
            "LETHE_SIGNING_KEY": str(d / "signing.pem"),
            "LETHE_PARTITIONS": str(PARTITIONS),
            "LETHE_SEAL_EVERY": "200ms",
            **more,
        }

    @asynccontextmanager
    async def running(self, **more: str) -> AsyncIterator[httpx.AsyncClient]:
        """The service in this process, without a socket of its own. May be run twice at once, as two instances."""
        with Env(self.environment(**more)) as env:
            settings = Settings.read(env)
        async with served(bootstrap(settings, self.topics), "orchestrator") as client:
            yield client

    @asynccontextmanager
    async def processors(self, *native: str) -> AsyncIterator[None]:
        """Processors that take tasks and answer as `answer` says, for as long as this is open."""
        topics = [self.topics.erasure, self.topics.export, *(self.topics.of_processor(p) for p in native)]
        await ensure_topics(self.kafka, topics, PARTITIONS)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.bus.consume(dict.fromkeys(topics, self._take)))
            try:
                yield
            finally:
                task.cancel()

    async def _take(self, work: Work, messages: Sequence[Message]) -> None:
        for message in messages:
            task = message.received.body
            assert isinstance(task, TaskRequested)
            self.asked.append(task)
            work.send([self.ack(task, outcome, **more) for outcome, more in self.answer(task)])

    def ack(self, task: TaskRequested, outcome: str, **more: Any) -> Record:
        """An acknowledgement as a processor would send it; the same answer has the same message id."""
        known = Task(task.task_id, task.processor_id, task.verb, task.round, (), ProcessorRules(task.processor_id, ""))
        fields = {"attempt": task.attempt, "controller_id": task.controller_id, **more}
        body = acknowledgement(known, outcome, datetime.now(UTC), dsr_id=task.dsr_id, **fields)
        id_ = message_id(task.task_id, fields["attempt"], list(_OUTCOMES).index(outcome) + 1)
        envelope = Envelope(id_, "/test", body.at, task.dsr_id, None)
        return encode(self.topics.acks.name, str(task.dsr_id), body, envelope)

    async def receive(self, count: int = 1, right: Right = Right.ERASURE, **more: Any) -> list[UUID]:
        """As intake: seal identifiers and publish DSRs. `received_at` is now unless given."""
        now = datetime.now(UTC)
        ids = [uuid7(now, os.urandom(10)) for _ in range(count)]
        more.setdefault("received_at", now)
        bodies = [dsr(right, dsr_id=i, **more) for i in ids]
        async with self.bus.work() as work:
            await self.vault.seal(
                work.tx,
                [
                    Sealing(b.dsr_id, b.subject_ref, b.controller_id, Identifiers({"email": (f"p{n}@people.example",)}))
                    for n, b in enumerate(bodies)
                ],
            )
            work.send(
                encode(self.topics.requests.name, str(b.dsr_id), b, Envelope(b.dsr_id, "/test", now, b.dsr_id, None))
                for b in bodies
            )
        return ids

    def observed(self, processor_id: str, token: str, kind: str, at: datetime | None = None) -> Record:
        """What a product service saw of a person; now unless given."""
        at = at or datetime.now(UTC)
        body = SubjectObserved(
            processor_id=processor_id,
            controller_id="acme",
            subject_token=token,
            kind=SubjectEventKind(kind),
            at=at,
        )
        id_ = uuid7(at, os.urandom(10))
        return encode(self.topics.subject_events.name, token, body, Envelope(id_, "/test", at, id_, None))

    async def send(self, records: Sequence[Record]) -> None:
        async with self.bus.work() as work:
            work.send(records)

    async def said(self, topic: Topic) -> list[Received]:
        """Every message of a topic so far."""
        return [decode(r.headers, r.value) for r in await read_all(self.kafka, topic.name)]

    def auth(
        self, subject: str = "kim", controllers: Sequence[str] = ("acme",), scopes: Sequence[str] = SCOPES
    ) -> dict[str, str]:
        """Headers of a caller."""
        issuer = LocalIssuer(self.directory / "issuer.pem", issuer=ISSUER)
        token = issuer.issue(subject, list(controllers), list(scopes), timedelta(hours=1))
        return {"Authorization": f"Bearer {token}"}

    async def fetch(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        """Look into the service's schema."""
        async with self.admin.transaction():
            await self.admin.execute("SET LOCAL search_path = orchestrator")
            return await self.admin.fetch(sql, *arguments)

    async def links(self) -> list[dict[str, Any]]:
        """The contents of all chains."""
        return [json.loads(content_of(row)) for row in await self.fetch("SELECT content, packed FROM audit_event")]


_OUTCOMES = ("done", "nothing_found", "retained", "accepted", "residual", "transient", "permanent", "needs_person")


@asynccontextmanager
async def orchestrator_ground(dsn: str, kafka: str, unique: str, directory: Path) -> AsyncIterator[OrchestratorGround]:
    ground = OrchestratorGround(dsn, kafka, unique, directory)
    await ground.open()
    try:
        yield ground
    finally:
        await ground.close()

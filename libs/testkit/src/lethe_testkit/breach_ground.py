"""Ground for tests of the breach notifier: topics and database of its own, the service, what others send it."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import yaml
from prometheus_client import CollectorRegistry

from breach_notifier.application.topics import Topics
from breach_notifier.bootstrap import bootstrap
from breach_notifier.settings import Settings
from lethe_chassis import Env, LocalIssuer
from lethe_events import BreachReported, Envelope, SecuritySignal, decode, encode
from lethe_events.ids import uuid7
from lethe_events.topics import Topic
from lethe_events.words import Reporter
from lethe_messaging import Bus, KafkaSettings, delete_topics, ensure_topics, migrate_messaging, read_all
from lethe_postgres import Database
from lethe_testkit.processes import WorkerProcess
from lethe_testkit.roles import Roles
from lethe_testkit.serving import served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path
    from uuid import UUID

    import asyncpg
    import httpx

    from lethe_events import Message, Received

PARTITIONS = 4
ISSUER = "https://issuer.test.example"
SCOPES = ("breach:read", "breach:act", "messaging:read", "messaging:act")


def new_id() -> UUID:
    return uuid7(datetime.now(UTC), os.urandom(10))


def a_signal(rule: str = "export.mass", **more: Any) -> SecuritySignal:
    """Something seen just now; an actor is a token."""
    values: dict[str, Any] = {
        "signal_id": new_id(),
        "controller_id": "acme",
        "source": "siem",
        "asset": "shop/orders",
        "at": datetime.now(UTC),
    }
    return SecuritySignal(rule=rule, **(values | more))


def a_report(reporter: Reporter = Reporter.PERSON, **more: Any) -> BreachReported:
    values: dict[str, Any] = {
        "breach_id": new_id(),
        "controllers": ("acme",),
        "accepted_at": datetime.now(UTC),
        "country": "DE",
        "assets": ("shop/orders",),
    }
    return BreachReported(reporter=reporter, **(values | more))


class BreachGround:
    """Everything that one test owns."""

    def __init__(self, dsn: str, bootstrap_: str, unique: str, directory: Path) -> None:
        self.dsn = dsn
        self.kafka = KafkaSettings(bootstrap_)
        self.role = f"breach_{unique}"
        self._roles = Roles(dsn, self.role, vault=False)
        self.directory = directory
        named = {n: Topic(f"test.{unique}.{n}", n, 3_600_000, ()) for n in ("reports", "signals", "status")}
        self.topics = Topics(**named)
        self.admin: asyncpg.Connection[asyncpg.Record]
        self._other: Database
        self._bus: Bus

    async def open(self) -> None:
        self.admin = await self._roles.open()
        LocalIssuer.create(self.directory / "issuer.pem", self.directory / "issuer.pub")
        entries = [
            {"controller_id": c, "name": c, "country": "DE", "contact": f"privacy@{c}.example"}
            for c in ("acme", "beta")
        ]
        (self.directory / "controllers.yaml").write_text(yaml.safe_dump({"controllers": entries}))
        self.policy()
        self._other = await Database.connect(self._service_dsn, schema="other", min_size=1, application_name="other")
        await migrate_messaging(self._other)
        await ensure_topics(self.kafka, self.topics.every, PARTITIONS)
        self._bus = Bus(self._other, self.kafka, service="other", registry=CollectorRegistry())
        await self._bus.start()

    async def close(self) -> None:
        await self._bus.stop()
        await self._other.close()
        await delete_topics(self.kafka, [t.name for t in self.topics.every])
        await self._roles.close()

    def policy(self, **changes: Any) -> None:
        """(Re)write the policy: what the notice of acme always says, and whatever a test adds."""
        stated = {12: "Acme GmbH", 13: "Hauptstr. 1, Berlin", 21: "Privacy team", 22: "privacy@acme.example", 23: "b"}
        acme = {"authority": "DE-BE", "cross_border": False, "other_laws": ["NIS2"], "notice": stated}
        text = yaml.safe_dump({"controllers": {"acme": acme}, **changes})
        (self.directory / "breaches.yaml").write_text(text)

    @property
    def _service_dsn(self) -> str:
        return self._roles.dsn()

    def environment(self, **more: str) -> dict[str, str]:
        d = self.directory
        return {
            "LETHE_KAFKA": self.kafka.bootstrap,
            "LETHE_POSTGRES": self._service_dsn,
            "LETHE_HTTP": "127.0.0.1:0",
            "LETHE_AUTH_ISSUER": ISSUER,
            "LETHE_AUTH_PUBLIC_KEY": str(d / "issuer.pub"),
            "LETHE_CONTROLLERS": str(d / "controllers.yaml"),
            "LETHE_BREACH_POLICY": str(d / "breaches.yaml"),
            "LETHE_PARTITIONS": str(PARTITIONS),
            **more,
        }

    @asynccontextmanager
    async def running(self, **more: str) -> AsyncIterator[httpx.AsyncClient]:
        """The service in this process, without a socket of its own. May be run twice at once, as two instances."""
        with Env(self.environment(**more)) as env:
            settings = Settings.read(env)
        async with served(bootstrap(settings, self.topics), "breach") as client:
            yield client

    async def start(self, **more: str) -> WorkerProcess:
        """`python -m breach_notifier`; returns at once. Whoever starts it kills it."""
        names = ("BREACH_REPORTS", "BREACH_SIGNALS", "BREACH_STATUS")
        topics = dict(zip(names, (topic.name for topic in self.topics.every), strict=True))
        inherited = {k: os.environ[k] for k in ("PATH", "PYTHONPATH") if k in os.environ}
        return await WorkerProcess.start("breach_notifier", topics, inherited | self.environment(**more))

    async def send(self, bodies: Sequence[Message]) -> None:
        """As intake and product services do."""
        async with self._bus.work() as work:
            for body in bodies:
                if isinstance(body, SecuritySignal):
                    topic, key, id_ = self.topics.signals.name, body.asset, body.signal_id
                else:
                    assert isinstance(body, BreachReported)
                    topic, key, id_ = self.topics.reports.name, str(body.breach_id), body.breach_id
                work.send([encode(topic, key, body, Envelope(id_, "/test", datetime.now(UTC), id_, None))])

    def auth(
        self, name: str = "kim", controllers: Sequence[str] = ("acme",), scopes: Sequence[str] = SCOPES
    ) -> dict[str, str]:
        issuer = LocalIssuer(self.directory / "issuer.pem", issuer=ISSUER)
        return {"Authorization": f"Bearer {issuer.issue(name, controllers, scopes, timedelta(hours=1))}"}

    async def fetch(self, sql: str, *args: object) -> list[Any]:
        """As a superuser, in the service's schema."""
        await self.admin.execute("SET search_path TO breach_notifier")
        return list(await self.admin.fetch(sql, *args))

    async def said(self, topic: Topic) -> list[Received]:
        return [decode(r.headers, r.value) for r in await read_all(self.kafka, topic.name)]


@asynccontextmanager
async def breach_ground(dsn: str, bootstrap_: str, unique: str, directory: Path) -> AsyncIterator[BreachGround]:
    ground = BreachGround(dsn, bootstrap_, unique, directory)
    await ground.open()
    try:
        yield ground
    finally:
        await ground.close()

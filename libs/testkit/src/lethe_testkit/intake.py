"""Ground for tests of intake: database, topics, role and keys of the test's own; intake in this process or not."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import yaml
from prometheus_client import CollectorRegistry

from intake.bootstrap import Topics, bootstrap
from intake.settings import Settings
from lethe_chassis import Env, LocalIssuer
from lethe_events import DsrStatus, Envelope, decode, encode
from lethe_events.ids import message_id
from lethe_events.topics import Topic
from lethe_messaging import Bus, KafkaSettings, delete_topics, ensure_topics, migrate_messaging, read_all
from lethe_postgres import Database
from lethe_testkit.processes import WorkerProcess
from lethe_testkit.roles import Roles
from lethe_testkit.serving import served
from lethe_vault import FileKeys, Vault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    import asyncpg
    import httpx

    from lethe_events import LetterRequested, Received

PARTITIONS = 4
ISSUER = "https://issuer.test.example"
SCOPES = ("dsr:write", "dsr:read", "package:read")
NOW = datetime(2026, 11, 23, 9, 15, tzinfo=UTC)
CONTROLLERS = ("acme", "beta")


class IntakeGround:
    """Everything that one test owns. `vault` and `admin` see what intake stored."""

    def __init__(self, dsn: str, bootstrap_: str, unique: str, directory: Path) -> None:
        self.dsn = dsn
        self.kafka = KafkaSettings(bootstrap_)
        self.role = f"intake_{unique}"
        self._roles = Roles(dsn, self.role)
        self.directory = directory
        self.topics = Topics(
            Topic(f"test.{unique}.requests", "dsr_id", 3_600_000, ()),
            Topic(f"test.{unique}.status", "dsr_id", 3_600_000, ()),
            Topic(f"test.{unique}.breach_reports", "breach_id", 3_600_000, ()),
            Topic(f"test.{unique}.breach_signals", "asset", 3_600_000, ()),
            Topic(f"test.{unique}.letters", "dsr_id", 3_600_000, ()),
        )
        self.admin: asyncpg.Connection[asyncpg.Record]
        self.vault: Vault
        self._told = 0
        self._other: Database
        self._bus: Bus
        self._processes: list[WorkerProcess] = []

    async def open(self) -> None:
        self.admin = await self._roles.open()
        FileKeys.create(self.directory / "keys.json")
        LocalIssuer.create(self.directory / "issuer.pem", self.directory / "issuer.pub")
        entries = [
            {"controller_id": c, "name": c, "country": "DE", "contact": f"privacy@{c}.example"} for c in CONTROLLERS
        ]
        (self.directory / "controllers.yaml").write_text(yaml.safe_dump({"controllers": entries}))
        self._other = await Database.connect(self._service_dsn(), schema="other", min_size=1, application_name="other")
        self.vault = Vault(self._other, FileKeys(self.directory / "keys.json"), redeemer="test")
        await migrate_messaging(self._other)
        await ensure_topics(self.kafka, self.topics.every, PARTITIONS)
        self._bus = Bus(self._other, self.kafka, service="other", registry=CollectorRegistry())
        await self._bus.start()

    async def close(self) -> None:
        for process in self._processes:
            await process.kill()
        await self._bus.stop()
        await self._other.close()
        await delete_topics(self.kafka, [topic.name for topic in self.topics.every])
        await self._roles.close()

    def environment(self, **more: str) -> dict[str, str]:
        return {
            "LETHE_KAFKA": self.kafka.bootstrap,
            "LETHE_POSTGRES": self._service_dsn(),
            "LETHE_HTTP": "127.0.0.1:0",
            "LETHE_AUTH_ISSUER": ISSUER,
            "LETHE_AUTH_PUBLIC_KEY": str(self.directory / "issuer.pub"),
            "LETHE_VAULT_KEYS": str(self.directory / "keys.json"),
            "LETHE_CONTROLLERS": str(self.directory / "controllers.yaml"),
            "LETHE_PARTITIONS": str(PARTITIONS),
            **more,
        }

    @asynccontextmanager
    async def running(self, **more: str) -> AsyncIterator[httpx.AsyncClient]:
        """Intake in this process, without a socket of its own. May be run twice at once, as two instances."""
        with Env(self.environment(**more)) as env:
            settings = Settings.read(env)
        async with served(bootstrap(settings, self.topics), "intake") as client:
            yield client

    async def start(self, **more: str) -> WorkerProcess:
        """`python -m intake`; returns at once."""
        names = ("REQUESTS", "STATUS", "BREACH_REPORTS", "BREACH_SIGNALS", "LETTERS")
        topics = dict(zip(names, (topic.name for topic in self.topics.every), strict=True))
        inherited = {k: os.environ[k] for k in ("PATH", "PYTHONPATH") if k in os.environ}
        process = await WorkerProcess.start("intake", topics, inherited | self.environment(**more))
        self._processes.append(process)
        return process

    def token(
        self, controllers: str | Sequence[str] = "acme", scopes: Sequence[str] = SCOPES, *, processor: str | None = None
    ) -> dict[str, str]:
        """The header of a caller."""
        issuer = LocalIssuer(self.directory / "issuer.pem", issuer=ISSUER)
        token = issuer.issue("site", controllers, scopes, timedelta(hours=1), processor_id=processor)
        return {"Authorization": f"Bearer {token}"}

    async def tell(self, *statuses: DsrStatus) -> None:
        """Put statuses on the topic, in this order per DSR. They leave some time after this returns."""
        self._told += len(statuses)
        async with self._bus.work() as work:
            work.send(
                encode(
                    self.topics.status.name,
                    str(s.dsr_id),
                    s,
                    Envelope(s.dsr_id, "/test", NOW, s.dsr_id, None),
                )
                for s in statuses
            )

    async def ask(self, *letters: LetterRequested) -> None:
        """Put letters that are to be written on the topic, as the orchestrator does."""
        async with self._bus.work() as work:
            work.send(
                encode(
                    self.topics.letters.name,
                    str(letter.dsr_id),
                    letter,
                    Envelope(message_id(letter.letter_id, 0, 0), "/test", NOW, letter.dsr_id, None),
                )
                for letter in letters
            )

    async def all_statuses_seen(self) -> bool:
        """Whether intake has moved past everything that it was told."""
        there = len(await read_all(self.kafka, self.topics.status.name))
        seen = await self.admin.fetchval("SELECT sum(next_offset) FROM intake.consumer_offset")
        return bool(there >= self._told and seen == there)

    async def requests(self) -> list[Received]:
        """Every message on the topic of requests."""
        records = await read_all(self.kafka, self.topics.requests.name)
        return [decode(r.headers, r.value) for r in records]

    async def raw_records(self) -> list[bytes]:
        records: list[Any] = await read_all(self.kafka, self.topics.requests.name)
        return [r.key + r.value + repr(r.headers).encode() for r in records]

    async def counts(self) -> dict[str, int]:
        """What is committed: DSRs, sealed identifiers, messages published or waiting."""
        dsrs = await self.admin.fetchval("SELECT count(*) FROM intake.dsr")
        sealed = await self.admin.fetchval("SELECT count(*) FROM vault.sealed")
        return {"dsr": dsrs, "sealed": sealed}

    def _service_dsn(self) -> str:
        return self._roles.dsn()


@asynccontextmanager
async def intake_ground(dsn: str, bootstrap_: str, unique: str, directory: Path) -> AsyncIterator[IntakeGround]:
    ground = IntakeGround(dsn, bootstrap_, unique, directory)
    await ground.open()
    try:
        yield ground
    finally:
        await ground.close()

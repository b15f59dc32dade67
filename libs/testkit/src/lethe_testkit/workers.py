"""Ground for tests of workers: vault, topics, a register, small databases as processors, and workers as processes."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid5

import yaml
from prometheus_client import CollectorRegistry

from lethe_chassis import LocalIssuer
from lethe_events import Envelope, TaskAcknowledged, decode, encode
from lethe_events.topics import Topic
from lethe_events.words import Verb
from lethe_messaging import Bus, KafkaSettings, delete_topics, ensure_topics, migrate_messaging, read_all
from lethe_postgres import Database
from lethe_testkit.ground import eventually
from lethe_testkit.processes import WorkerProcess
from lethe_testkit.roles import Roles
from lethe_testkit.tasks import NOW, email, entry, person
from lethe_vault import FileKeys, Identifiers, Sealing, Vault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    import asyncpg

    from lethe_events import Record, TaskRequested

ISSUER = "https://issuer.test.example"
PARTITIONS = 4
_HOLDS = """
CREATE SCHEMA {s};
CREATE TABLE {s}.customers (id integer PRIMARY KEY, email text NOT NULL, name text NOT NULL);
CREATE TABLE {s}.orders (id integer PRIMARY KEY, customer_id integer NOT NULL REFERENCES {s}.customers, item text);
CREATE INDEX ON {s}.orders (customer_id);
CREATE INDEX ON {s}.customers (email);
GRANT USAGE ON SCHEMA {s} TO {r}_read, {r}_write;
GRANT SELECT ON ALL TABLES IN SCHEMA {s} TO {r}_read, {r}_write;
GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {s} TO {r}_write;
"""


class WorkerGround:
    """One test's engines, processors and people. Processes that it started are killed at the end."""

    def __init__(self, dsn: str, bootstrap: str, unique: str, directory: Path) -> None:
        self.dsn = dsn
        self.kafka = KafkaSettings(bootstrap)
        self.role = f"worker_{unique}"
        self._roles = Roles(dsn, self.role, more=(f"{self.role}_read", f"{self.role}_write"))
        self.directory = directory
        self.changes = Topic(f"test.{unique}.changes", "dsr_id", 3_600_000, ())
        self.readings = Topic(f"test.{unique}.readings", "dsr_id", 3_600_000, ())
        self.acks_topic = Topic(f"test.{unique}.acks", "dsr_id", 3_600_000, ())
        self.answers_topic = Topic(f"test.{unique}.answers", "case_id", 3_600_000, ())
        self.environment: dict[str, str] = {}
        self.admin: asyncpg.Connection[asyncpg.Record]
        self.database: Database
        self.vault: Vault
        self._bus: Bus
        self._processes: list[WorkerProcess] = []

    @property
    def _topics(self) -> tuple[Topic, ...]:
        return self.changes, self.readings, self.acks_topic, self.answers_topic

    @property
    def service_dsn(self) -> str:
        """As the service logs in."""
        return self._roles.dsn()

    async def open(self) -> None:
        self.admin = await self._roles.open()
        FileKeys.create(self.directory / "keys.json")
        LocalIssuer.create(self.directory / "operators.pem", self.directory / "operators.pub")
        (self.directory / "register" / "datasets").mkdir(parents=True)
        self.database = await Database.connect(self.service_dsn, schema="tester", application_name="tester")
        self.vault = Vault(self.database, FileKeys(self.directory / "keys.json"), redeemer="tester")
        await migrate_messaging(self.database)
        await ensure_topics(self.kafka, self._topics, PARTITIONS)
        self._bus = Bus(self.database, self.kafka, service="tester", registry=CollectorRegistry())
        await self._bus.start()

    async def close(self) -> None:
        for process in self._processes:
            await process.kill()
        await self._bus.stop()
        await self.database.close()
        await delete_topics(self.kafka, [topic.name for topic in self._topics])
        await self._roles.close()

    async def processor(self, name: str, people: Sequence[int], **changes: object) -> None:
        """A small database with these people, two orders each, and its entry in the register."""
        await self.admin.execute(_HOLDS.format(s=name, r=self.role))
        await self.admin.execute(
            f"INSERT INTO {name}.customers SELECT n, 'person' || n || '@people.example', 'Name ' || n"
            f" FROM unnest($1::int[]) AS n",
            list(people),
        )
        await self.admin.execute(
            f"INSERT INTO {name}.orders SELECT n * 10 + i, n, '=item ' || i"
            f" FROM unnest($1::int[]) AS n, generate_series(1, 2) AS i",
            list(people),
        )
        await self.admin.execute(f"ANALYZE {name}.customers, {name}.orders")
        self.register(name, **changes)

    def register(self, name: str, **changes: object) -> None:
        """(Re)write a processor's entry: an SQL one of the shape that `processor` makes, unless changed."""
        upper = name.upper()
        sql = {
            "kind": "sql",
            "dataset": f"datasets/{name}.yaml",
            "read": f"env:{upper}_READ",
            "write": f"env:{upper}_WRITE",
            "key": "env:PSEUDONYM_KEY",
        }
        self.environment |= {
            f"{upper}_READ": self.dsn_of("read"),
            f"{upper}_WRITE": self.dsn_of("write"),
            "PSEUDONYM_KEY": "k" * 32,
        }
        register = self.directory / "register"
        (register / "datasets" / f"{name}.yaml").write_text(yaml.safe_dump(_dataset(name)))
        (register / f"{name}.yaml").write_text(yaml.safe_dump({**entry(name), "connector": sql, **changes}))

    async def seal(self, numbers: Sequence[int]) -> None:
        """Put people's identifiers into the vault."""
        sealings = [
            Sealing(person(n), person(n), "acme", Identifiers({"email": (email(n),)}), note=None) for n in numbers
        ]
        async with self.database.transaction() as tx:
            await self.vault.seal(tx, sealings)

    async def ask(self, tasks: Sequence[TaskRequested]) -> None:
        """Put tasks on the topic of whoever changes, or of whoever reads."""
        await self.put(self.records(tasks))

    def records(self, tasks: Sequence[TaskRequested]) -> list[Record]:
        """Tasks as messages."""
        return [
            encode(
                (self.changes if t.verb is Verb.ERASE else self.readings).name,
                str(t.dsr_id),
                t,
                Envelope(uuid5(t.task_id, "ask"), "/test", NOW, t.dsr_id, None),
            )
            for t in tasks
        ]

    async def put(self, records: Sequence[Record]) -> None:
        async with self._bus.work() as work:
            work.send(records)

    async def acks(self) -> list[TaskAcknowledged]:
        records = await read_all(self.kafka, self.acks_topic.name)
        bodies = [decode(r.headers, r.value).body for r in records]
        assert all(isinstance(body, TaskAcknowledged) for body in bodies)
        return [body for body in bodies if isinstance(body, TaskAcknowledged)]

    async def expect_acks(self, count: int, seconds: float = 30, *, tasks: bool = False) -> list[TaskAcknowledged]:
        """Wait for at least so many acks, or for acks of so many different tasks: a killed worker's come twice."""
        found: list[TaskAcknowledged] = []

        async def enough() -> bool:
            found[:] = await self.acks()
            return len({a.task_id for a in found} if tasks else found) >= count

        try:
            await eventually(enough, seconds)
        except AssertionError as error:
            logged = "".join(line for process in self._processes for line in process.raw[-20:])
            raise AssertionError(f"{len(found)} acks within {seconds} s; the workers say:\n{logged}") from error
        return found

    async def start(self, service: str, **environment: str) -> WorkerProcess:
        """`python -m <service>` with everything of this test; returns at once."""
        topics = {
            "TASKS_ERASURE": self.changes.name,
            "TASKS_EXPORT": self.readings.name,
            "ACKS": self.acks_topic.name,
            "BREACH_ANSWERS": self.answers_topic.name,
        }
        started = await WorkerProcess.start(
            service,
            topics,
            {
                "PATH": os.environ["PATH"],
                "LETHE_KAFKA": self.kafka.bootstrap,
                "LETHE_POSTGRES": self.service_dsn,
                "LETHE_HTTP": "127.0.0.1:0",
                "LETHE_AUTH_ISSUER": ISSUER,
                "LETHE_AUTH_PUBLIC_KEY": str(self.directory / "operators.pub"),
                "LETHE_VAULT_KEYS": str(self.directory / "keys.json"),
                "LETHE_REGISTER": str(self.directory / "register"),
                "LETHE_PARTITIONS": str(PARTITIONS),
                **self.environment,
                **environment,
            },
        )
        self._processes.append(started)
        return started

    def logged(self) -> str:
        """Everything that processes of this test said so far."""
        return "".join(line for process in self._processes for line in process.raw)

    def operator(self, subject: str, *scopes: str) -> dict[str, str]:
        """The header of a person who looks after a worker's messaging."""
        issuer = LocalIssuer(self.directory / "operators.pem", issuer=ISSUER)
        return {"Authorization": f"Bearer {issuer.issue(subject, ['acme'], list(scopes), timedelta(hours=1))}"}

    def dsn_of(self, side: str) -> str:
        """As the processors are reached: side `read` or `write`."""
        return self._roles.dsn(f"{self.role}_{side}")

    async def left(self, name: str) -> dict[str, int]:
        """Rows that a processor still holds, by table."""
        return {
            table: await self.admin.fetchval(f"SELECT count(*) FROM {name}.{table}")
            for table in ("customers", "orders")
        }


@asynccontextmanager
async def worker_ground(dsn: str, bootstrap: str, unique: str, directory: Path) -> AsyncIterator[WorkerGround]:
    ground = WorkerGround(dsn, bootstrap, unique, directory)
    await ground.open()
    try:
        yield ground
    finally:
        await ground.close()


def _dataset(name: str) -> dict[str, object]:
    customers = {
        "name": "customers",
        "lethe": {"erase": "delete"},
        "fields": [
            {"name": "id", "data_categories": ["user.unique_id"], "fides_meta": {"primary_key": True}},
            {"name": "email", "data_categories": ["user.contact.email"], "fides_meta": {"identity": "email"}},
            {"name": "name", "data_categories": ["user.name"]},
        ],
    }
    reference = {"dataset": name, "field": "customers.id", "direction": "from"}
    orders = {
        "name": "orders",
        "lethe": {"erase": "delete"},
        "fields": [
            {"name": "id", "fides_meta": {"primary_key": True}},
            {"name": "customer_id", "fides_meta": {"references": [reference]}},
            {"name": "item", "data_categories": ["user.behavior.purchase_history"]},
        ],
    }
    described = {
        "fides_key": name,
        "name": name,
        "description": "A small processor of a test",
        "fides_meta": {"namespace": {"schema": name}},
        "collections": [customers, orders],
    }
    return {"dataset": [described]}

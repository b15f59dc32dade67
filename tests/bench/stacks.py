"""A stack for each workload: its register, its processors, nothing else."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

from lethe_local.processes.ports import HOST, free_ports
from lethe_testkit.stack import Stack

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "examples"
PARTITIONS = "2"
_REGISTER = """\
processor: {name}
name: Bench processor {name}
owner: {{name: Bench, contact: bench@acme.example}}
controllers: [acme]
role: own_system
purposes: [{{use: essential.service, lawful_basis: contract}}]
data_categories: [user.contact.email]
data_subjects: [customer]
transfer: none
dpa: {{status: not_needed}}
identities: [email, customer_id]
capabilities: {{verbs: {verbs}}}
verification: {verification}
connector: {{kind: kafka}}
"""
_EXCEPTED = "{excepted: {ground: cannot_be_reread, article: GDPR Art. 5(2), reason: bench}}"


@contextlib.contextmanager
def kafka_native(*, verified: bool) -> Iterator[Stack]:
    """W (each processor's word is taken, as the register declares) or WV (each is asked to look again)."""
    with tempfile.TemporaryDirectory() as directory:
        for name in ("p1", "p2", "p3", "p4", "p5"):
            verbs, verification = ("[erase, verify]", "required") if verified else ("[erase]", _EXCEPTED)
            text = _REGISTER.format(name=name, verbs=verbs, verification=verification)
            (Path(directory) / f"{name}.yaml").write_text(text)
        with Stack(environment={"LETHE_REGISTER": directory, "LETHE_PARTITIONS": PARTITIONS}) as stack:
            argv = [sys.executable, str(HERE / "participants.py")]
            environment = {**os.environ, "LETHE_KAFKA": stack.kafka}
            with subprocess.Popen(argv, env=environment) as participants:
                try:
                    yield stack
                finally:
                    participants.terminate()


@contextlib.contextmanager
def shop(people: int) -> Iterator[Stack]:
    """S: the example shop alone, with `people` persons of about 25 rows over 11 tables each."""
    (port,) = free_ports(1)
    reader, eraser = (f"postgresql://{role}:bench@{HOST}:{port}/shop" for role in ("bench_reader", "bench_eraser"))
    with tempfile.TemporaryDirectory() as directory:
        shutil.copy(EXAMPLES / "register" / "shop.yaml", directory)
        shutil.copytree(EXAMPLES / "register" / "datasets", Path(directory) / "datasets")
        environment = {
            "LETHE_REGISTER": directory,
            "LETHE_PARTITIONS": PARTITIONS,
            "LETHE_PORT_POSTGRES": str(port),
            "SHOP_READ_DSN": reader,
            "SHOP_WRITE_DSN": eraser,
            "SHOP_KEY": "bench-key-of-at-least-thirty-two-bytes",
        }
        with Stack(environment=environment) as stack:
            admin = stack.postgres.rsplit("/", 1)[0]
            _example("create", admin, people)
            yield stack


def _example(_: str, admin: str, people: int) -> None:
    import asyncio

    import asyncpg

    async def create() -> None:
        connection = await asyncpg.connect(f"{admin}/postgres")
        await connection.execute("CREATE DATABASE shop")
        await connection.close()

    asyncio.run(create())
    module = [sys.executable, "-m", "lethe_example_shop"]
    subprocess.run([*module, "load", "--dsn", f"{admin}/shop", "--people", str(people), "--seed", "7"], check=True)
    roles = ["--reader", "bench_reader", "--eraser", "bench_eraser", "--password", "bench"]
    subprocess.run([*module, "roles", "--dsn", f"{admin}/shop", *roles], check=True)


def processes(stack: Stack) -> dict[str, psutil.Process]:
    """Every program of the stack by name, for CPU time and memory."""
    names = ("kafka", "postgres", "intake", "orchestrator", "erasure_worker", "export_worker", "breach_notifier")
    return {name: psutil.Process(pid) for name in names if (pid := stack.pid(name)) is not None}


def cpu_seconds(found: dict[str, psutil.Process]) -> dict[str, float]:
    """User and system time since each began, children included (PostgreSQL forks one per connection)."""
    total = {}
    for name, process in found.items():
        family = [process, *process.children(recursive=True)]
        total[name] = 0.0
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                times = member.cpu_times()
                total[name] += times.user + times.system
    return total


def resident_mb(found: dict[str, psutil.Process]) -> dict[str, int]:
    return {name: process.memory_info().rss // 1_000_000 for name, process in found.items()}


async def settings(stack: Stack) -> dict[str, str]:
    """How the engines and services are set, as far as figures depend on it; and the seeds."""
    import asyncpg

    from lethe_local.engines.jars import KAFKA_VERSION

    connection = await asyncpg.connect(stack.database())
    names = ("server_version", "fsync", "synchronous_commit", "shared_buffers", "max_wal_size", "full_page_writes")
    found = {f"postgres {name}": await connection.fetchval("SELECT current_setting($1)", name) for name in names}
    await connection.close()
    found |= {"kafka": KAFKA_VERSION, "kafka acks": "all, idempotent, lz4", "partitions of each topic": PARTITIONS}
    return found | {"seed of the shop's persons": "7", "ids and idempotency keys": "random"}


def versions() -> dict[str, str]:
    from importlib.metadata import version

    names = ("aiokafka", "asyncpg", "fastapi", "uvicorn", "uvloop", "pydantic", "msgspec", "zstandard", "cramjam")
    return {name: version(name) for name in names}


def dump(value: object) -> str:
    return json.dumps(value, indent=1, default=str)

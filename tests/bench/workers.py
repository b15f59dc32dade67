"""How fast the workers export, erase and verify people of the example shop, as processes on real engines.

    LETHE_KAFKA=… LETHE_POSTGRES=… python tests/bench/workers.py --people 2000

Tasks of all three verbs are put on the topics; the time is that from the first task to the last answer. The saga
around them is not in it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import shutil
import tempfile
import time
from pathlib import Path

import asyncpg
import yaml

from lethe_chassis import LocalIssuer
from lethe_events.words import Verb
from lethe_example_shop.load import load
from lethe_example_shop.person import person_number
from lethe_testkit.databases import Databases
from lethe_testkit.ground import eventually
from lethe_testkit.tasks import person, task
from lethe_testkit.workers import WorkerGround, worker_ground
from lethe_vault import Identifiers, Sealing

REGISTER = Path(__file__).parents[2] / "examples" / "register"
_CHUNK = 500


async def measure(people: int, batch: int, concurrency: int, directory: Path) -> None:
    unique = secrets.token_hex(4)
    databases = Databases(os.environ["LETHE_POSTGRES"])
    name = f"lethe_bench_{unique}"
    dsn = await databases.create(name)
    try:
        async with worker_ground(dsn, os.environ["LETHE_KAFKA"], unique, directory) as ground:
            await _prepare(ground, people, batch, concurrency)
            for service, verb in (
                ("export_worker", Verb.EXPORT),
                ("erasure_worker", Verb.ERASE),
                ("export_worker", Verb.VERIFY),
            ):
                worker = await ground.start(service)
                await worker.port()
                before = worker.cpu_seconds()
                await _timed(ground, service, verb, people)
                print(f"  {1000 * (worker.cpu_seconds() - before) / people:.2f} ms of the worker's CPU a person")
                await worker.terminate()
    finally:
        await databases.drop(name)


async def _prepare(ground: WorkerGround, people: int, batch: int, concurrency: int) -> None:
    rows = await load(ground.dsn, people=people)
    erased = sum(n for table, n in rows.items() if table != "products")
    print(f"{people} people, {erased / people:.1f} rows each in {len(rows) - 1} tables")
    for role, rights in (("read", "SELECT"), ("write", "SELECT, UPDATE, DELETE")):
        await ground.admin.execute(f"GRANT USAGE ON SCHEMA shop TO {ground.role}_{role}")
        await ground.admin.execute(f"GRANT {rights} ON ALL TABLES IN SCHEMA shop TO {ground.role}_{role}")
    register = ground.directory / "register"
    entry = yaml.safe_load((REGISTER / "shop.yaml").read_text())
    (register / "shop.yaml").write_text(yaml.safe_dump({**entry, "batch": batch, "concurrency": concurrency}))
    shutil.copy(REGISTER / "datasets" / "shop.yaml", register / "datasets" / "shop.yaml")
    LocalIssuer.create(ground.directory / "issuer.pem", ground.directory / "issuer.pub")
    ground.environment |= {
        "SHOP_READ_DSN": ground.dsn_of("read"),
        "SHOP_WRITE_DSN": ground.dsn_of("write"),
        "SHOP_KEY": "k" * 32,
        "LETHE_AUTH_ISSUER": "https://issuer.lethe.example",
        "LETHE_AUTH_PUBLIC_KEY": str(ground.directory / "issuer.pub"),
    }
    for start in range(1, people + 1, _CHUNK):
        numbers = range(start, min(start + _CHUNK, people + 1))
        found = [person_number(n, 1) for n in numbers]
        known = [{"email": (p.email,), "customer_id": (p.customer_no,)} for p in found]
        async with ground.database.transaction() as tx:
            await ground.vault.seal(
                tx,
                [Sealing(person(n), person(n), "acme", Identifiers(i)) for n, i in zip(numbers, known, strict=True)],
            )


async def _timed(ground: WorkerGround, schema: str, verb: Verb, people: int) -> None:
    started = time.monotonic()
    for start in range(1, people + 1, _CHUNK):
        await ground.ask([task("shop", verb, n) for n in range(start, min(start + _CHUNK, people + 1))])

    async def all_settled() -> bool:
        try:
            count = await ground.admin.fetchval(
                f"SELECT count(*) FROM {schema}.job WHERE settled_at IS NOT NULL AND verb = $1", verb.value
            )
        except asyncpg.UndefinedTableError:
            return False
        return bool(count == people)

    await eventually(all_settled, 600)
    seconds = time.monotonic() - started
    rows = await ground.admin.fetch(
        f"SELECT answer->>'outcome' AS outcome, count(*) AS n FROM {schema}.job WHERE verb = $1 GROUP BY 1 ORDER BY 1",
        verb.value,
    )
    outcomes = ", ".join(f"{row['n']} {row['outcome']}" for row in rows)
    print(f"{verb.value}: {people / seconds:.0f} people/s ({seconds:.1f} s; {outcomes})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=200)
    parser.add_argument("--concurrency", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(measure(arguments.people, arguments.batch, arguments.concurrency, Path(directory)))


if __name__ == "__main__":
    main()

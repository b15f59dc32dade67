"""Large people in bounded memory: each call is made by a process of its own, which tells how much it ever held."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import TYPE_CHECKING, NamedTuple

from lethe_testkit.described import HEAD, KEY, MEMBERS, OF_MEMBER, fetch, run_sql, write_register

if TYPE_CHECKING:
    from pathlib import Path

LINES = f"""
      - name: lines
        lethe: {{erase: delete}}
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - {{name: member_id, {OF_MEMBER}}}
          - {{name: said, data_categories: [user.name]}}
"""
LETTERS = f"""
      - name: letters
        lethe: {{erase: delete, shared: true}}
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - {{name: sender, {OF_MEMBER}}}
          - {{name: receiver, {OF_MEMBER}}}
          - {{name: said, data_categories: [user.name], lethe: {{about: sender}}}}
"""
PEOPLE = """
CREATE TABLE members (id int PRIMARY KEY, email text NOT NULL);
INSERT INTO members SELECT n, 'person' || n || '@people.example' FROM generate_series(1, 3) n;
"""
_RUN = """
import asyncio, json, sys
from lethe_processors import connector_for
from lethe_processors.credentials import Credentials
from lethe_processors.register import load_register
from lethe_testkit.described import person
from pathlib import Path

def peak():
    return int(next(l for l in Path("/proc/self/status").read_text().splitlines() if l.startswith("VmHWM")).split()[1])

class Sink:
    size = 0
    async def write(self, item, collection, records):
        Sink.size += sum(len(json.dumps(r)) for r in records)
    async def masked(self, item, collection, fields, rows):
        pass

async def main(register, verb):
    connector = connector_for(load_register(Path(register)).processors["tiny"], Credentials())
    call = {"erase": connector.erase, "verify": connector.verify}.get(verb, lambda p: connector.export(p, Sink()))
    await call([person(3)])
    before = peak()
    [answer] = await call([person(1)])
    counts = {c.collection: c.rows for c in answer.counts}
    print(json.dumps([answer.outcome.value, counts, (peak() - before) * 1024, Sink.size]))
    await connector.close()

asyncio.run(main(*sys.argv[1:]))
"""


class Called(NamedTuple):
    """`grown`: bytes of memory above what a small person took. `size`: bytes of what was exported."""

    outcome: str
    counts: dict[str, int]
    grown: int
    size: int


async def called(register: Path, dsn: str, verb: str) -> Called:
    environment = {**os.environ, "DESCRIBED_READ_DSN": dsn, "DESCRIBED_WRITE_DSN": dsn, "DESCRIBED_KEY": KEY}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _RUN, str(register), verb), env=environment, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    return Called(*json.loads(said))


def register(directory: Path, collection: str) -> Path:
    categories = ["user.contact", "user.name", "user.unique_id"]
    return write_register(directory, HEAD + MEMBERS + collection, data_categories=categories)


async def test_a_person_with_100_000_rows_that_hang_by_one_reference_takes_no_memory(
    postgres_dsn: str, tmp_path: Path
) -> None:
    lines = """CREATE TABLE lines (id int PRIMARY KEY, member_id int REFERENCES members, said text);
    INSERT INTO lines SELECT n, 1 + (n % 200000) / 199998, 'x' FROM generate_series(1, 100000) n;
    CREATE INDEX ON lines (member_id); ANALYZE lines"""
    await run_sql(postgres_dsn, PEOPLE, lines)
    files = register(tmp_path, LINES)
    for verb, outcome in (("export", "done"), ("erase", "done"), ("verify", "nothing_found")):
        found = await called(files, postgres_dsn, verb)
        assert found.outcome == outcome
        assert found.counts == ({} if verb == "verify" else {"members": 1, "lines": 100_000})
        assert found.grown < 16_000_000, f"{verb} took {found.grown} bytes"


async def test_a_person_with_100_000_rows_that_may_be_two_peoples_takes_a_few_hundred_bytes_for_each(
    postgres_dsn: str, tmp_path: Path
) -> None:
    letters = """CREATE TABLE letters (
        id int PRIMARY KEY, sender int REFERENCES members, receiver int REFERENCES members, said text);
    INSERT INTO letters SELECT n, 1, NULLIF(2 * (n % 2), 0), 'x' FROM generate_series(1, 100000) n;
    CREATE INDEX ON letters (sender); CREATE INDEX ON letters (receiver); ANALYZE letters"""
    await run_sql(postgres_dsn, PEOPLE, letters)
    files = register(tmp_path, LETTERS)
    for verb in ("export", "erase"):
        found = await called(files, postgres_dsn, verb)
        assert found.outcome == "done"
        assert found.grown < 110_000_000, f"{verb} took {found.grown} bytes"
    assert await fetch(postgres_dsn, "SELECT count(*), count(said) FROM letters") == [(50_000, 0)]


async def test_an_export_of_200_megabytes_is_never_in_memory_as_a_whole(postgres_dsn: str, tmp_path: Path) -> None:
    lines = """CREATE TABLE lines (id int PRIMARY KEY, member_id int REFERENCES members, said text);
    INSERT INTO lines SELECT n, 1, repeat(md5(n::text), 625) FROM generate_series(1, 10000) n"""
    await run_sql(postgres_dsn, PEOPLE, lines)
    files = register(tmp_path, LINES)
    found = await called(files, postgres_dsn, "export")
    assert found.size > 200_000_000
    assert found.grown < 40_000_000, f"the export took {found.grown} bytes"
    larger = "TRUNCATE lines; INSERT INTO lines SELECT n, 1, repeat(md5(n::text), 65000) FROM generate_series(1, 100) n"
    await run_sql(postgres_dsn, larger)
    found = await called(files, postgres_dsn, "export")
    assert found.size > 200_000_000
    assert found.grown < 90_000_000, f"large rows took {found.grown} bytes"

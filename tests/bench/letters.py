"""Letters to many people through a real local SMTP server, with kill -9 in the middle: nobody twice, nobody missed.

LETHE_POSTGRES=… python tests/bench/letters.py --letters 100000 --kills 3 [--without-log]
"""

import argparse
import asyncio
import os
import secrets
import signal
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from lethe_delivery import OnDoubt, enqueue, migrate_delivery, progress
from lethe_postgres import Database
from lethe_testkit.letter_sender import MATTER, orders
from lethe_testkit.smtp_sink import SmtpSink

ORDERS_AT_ONCE = 5000


async def send(dsn: str, sink: SmtpSink, journal: Path | None, window: int, until: int | None) -> None:
    """One sender, killed once so many are accepted (None: it runs to the end)."""
    arguments = [dsn, "letters", str(sink.port), str(window), *([str(journal)] if journal else [])]
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "lethe_testkit.letter_sender", *arguments)
    if until is not None:
        while sink.accepted.total() < until and process.returncode is None:  # noqa: ASYNC110 - a thread counts
            await asyncio.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    await process.wait()


async def measure(dsn: str, letters: int, kills: int, window: int, *, logged: bool) -> bool:
    database = await Database.connect(dsn, schema="letters", application_name="bench", min_size=1, max_size=2)
    await migrate_delivery(database)
    everybody = orders(letters, OnDoubt.RESEND)
    began = time.monotonic()
    for first in range(0, letters, ORDERS_AT_ONCE):
        async with database.transaction() as tx:
            await enqueue(tx, everybody[first : first + ORDERS_AT_ONCE])
    queued = time.monotonic() - began
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder, "accepted") if logged else None
        with SmtpSink(journal, keep=False) as sink:
            began = time.monotonic()
            for number in range(kills):
                await send(dsn, sink, journal, window, letters * (number + 1) // (kills + 1))
            await send(dsn, sink, journal, window, None)
            took = time.monotonic() - began
            missed = letters - len(sink.accepted)
            twice = sink.accepted.total() - len(sink.accepted)
    found = await progress(database, MATTER)
    await database.close()
    print(f"{letters} letters queued in {queued:.1f} s, sent in {took:.0f} s ({letters / took:.0f}/s), {kills} kills")
    print(f"missed {missed}, twice {twice}; the ledger says {dict(found.letters)}, repeats {found.repeats}")
    return missed == 0 and twice <= (0 if logged else found.repeats)


async def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--letters", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--window", type=int, default=20)
    parser.add_argument("--without-log", action="store_true")
    options = parser.parse_args()
    admin = os.environ["LETHE_POSTGRES"]
    name = f"lethe_letters_{secrets.token_hex(4)}"
    connection = await asyncpg.connect(admin)
    await connection.execute(f'CREATE DATABASE "{name}"')
    try:
        dsn = urlunsplit(urlsplit(admin)._replace(path=f"/{name}"))
        kept = await measure(dsn, options.letters, options.kills, options.window, logged=not options.without_log)
    finally:
        await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        await connection.close()
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

"""Letters about a breach to very many people, through the whole notifier and a real local SMTP server, with kill -9.

    LETHE_KAFKA=… LETHE_POSTGRES=… python tests/bench/breach_letters.py --people 100000 --kills 3 [--per-second 500]

A database with so many customers is searched by the export worker, contacts are sealed, letters ordered by the page and
sent by the notifier, which is killed in the middle, each time with letters that the server has and did not answer.
Ends with 1 if anybody was written to twice or not at all, or if the rate was exceeded.
"""

import argparse
import asyncio
import os
import secrets
import sys
import tempfile
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from lethe_testkit.breach_mail import TEXTS, mail, sent
from lethe_testkit.databases import Databases
from lethe_testkit.ground import eventually
from lethe_testkit.people_ground import PeopleGround, people_ground
from lethe_testkit.processes import WorkerProcess
from lethe_testkit.smtp_sink import SmtpSink
from lethe_testkit.tasks import email

DAYS = 30
HOUR = 3600.0


class Watch:
    """Accepted letters in each second, seen from outside of everything that sends."""

    def __init__(self, sink: SmtpSink) -> None:
        self.seconds: Counter[int] = Counter()
        self._sink = sink
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        before, began = 0, time.monotonic()
        while not self._end.wait(0.1):
            total = self._sink.accepted.total()
            self.seconds[int(time.monotonic() - began)] += total - before
            before = total

    def stop(self) -> None:
        self._end.set()
        self._thread.join()

    def most(self, span: int = 5) -> float:
        """The highest rate over so many seconds."""
        last = max(self.seconds, default=0)
        spans = (sum(self.seconds[s] for s in range(first, first + span)) for first in range(last + 1))
        return max(spans, default=0) / span


async def begin(ground: PeopleGround, sink: SmtpSink, log: Path, more: dict[str, str]) -> tuple[WorkerProcess, float]:
    """A notifier with the letters ordered, and the seconds that it took to find everybody."""
    running = await ground.start_notifier(**mail(sink, log), **more)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{await running.port()}", timeout=60) as client:
        await ground.decided(client)
        began, end = time.monotonic(), datetime.now(UTC)
        window = {"start": (end - timedelta(days=DAYS)).isoformat(), "end": end.isoformat()}
        await ground.act(client, "scope", {**window, "processors": {"shop": {}}})

        async def counted() -> bool:
            return (await ground.see(client, "/affected"))["scopes"][0]["counted_at"] is not None

        await eventually(counted, HOUR)
        found = time.monotonic() - began
        await ground.act(client, "letters", TEXTS)
    return running, found


async def until_told(ground: PeopleGround) -> None:
    async def told() -> bool:
        rows = await ground.notifier_rows("SELECT count(*) FROM mailing WHERE state = 'told'")
        await asyncio.sleep(0.5)
        return bool(rows[0][0] == 1)

    await eventually(told, HOUR)


async def measure(ground: PeopleGround, folder: Path, options: argparse.Namespace) -> bool:
    people, kills, rate = options.people, options.kills, options.per_second
    more = {"LETHE_LETTERS_PER_SECOND": str(rate), "LETHE_LOG": "json"}
    log = folder / "accepted"
    await ground.processor("shop", range(people))
    await ground.open_case()
    await ground.start("export_worker")
    cpu = 0.0
    with SmtpSink(log, keep=False) as sink:
        running, found = await begin(ground, sink, log, more)
        ordered = time.monotonic()
        await sent(sink, 1, within=HOUR)
        watch, first = Watch(sink), time.monotonic()
        for number in range(kills):
            sink.silent_from = max(1, people * (number + 1) // (kills + 1))
            await sent(sink, sink.silent_from, within=HOUR)
            cpu += running.cpu_seconds()
            await running.kill()
            sink.silent_from = None
            running = await ground.start_notifier(**mail(sink, log), **more)
        await sent(sink, people, within=HOUR)
        last = time.monotonic()
        await until_told(ground)
        told, memory = time.monotonic(), running.peak_memory() / 1e6
        cpu += running.cpu_seconds()
        watch.stop()
        missed = people - len(sink.recipients.keys() & {email(n) for n in range(people)})
        twice = sink.recipients.total() - len(sink.recipients)
    rows = await ground.notifier_rows("SELECT state, count(*) AS n, sum(repeats) AS again FROM delivery GROUP BY 1")
    settled = await ground.notifier_rows(
        "SELECT outcome, count(*) AS n FROM delivery_attempt WHERE outcome LIKE 'found%' GROUP BY 1"
    )
    print(f"{people:,} people found in {found:.1f} s; first letter {first - ordered:.1f} s after the order")
    print(f"sent in {last - first:.1f} s ({people / (last - first):.0f}/s, at most {watch.most():.0f}/s over 5 s)")
    print(f"on record {told - last:.1f} s after the last letter; {kills} kills; limit {rate or 'none'}")
    print(f"notifier: {cpu:.0f} s of CPU ({cpu / people * 1e6:.0f} µs a letter), {memory:.0f} MB at most")
    states, doubts = [tuple(row) for row in rows], dict(map(tuple, settled))
    print(f"missed {missed}, twice {twice}; ledger {states}; in doubt {doubts}")
    return missed == 0 and twice == 0 and (not rate or watch.most() <= rate * 1.25)


async def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--per-second", type=int, default=0, help="the rate limit; 0: none")
    options = parser.parse_args()
    unique = f"mail{secrets.token_hex(4)}"
    databases = Databases(os.environ["LETHE_POSTGRES"])
    dsn = await databases.create(f"lethe_{unique}")
    try:
        with tempfile.TemporaryDirectory() as folder:
            async with people_ground(dsn, os.environ["LETHE_KAFKA"], unique, Path(folder)) as ground:
                kept = await measure(ground, Path(folder), options)
    finally:
        await databases.drop(f"lethe_{unique}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

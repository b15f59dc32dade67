"""Real processes, a real PostgreSQL, real SMTP, and kill -9."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lethe_delivery import CRASH_POINTS, OnDoubt, Progress, State, enqueue, migrate_delivery, progress
from lethe_postgres import Database
from lethe_testkit.letter_sender import MATTER, orders
from lethe_testkit.smtp_sink import DOMAIN, SmtpSink

WINDOW = 10
pytestmark = pytest.mark.timeout(240)  # a machine that does other things too


@asynccontextmanager
async def ledger(dsn: str, count: int, on_doubt: OnDoubt) -> AsyncIterator[Database]:
    database = await Database.connect(dsn, schema="letters", application_name="test", min_size=1, max_size=2)
    await migrate_delivery(database)
    async with database.transaction() as tx:
        assert await enqueue(tx, orders(count, on_doubt)) == count
        assert await enqueue(tx, orders(count, on_doubt)) == 0
    yield database
    await database.close()


async def start(dsn: str, sink: SmtpSink, journal: Path | None, **env: str) -> asyncio.subprocess.Process:
    arguments = [dsn, "letters", str(sink.port), str(WINDOW), *([str(journal)] if journal else [])]
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "lethe_testkit.letter_sender", *arguments, env={**os.environ, **env}
    )


async def kill_in_the_middle(dsn: str, sink: SmtpSink, journal: Path | None, after: list[int]) -> None:
    """Run, kill -9 each time that so many are accepted, and run to the end."""
    for count in after:
        process = await start(dsn, sink, journal)
        while sum(sink.accepted.values()) < count:
            assert process.returncode is None
            await asyncio.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        await process.wait()
    process = await start(dsn, sink, journal)
    assert await process.wait() == 0


def everybody(count: int) -> set[str]:
    return {f"<{order.id}@{DOMAIN}>" for order in orders(count, OnDoubt.RESEND)}


async def end(database: Database) -> Progress:
    return await progress(database, MATTER)


async def test_two_thousand_letters_and_three_kills_nobody_twice_and_nobody_missed(
    postgres_dsn: str, tmp_path: Path
) -> None:
    journal = tmp_path / "accepted"
    async with ledger(postgres_dsn, 2000, OnDoubt.RESEND) as database:
        with SmtpSink(journal, keep=False) as sink:
            await kill_in_the_middle(postgres_dsn, sink, journal, [300, 900, 1500])
            assert set(sink.accepted) == everybody(2000)
            assert max(sink.accepted.values()) == 1
            assert len(sink.recipients) == 2000
        assert await end(database) == Progress({State.SENT: 2000}, 0)


async def test_without_a_log_nobody_is_missed_and_repeats_are_few_counted_and_recognisable(postgres_dsn: str) -> None:
    async with ledger(postgres_dsn, 200, OnDoubt.RESEND) as database:
        with SmtpSink(keep=False) as sink:
            await kill_in_the_middle(postgres_dsn, sink, None, [50, 120])
            assert set(sink.accepted) == everybody(200)  # a repeat has the Message-ID of the first
            twice = sum(sink.accepted.values()) - 200
        found = await end(database)
        assert found.letters == {State.SENT: 200}
        assert twice <= found.repeats <= 2 * WINDOW


async def test_letters_that_are_held_in_doubt_come_to_nobody_twice_and_wait_for_a_person(postgres_dsn: str) -> None:
    async with ledger(postgres_dsn, 150, OnDoubt.HOLD) as database:
        with SmtpSink(keep=False) as sink:
            await kill_in_the_middle(postgres_dsn, sink, None, [60])
            assert max(sink.accepted.values()) == 1
            missed = everybody(150) - set(sink.accepted)
        found = await end(database)
        assert found.repeats == 0
        assert sum(found.letters.values()) == 150
        assert len(missed) <= found.letters.get(State.UNCERTAIN, 0) <= WINDOW


@pytest.mark.parametrize("point", [*CRASH_POINTS, "delivery.handed_over:3", "delivery.replied:2"])
async def test_a_crash_at_each_point_sends_no_letter_twice_and_misses_none(
    postgres_dsn: str, tmp_path: Path, point: str
) -> None:
    journal = tmp_path / "accepted"
    journal.touch()
    async with ledger(postgres_dsn, 35, OnDoubt.RESEND) as database:
        with SmtpSink(journal) as sink:
            process = await start(postgres_dsn, sink, journal, LETHE_CRASH_AT=point)
            assert await process.wait() == 137
            process = await start(postgres_dsn, sink, journal)
            assert await process.wait() == 0
            assert set(sink.accepted) == everybody(35)
            assert max(sink.accepted.values()) == 1
        assert await end(database) == Progress({State.SENT: 35}, 0)


async def test_two_senders_at_once_share_the_letters_and_repeat_none(postgres_dsn: str) -> None:
    async with ledger(postgres_dsn, 300, OnDoubt.RESEND) as database:
        with SmtpSink(keep=False) as sink:
            both = [await start(postgres_dsn, sink, None) for _ in range(2)]
            assert [await process.wait() for process in both] == [0, 0]
            assert set(sink.accepted) == everybody(300)
            assert max(sink.accepted.values()) == 1
        assert await end(database) == Progress({State.SENT: 300}, 0)

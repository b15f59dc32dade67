"""The sender of letters about a breach dies in the middle: nobody is written to twice, nobody is left out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import pytest

from lethe_events.breaches import page_of
from lethe_messaging import read_all
from lethe_testkit.breach_mail import SAID, TEXTS, ended, mail, sent
from lethe_testkit.ground import eventually
from lethe_testkit.people_ground import people_ground
from lethe_testkit.scanner import Scanner
from lethe_testkit.smtp_sink import SmtpSink
from lethe_testkit.tasks import email
from lethe_vault import Gone

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from lethe_testkit.people_ground import PeopleGround

pytestmark = [pytest.mark.engines, pytest.mark.timeout(240)]
NOW = datetime.now(UTC)
WINDOW = (NOW - timedelta(days=20), NOW - timedelta(days=10))
SHOP, CRM = range(360), range(320, 400)
PEOPLE = 400
KILLED_AT = (100, 230)
"""From so many accepted letters on the relay says nothing: it has them, and whoever sent them cannot know."""


@pytest.fixture
async def ground(postgres_dsn: str, kafka_bootstrap: str, unique: str, tmp_path: Path) -> AsyncIterator[PeopleGround]:
    async with people_ground(postgres_dsn, kafka_bootstrap, unique, tmp_path) as made:
        yield made


async def _killed_while_sending(ground: PeopleGround, sink: SmtpSink, log: Path, at: int, *, orders: bool) -> None:
    """A notifier that is killed with letters accepted and unanswered. `orders`: the letters are ordered there."""
    sink.silent_from = at
    dying = await ground.start_notifier(**mail(sink, log))
    if orders:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{await dying.port()}") as client:
            await ground.decided(client)
            await ground.scoped(client, WINDOW, {"shop": {}, "crm": {}})
            assert (await ground.act(client, "letters", TEXTS))["number"] == 1
            await ground.act(client, "letters", TEXTS, status=409)
    await sent(sink, at)
    await dying.kill()
    assert await ground.notifier_rows("SELECT id FROM delivery WHERE state = 'sending'"), "none was in doubt"
    sink.silent_from = None


async def test_everybody_gets_one_letter_although_the_sender_is_killed_twice_and_nothing_of_them_is_left(
    ground: PeopleGround, tmp_path: Path
) -> None:
    await ground.processor("shop", SHOP)
    await ground.processor("crm", CRM)
    await ground.open_case()
    await ground.start("export_worker")
    log = tmp_path / "accepted"
    with SmtpSink(log) as sink:
        for at in KILLED_AT:
            await _killed_while_sending(ground, sink, log, at, orders=at == KILLED_AT[0])
        async with ground.running(**mail(sink, log)) as client:
            shown = await ended(ground, client)
            case = await ground.see(client)
        assert (shown["letters"], shown["repeats"]) == ({"sent": PEOPLE}, 0)
        assert sink.recipients == {email(n): 1 for n in range(PEOPLE)}, "nobody twice, nobody missed"
        assert (case["letters"]["told"], case["letters"]["undelivered"], case["letters"]["by"]) == (PEOPLE, 0, "kim")
        body = sink.messages[0].get_body(("plain",))
        assert body is not None and SAID["nature"] in " ".join(body.get_content().split())
    in_doubt = "SELECT DISTINCT outcome FROM delivery_attempt WHERE outcome LIKE 'found%' ORDER BY 1"
    outcomes = [row["outcome"] for row in await ground.notifier_rows(in_doubt)]
    assert outcomes == ["found_accepted", "found_missing"], "the relay's log settled both kinds of doubt"
    await _nothing_is_left(ground)


async def _all_shredded(ground: PeopleGround) -> None:
    async def shredded() -> bool:
        return not await ground.notifier_rows("SELECT task_id FROM search WHERE shredded_at IS NULL")

    async with ground.running():
        await eventually(shredded, 30)


async def _nothing_is_left(ground: PeopleGround) -> None:
    """Keys of contacts are destroyed; topics, tables and logs never had an address or a name."""
    await _all_shredded(ground)
    (row, *_) = await ground.notifier_rows("SELECT task_id FROM search WHERE search = 'contact' AND pages > 0")
    with pytest.raises(Gone):
        _ = [c async for c in ground.vault.open_document(page_of(row["task_id"], 0), reason="test")]
    scanner = Scanner([email(7), email(PEOPLE - 7), "Name 7", "people.example"])
    leaks, rows = await scanner.tables(ground.dsn)
    assert rows["breach_notifier.addressee"] >= PEOPLE
    assert rows["breach_notifier.delivery_attempt"] >= PEOPLE
    held = [leak for leak in leaks if '"shop"' in leak or '"crm"' in leak]
    assert held, "a scanner that finds nothing proves nothing"
    assert [leak for leak in leaks if leak not in held] == []
    records = 0
    for topic in (*ground.topics.every, *ground.topics.of_people):
        for record in await read_all(ground.kafka, topic.name):
            records += 1
            parts = [record.key or b"", record.value or b"", *(v for _, v in record.headers)]
            assert scanner.hits(topic.name, b"\x00".join(parts)) == []
    assert records >= len(("report", "status", "two searches", "two contact searches")), "the bus was used"
    assert ground.logged(), "the logs were read"
    assert scanner.hits("logs", ground.logged().encode()) == []


async def test_letters_are_ordered_and_told_of_once_whenever_the_notifier_dies(
    ground: PeopleGround, tmp_path: Path
) -> None:
    await ground.processor("shop", range(5))
    await ground.open_case()
    reader = await ground.start("export_worker")
    log = tmp_path / "accepted"
    with SmtpSink(log) as sink:
        async with ground.running(**mail(sink, log)) as client:
            await ground.decided(client)
            await ground.scoped(client, WINDOW, {"shop": {}})
        await reader.kill()  # nobody is written to before contacts are read
        dying = await ground.start_notifier(**mail(sink, log), LETHE_CRASH_AT="people.asked")
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{await dying.port()}") as client:
            with pytest.raises(httpx.HTTPError):
                await ground.act(client, "letters", TEXTS)
        assert await dying.ended() == 137
        async with ground.running(**mail(sink, log)) as client:
            assert (await ground.act(client, "letters", TEXTS))["number"] == 1
        await ground.start("export_worker")
        for point in ("people.fed", "people.told", "people.shredded"):
            dying = await ground.start_notifier(**mail(sink, log), LETHE_CRASH_AT=point)
            assert await dying.ended() == 137, point
        async with ground.running(**mail(sink, log)) as client:
            await ended(ground, client)
            case = await ground.see(client)
        assert sink.recipients == {email(n): 1 for n in range(5)}
    assert case["letters"]["told"] == 5
    assert [m["kind"] for m in case["timeline"]].count("subjects_told") == 1
    await _all_shredded(ground)

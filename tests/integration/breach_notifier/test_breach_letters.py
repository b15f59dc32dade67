"""Letters to the people concerned: nobody twice, nobody missed, in their language, and nothing of them is kept."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from lethe_events.breaches import page_of
from lethe_law.breach.exemptions import Exemption
from lethe_messaging import read_all
from lethe_testkit.ground import eventually
from lethe_testkit.people_ground import CASE, people_ground
from lethe_testkit.scanner import Scanner
from lethe_testkit.smtp_sink import DOMAIN, SmtpSink
from lethe_testkit.tasks import email
from lethe_vault import Gone

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx

    from lethe_testkit.people_ground import PeopleGround

pytestmark = [pytest.mark.engines, pytest.mark.timeout(300)]
NOW = datetime.now(UTC)
WINDOW = (NOW - timedelta(days=20), NOW - timedelta(days=10))
SAID = {
    "nature": "A copy of our customer database was taken.",
    "categories": ["e-mail address"],
    "consequences": ["You may get messages that pretend to be from us."],
    "measures": ["The way in was closed."],
    "advice": ["Do not follow links in such messages."],
}
GERMAN = {**SAID, "nature": "Eine Kopie unserer Kundendatenbank wurde entwendet."}
TEXTS = {"said": {"en": SAID, "de": GERMAN}, "default": "en"}
MANY = 2000


@pytest.fixture
async def ground(postgres_dsn: str, kafka_bootstrap: str, unique: str, tmp_path: Path) -> AsyncIterator[PeopleGround]:
    async with people_ground(postgres_dsn, kafka_bootstrap, unique, tmp_path) as made:
        yield made


def mail(sink: SmtpSink, log: Path) -> dict[str, str]:
    return {
        "LETHE_SMTP_HOST": "127.0.0.1",
        "LETHE_SMTP_PORT": str(sink.port),
        "LETHE_SMTP_TLS": "none",
        "LETHE_SMTP_SENDER": f"privacy@{DOMAIN}",
        "LETHE_SMTP_SENT_LOG": str(log),
    }


async def ended(ground: PeopleGround, client: httpx.AsyncClient, number: int = 1) -> dict[str, Any]:
    found: dict[str, Any] = {}

    async def over() -> bool:
        found.update(await ground.see(client, "/letters"))
        mailing = found["mailings"][number - 1]
        return mailing["state"] in {"told", "stopped"}

    await eventually(over, 120)
    return found


async def sent(sink: SmtpSink, count: int) -> None:
    async def there() -> bool:
        return sink.accepted.total() >= count

    await eventually(there, 120)


async def test_everybody_gets_one_letter_although_the_sender_is_killed_and_nothing_of_them_is_left(
    ground: PeopleGround, tmp_path: Path
) -> None:
    await ground.processor("shop", range(MANY))
    await ground.processor("crm", range(MANY - 50, MANY + 50))
    await ground.open_case()
    await ground.start("export_worker")
    log = tmp_path / "accepted"
    with SmtpSink(log) as sink:
        async with ground.running(**mail(sink, log)) as client:
            await ground.decided(client)
            await ground.scoped(client, WINDOW, {"shop": {}, "crm": {}})
            assert (await ground.act(client, "letters", TEXTS))["number"] == 1
            await ground.act(client, "letters", TEXTS, status=409)
            await sent(sink, 100)
        for part in (1, 2):
            dying = await ground.start_notifier(**mail(sink, log))
            await sent(sink, sink.accepted.total() + 200 * part)
            await dying.kill()
        async with ground.running(**mail(sink, log)) as client:
            shown = await ended(ground, client)
            case = await ground.see(client)
        assert shown["letters"] == {"sent": MANY + 50}
        assert (len(sink.accepted), sink.accepted.total()) == (MANY + 50, MANY + 50), "nobody twice, nobody missed"
        assert set(sink.recipients) == {email(n) for n in range(MANY + 50)}
        assert (case["letters"]["told"], case["letters"]["undelivered"], case["letters"]["by"]) == (MANY + 50, 0, "kim")
        body = sink.messages[0].get_body(("plain",))
        assert body is not None and SAID["nature"] in " ".join(body.get_content().split())
    await _nothing_is_left(ground)


async def _all_shredded(ground: PeopleGround) -> None:
    async def shredded() -> bool:
        return not await ground.notifier_rows("SELECT task_id FROM search WHERE shredded_at IS NULL")

    async with ground.running():
        await eventually(shredded, 30)


async def _nothing_is_left(ground: PeopleGround) -> None:
    """Keys of contacts are destroyed; bus and tables never had an address."""
    await _all_shredded(ground)
    (row, *_) = await ground.notifier_rows("SELECT task_id FROM search WHERE search = 'contact' AND pages > 0")
    with pytest.raises(Gone):
        _ = [c async for c in ground.vault.open_document(page_of(row["task_id"], 0), reason="test")]
    scanner = Scanner([email(7), email(MANY + 7), "Name 7", "people.example"])
    leaks, rows = await scanner.tables(ground.dsn)
    assert rows["breach_notifier.addressee"] == MANY + 100
    assert [leak for leak in leaks if '"shop"' not in leak and '"crm"' not in leak] == []
    for topic in (*ground.topics.every, *ground.topics.of_people):
        for record in await read_all(ground.kafka, topic.name):
            assert scanner.hits(topic.name, (record.value or b"") + (record.key or b"")) == []
    for process in ground._processes:
        assert scanner.hits("log", "".join(process.raw).encode()) == []


async def test_letters_are_ordered_and_told_of_once_whenever_the_notifier_dies(
    ground: PeopleGround, tmp_path: Path
) -> None:
    await ground.processor("shop", range(5))
    await ground.open_case()
    await ground.start("export_worker")
    log = tmp_path / "accepted"
    with SmtpSink(log) as sink:
        async with ground.running(**mail(sink, log)) as client:
            await ground.decided(client)
            await ground.scoped(client, WINDOW, {"shop": {}})
            await ground.act(client, "letters", TEXTS)
        for point in ("people.fed", "people.told", "people.shredded"):
            dying = await ground.start_notifier(**mail(sink, log), LETHE_CRASH_AT=point)
            await dying.ended()
        async with ground.running(**mail(sink, log)) as client:
            await ended(ground, client)
            case = await ground.see(client)
        assert sink.recipients == {email(n): 1 for n in range(5)}
    assert case["letters"]["told"] == 5
    assert [m["kind"] for m in case["timeline"]].count("subjects_told") == 1
    await _all_shredded(ground)


async def test_a_letter_is_in_the_language_of_whoever_gets_it_and_those_who_came_in_later_get_theirs(
    ground: PeopleGround, tmp_path: Path
) -> None:
    await ground.processor("shop", range(6))
    await ground.processor("crm", range(4, 9))
    await ground.admin.execute("UPDATE shop.customers SET email = 'refused@people.example' WHERE id = 5")
    await ground.admin.execute("UPDATE crm.customers SET email = 'refused@people.example' WHERE id = 5")
    await ground.open_case()
    await ground.start("export_worker")
    log = tmp_path / "accepted"
    with SmtpSink(log) as sink:
        async with ground.running(**mail(sink, log)) as client:
            await ground.until_open(client)
            await ground.act(client, "letters", TEXTS, status=409)
            await ground.decided(client)
            await ground.act(client, "letters", TEXTS, status=409)
            await ground.scoped(client, WINDOW, {"shop": {}})
            await ground.act(client, "letters", {**TEXTS, "default": "fr"}, status=422)
            short = {"said": {"en": {**SAID, "measures": [" "]}}, "default": "en"}
            await ground.act(client, "letters", short, status=422)
            await ground.act(client, "letters", {"said": {"de": GERMAN}, "default": "de"})
            first = await ended(ground, client)
            assert first["letters"] == {"sent": 5, "failed": 1}
            case = await ground.see(client)
            assert (case["letters"]["told"], case["letters"]["undelivered"]) == (5, 1)
            await ground.act(client, "letters", TEXTS, status=409)
            wider = await ground.scoped(client, WINDOW, {"shop": {}, "crm": {}})
            assert (wider["added"], wider["removed"]) == (3, 0)
            assert (await ground.see(client))["letters"] is None
            await ground.act(client, "letters", TEXTS)
            await ended(ground, client, 2)
            case = await ground.see(client)
            assert (case["letters"]["told"], case["letters"]["undelivered"]) == (8, 1)
        assert sink.recipients == {email(n): 1 for n in range(9) if n != 5}
        said = [" ".join(str(m.get_body(("plain",)).get_content()).split()) for m in sink.messages]
        assert sum(GERMAN["nature"] in text for text in said) == 5
        assert sum(SAID["nature"] in text for text in said) == 3


async def test_a_confirmed_exemption_stops_the_letters_and_an_order_sends_those_that_are_left(
    ground: PeopleGround, tmp_path: Path
) -> None:
    await ground.processor("shop", range(60))
    await ground.open_case()
    await ground.start("export_worker")
    log = tmp_path / "accepted"
    with SmtpSink(log) as sink:
        slow = {**mail(sink, log), "LETHE_LETTERS_PER_SECOND": "8"}
        async with ground.running(**slow) as client:
            await ground.decided(client)
            await ground.scoped(client, WINDOW, {"shop": {}})
            await ground.act(client, "letters", TEXTS)
            await sent(sink, 1)
            await ground.exempt(client, Exemption.AVERTED)
            shown = await ended(ground, client)
            assert (shown["mailings"][0]["state"], shown["mailings"][0]["reason"]) == ("stopped", "exempt")
            await asyncio.sleep(2.5)
            before = sink.accepted.total()
            assert before < 60
            await ground.act(client, "letters", TEXTS, status=409)
            await asyncio.sleep(1)
            assert sink.accepted.total() == before
            published = await ground.act(client, "public-text", {**TEXTS, "affected": "Everybody with an account."})
            assert "Everybody with an account." in published["texts"]["de"]["text"]
            order = {"authority": "DE-BE", "reference": "order-1"}
            await ground.act(client, "order", order)
        async with ground.running(**mail(sink, log)) as client:
            await ground.act(client, "letters", TEXTS)
            await ended(ground, client, 2)
        assert sink.recipients == {email(n): 1 for n in range(60)}
    assert (await ground.notifier_rows("SELECT count(*) FROM breach_case WHERE id = $1", CASE))[0][0] == 1

"""Letters to the people concerned: in their language, once, and not at all where an exemption holds."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from lethe_law.breach.exemptions import Exemption
from lethe_testkit.breach_mail import GERMAN, SAID, TEXTS, ended, mail, sent
from lethe_testkit.people_ground import CASE, people_ground
from lethe_testkit.smtp_sink import SmtpSink
from lethe_testkit.tasks import email

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from lethe_testkit.people_ground import PeopleGround

pytestmark = [pytest.mark.engines, pytest.mark.timeout(300)]
NOW = datetime.now(UTC)
WINDOW = (NOW - timedelta(days=20), NOW - timedelta(days=10))


@pytest.fixture
async def ground(postgres_dsn: str, kafka_bootstrap: str, unique: str, tmp_path: Path) -> AsyncIterator[PeopleGround]:
    async with people_ground(postgres_dsn, kafka_bootstrap, unique, tmp_path) as made:
        yield made


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
        plain = [m.get_body(("plain",)) for m in sink.messages]
        said = [" ".join(str(part.get_content()).split()) for part in plain if part is not None]
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

"""Letters on real engines and a real SMTP server: who gets which, once, in which language, and what is told of it."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
import yaml

from lethe_chassis import SettingsError
from lethe_events import LetterReason, LetterReported, LetterRequested, LetterState
from lethe_events.ids import uuid7
from lethe_events.words import Right
from lethe_law.breach.authorities import authorities
from lethe_letters import Language, Words
from lethe_testkit.ground import eventually
from lethe_testkit.intake import intake_ground
from lethe_testkit.smtp_sink import SmtpSink

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from lethe_testkit.intake import IntakeGround

pytestmark = [pytest.mark.engines, pytest.mark.timeout(120)]

PLANTED = "mina.castellanos@people.example"
REGISTER = Path(__file__).parents[3] / "examples" / "register"
SECTION: dict[str, Any] = {"page": "https://privacy.acme.example/requests/{dsr_id}", "dpo": None}


@pytest.fixture
async def ground(postgres_dsn: str, kafka_bootstrap: str, unique: str, tmp_path: Path) -> AsyncIterator[IntakeGround]:
    async with intake_ground(postgres_dsn, kafka_bootstrap, unique, tmp_path) as made:
        say(made)
        yield made


def say(ground: IntakeGround, **section: Any) -> None:
    """The file of controllers: letters for acme, none for beta."""
    acme = {"controller_id": "acme", "name": "Acme GmbH", "country": "DE", "contact": "privacy@acme.example"}
    beta = {"controller_id": "beta", "name": "Beta", "country": "FR", "contact": "privacy@beta.example"}
    entries = [{**acme, "letters": {**SECTION, **section}}, {**beta, "letters": "none"}]
    (ground.directory / "controllers.yaml").write_text(yaml.safe_dump({"controllers": entries}))


def settings(port: int) -> dict[str, str]:
    return {
        "LETHE_SMTP_HOST": "127.0.0.1",
        "LETHE_SMTP_PORT": str(port),
        "LETHE_SMTP_TLS": "none",
        "LETHE_SMTP_SENDER": "privacy@acme.example",
        "LETHE_INTAKE_MAX_COMMIT": "60s",
        "LETHE_REGISTER": str(REGISTER),
        "LETHE_INTAKE_LETTER_PAUSE": "200ms",
    }


class Site:
    def __init__(self, ground: IntakeGround, client: httpx.AsyncClient, sink: SmtpSink) -> None:
        self.ground, self.client, self.sink = ground, client, sink
        self.number = 0

    async def submit(self, email: str = PLANTED, controller: str = "acme", **more: Any) -> UUID:
        self.number += 1
        body = {
            "controller_id": controller,
            "right": "erasure",
            "identifiers": {"email": [email]},
            "channel": "web_form",
            "identity": {"method": "controller_session"},
            **more,
        }
        headers = {**self.ground.token(controller), "Idempotency-Key": str(self.number)}
        answer = await self.client.post("/v1/dsrs", json=body, headers=headers)
        assert answer.status_code == 202, answer.text
        return UUID(answer.json()["dsr_id"])

    async def arrived(self, count: int) -> list[str]:
        async def there() -> bool:
            return len(self.sink.raw) >= count

        await eventually(there)
        return [text(raw) for raw in self.sink.messages]

    async def reports(self, count: int) -> list[LetterReported]:
        async def there() -> bool:
            return len(await self._reports()) >= count

        await eventually(there, seconds=100)
        return await self._reports()

    async def _reports(self) -> list[LetterReported]:
        return [m.body for m in await self.ground.requests() if isinstance(m.body, LetterReported)]

    async def letters(self, dsr_id: UUID) -> list[dict[str, Any]]:
        answer = await self.client.get(f"/v1/dsrs/{dsr_id}/letters", headers=self.ground.token())
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items


def text(message: Any) -> str:
    body = message.get_body(("plain",))
    return " ".join(f"{message['Subject']} {body.get_content()}".split())


@asynccontextmanager
async def site(ground: IntakeGround, **more: str) -> AsyncIterator[Site]:
    with SmtpSink() as sink:
        async with ground.running(**settings(sink.port) | more) as client:
            yield Site(ground, client, sink)


def letter(dsr_id: UUID, kind: str = "refused", controller: str = "acme", **more: Any) -> LetterRequested:
    now = datetime.now(UTC)
    reason = LetterReason(ground="excessive", article="GDPR Art. 12(5)(b)")
    fields: dict[str, Any] = {"reasons": (reason,) if kind == "refused" else ()}
    return LetterRequested(
        letter_id=uuid7(now, os.urandom(10)),
        dsr_id=dsr_id,
        subject_ref=dsr_id,
        controller_id=controller,
        kind=kind,
        right=more.pop("right", Right.ERASURE),
        country="DE",
        received_at=now - timedelta(days=3),
        at=now,
        **fields | more,
    )


async def test_receipt_is_acknowledged_in_the_persons_language_and_only_where_letters_go_out(
    ground: IntakeGround,
) -> None:
    async with site(ground) as desk:
        english = await desk.submit(language="en")
        (first,) = await desk.arrived(1)
        assert "We have received your request" in first
        assert "erasure" in first
        await desk.submit("b@people.example", controller="beta")
        doubt = {"method": "in_doubt", "reason": "unknown_address"}
        await desk.submit("c@people.example", identity=doubt)
        await desk.submit("d@people.example")
        _, second = await desk.arrived(2)
        assert "Antrag" in second
        assert set(desk.sink.recipients) == {PLANTED, "d@people.example"}
        (shown,) = await desk.letters(english)
        assert (shown["kind"], shown["language"], shown["state"]) == ("acknowledgement", "en", "sent")
        assert shown["reply"].startswith("250")


async def test_a_letter_is_sent_once_however_often_it_is_asked_for_and_what_became_of_it_is_told_once(
    ground: IntakeGround,
) -> None:
    say(ground, acknowledge=False)
    async with site(ground) as desk:
        dsr_id = await desk.submit(language="fr")
        asked = letter(dsr_id)
        await ground.ask(asked)
        (arrived,) = await desk.arrived(1)
        words = Words(Language.FR)
        authority = authorities()["DE"]
        for required in (words.cite("excessive"), words.article("77(1)"), words.article("79(1)"), authority.name):
            assert required in arrived, required
        assert authority.site in arrived
        (report,) = await desk.reports(1)
        assert (report.state, report.kind, report.language) == (LetterState.SENT, "refused", "fr")
        assert report.letter_id == asked.letter_id
        await ground.ask(asked, asked)
        await ground.ask(letter(dsr_id, "withdrawn"))
        await desk.reports(2)
        assert len(desk.sink.raw) == 2
        assert len(await desk.reports(2)) == 2
    await ground.admin.execute("UPDATE intake.consumer_offset SET next_offset = 0")
    async with site(ground) as again:

        async def read_again() -> bool:
            done = await ground.admin.fetchval(
                "SELECT sum(next_offset) FROM intake.consumer_offset WHERE topic = $1", ground.topics.letters.name
            )
            return bool(done == 4)

        await eventually(read_again)
        assert again.sink.raw == []


async def test_what_cannot_reach_the_person_is_told_as_failed_and_shown_with_its_reason(ground: IntakeGround) -> None:
    say(ground, acknowledge=False)
    async with site(ground) as desk:
        gone = await desk.submit("refused@people.example")
        unknown = await desk.submit(identifiers={"customer_id": ["C-1"]})
        late = await desk.submit("late@people.example")
        elsewhere = await desk.submit("b@people.example", controller="beta")
        dates = {"first_due": datetime.now(UTC), "new_due": datetime.now(UTC) + timedelta(days=60)}
        past = datetime.now(UTC) - timedelta(seconds=1)
        await ground.ask(
            letter(gone),
            letter(unknown),
            letter(late, "extension", not_after=past, because=("complexity",), **dates),
            letter(elsewhere, controller="beta"),
        )
        reports = {r.dsr_id: r for r in await desk.reports(4)}
        assert {i: r.reason for i, r in reports.items()} == {
            gone: "refused_by_server",
            unknown: "no_address",
            late: "too_late",
            elsewhere: "no_settings",
        }
        assert {r.state for r in reports.values()} == {LetterState.FAILED}
        assert desk.sink.raw == []
        (shown,) = await desk.letters(gone)
        assert shown["state"] == "failed"
        assert "refused@" not in str(shown)


async def test_an_access_answer_says_all_that_article_15_asks_for_from_the_register(ground: IntakeGround) -> None:
    say(ground, acknowledge=False, dpo={"name": "Mira Holt", "email": "dpo@acme.example"})
    async with site(ground) as desk:
        dsr_id = await desk.submit(right="access", language="en")
        until = datetime.now(UTC) + timedelta(days=30)
        processors = ("helpdesk", "shop")
        answer = letter(dsr_id, "access_answer", right=Right.ACCESS, processors=processors, package_until=until)
        await ground.ask(answer)
        (arrived,) = await desk.arrived(1)
        for required in (
            f"https://privacy.acme.example/requests/{dsr_id}",
            "promotional e-mails (legal basis: Article 6(1)(a) GDPR)",
            "postal address",
            "Helpdesk (processor, United States)",
            "standard contractual clauses",
            "ten years after the loan was repaid",
            "We collected the data from you",
            "Credit check of a loan",
            "below a limit the loan is declined",
            "No loan is offered",
            "Article 77(1)",
            "Mira Holt",
        ):
            assert required in arrived, required
        (shown,) = await desk.letters(dsr_id)
        read = await desk.client.get(shown["text"], params={"language": "es"}, headers=ground.token())
        assert read.json()["language"] == "es"
        assert "Helpdesk (encargado del tratamiento, Estados Unidos)" in " ".join(read.json()["text"].split())
        other = await desk.client.get(shown["text"], headers=ground.token("beta"))
        assert other.status_code == 404


async def test_neither_address_nor_words_are_in_any_table_or_message(ground: IntakeGround) -> None:
    async with site(ground) as desk:
        dsr_id = await desk.submit()
        await ground.ask(letter(dsr_id))
        await desk.reports(1)
        tables = await ground.admin.fetch(
            "SELECT format('%I.%I', schemaname, tablename) AS t FROM pg_tables WHERE schemaname IN ('intake', 'vault')"
        )
        rows = [str(dict(r)) for t in tables for r in await ground.admin.fetch(f"SELECT * FROM {t['t']}")]
        for found in [*rows, *[r.decode("latin-1") for r in await ground.raw_records()]]:
            assert PLANTED not in found
            assert "castellanos" not in found


@pytest.mark.parametrize(
    ("section", "missing", "words"),
    [
        ({}, "LETHE_SMTP_HOST", "LETHE_SMTP_HOST"),
        ({}, "LETHE_REGISTER", "LETHE_REGISTER"),
        ({"page": "https://acme.example"}, None, "letters"),
        ({"templates": "own"}, None, "own/en/refused.j2"),
    ],
)
async def test_letters_that_could_not_go_out_are_refused_at_the_start(
    ground: IntakeGround, section: dict[str, Any], missing: str | None, words: str
) -> None:
    (ground.directory / "own" / "en").mkdir(parents=True)
    (ground.directory / "own" / "en" / "refused.j2").write_text("{% call subject() %}No{% endcall %}\nNo.\n")
    say(ground, **section)
    told = {k: v for k, v in settings(2525).items() if k != missing}
    with pytest.raises(SettingsError) as refused:
        async with ground.running(**told):
            pass
    assert words in str(refused.value)


async def test_killed_between_asking_and_sending_it_sends_each_letter_once_when_it_is_back(
    ground: IntakeGround,
) -> None:
    say(ground, acknowledge=False)
    with SmtpSink() as sink:
        port = sink.port
        async with ground.running(**settings(port)) as client:
            desk = Site(ground, client, sink)
            ids = [await desk.submit(f"p{n}@people.example") for n in range(6)]
    first = await ground.start(**settings(port))  # nobody listens there: nothing can go out
    await ground.ask(*(letter(i) for i in ids))

    async def kept() -> bool:
        return bool(await ground.admin.fetchval("SELECT count(*) FROM intake.delivery WHERE attempts > 0") == 6)

    await eventually(kept, seconds=100)
    await first.kill()
    with SmtpSink() as sink:
        async with ground.running(**settings(sink.port)) as client:
            desk = Site(ground, client, sink)
            await desk.reports(6)
            assert dict(sink.recipients) == {f"p{n}@people.example": 1 for n in range(6)}
            assert {r.state for r in await desk.reports(6)} == {LetterState.SENT}

"""What every mailer for e-mail does: one suite, run on the one in memory and on real SMTP."""

import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from lethe_delivery import Mail, Mailer, Outgoing, SmtpMailer, SmtpSettings, Tls, Verdict
from lethe_testkit.smtp_sink import DOMAIN, MailerInMemory, SmtpSink


@dataclass
class Ground:
    mailer: Mailer
    other: MailerInMemory | SmtpSink

    @property
    def accepted(self) -> Counter[str]:
        return self.other.accepted


@pytest.fixture(params=["memory", "smtp"])
async def ground(request: pytest.FixtureRequest) -> AsyncIterator[Ground]:
    if request.param == "memory":
        fake = MailerInMemory()
        yield Ground(fake, fake)
        return
    with ExitStack() as stack:
        sink = stack.enter_context(SmtpSink())
        settings = SmtpSettings(
            host="127.0.0.1", port=sink.port, tls=Tls.NONE, domain=DOMAIN, bounces=f"bounces@{DOMAIN}", timeout=5
        )
        mailer = SmtpMailer(settings)
        yield Ground(mailer, sink)
        await mailer.close()


def letter(to: str, **changes: str) -> Outgoing:
    mail = Mail(
        to=to,
        sender="Fjord Bank <privacy@fjord-bank.example>",
        subject="Ihre Löschung",
        text="Grüße\n.\nEnde\n",
        html="<p>Grüße</p>",
        **changes,
    )
    return Outgoing(id=uuid.uuid5(uuid.NAMESPACE_URL, to), queued_at=datetime(2026, 5, 4, 9, 30, tzinfo=UTC), mail=mail)


async def test_an_accepted_letter_brings_the_reply_as_proof(ground: Ground) -> None:
    sent = letter("nadia@mail.example")
    outcome = (await ground.mailer.send([sent]))[sent.id]
    assert outcome.verdict is Verdict.SENT
    assert outcome.reply.startswith("250 2.0.0 queued as")
    assert ground.accepted == {ground.mailer.reference(sent.id): 1}
    assert ground.mailer.reference(sent.id) == f"<{sent.id}@{DOMAIN}>"


async def test_the_letter_arrives_as_it_was_written(ground: Ground) -> None:
    await ground.mailer.send([letter("nadia@mail.example", reply_to="help@fjord-bank.example")])
    [raw] = ground.other.raw
    import email
    from email import policy

    got = email.message_from_bytes(raw, policy=policy.default)
    assert got["Auto-Submitted"] == "auto-generated"
    assert got["Subject"] == "Ihre Löschung"
    assert got["Date"] == "Mon, 04 May 2026 09:30:00 +0000"
    assert got["Reply-To"] == "help@fjord-bank.example"
    text, page = got.get_body(("plain",)), got.get_body(("html",))
    assert text is not None
    assert page is not None
    assert text.get_content().splitlines() == ["Grüße", ".", "Ende"]
    assert page.get_content().strip() == "<p>Grüße</p>"


@pytest.mark.parametrize(
    ("to", "verdict", "reply"),
    [
        ("refused@mail.example", Verdict.PERMANENT, "550 5.1.1"),
        ("busy@mail.example", Verdict.TRANSIENT, "451 4.7.1"),
        ("refused-data@mail.example", Verdict.PERMANENT, "554 5.7.1"),
        ("hangs-up@mail.example", Verdict.TRANSIENT, "not reached"),
        ("mute@mail.example", Verdict.UNCERTAIN, "no reply after DATA"),
        ("nobody", Verdict.PERMANENT, "no local part or no domain"),
        ("a@b.example\r\nBcc: all@b.example", Verdict.PERMANENT, "line break"),
    ],
)
async def test_what_went_wrong_tells_whether_it_may_have_arrived(
    ground: Ground, to: str, verdict: Verdict, reply: str
) -> None:
    sent = letter(to)
    outcome = (await ground.mailer.send([sent]))[sent.id]
    assert outcome.verdict is verdict
    assert reply in outcome.reply
    assert "mail.example" not in outcome.reply
    assert "refused@" not in outcome.reply
    assert sum(ground.accepted.values()) == (1 if verdict is Verdict.UNCERTAIN else 0)


async def test_one_bad_letter_does_not_touch_the_others_of_its_window(ground: Ground) -> None:
    bad = [letter(f"{fate}@mail.example") for fate in ("refused", "busy", "refused-data", "hangs-up", "mute")]
    good = [letter(f"person{n}@mail.example") for n in range(30)]
    outcomes = await ground.mailer.send([*good[:10], *bad, *good[10:]])
    assert {outcomes[one.id].verdict for one in good} == {Verdict.SENT}
    assert len(outcomes) == 35
    assert max(ground.accepted.values()) == 1


async def test_a_repeat_is_the_same_message_to_the_byte(ground: Ground) -> None:
    sent = letter("nadia@mail.example")
    assert ground.mailer.prepare(sent) == ground.mailer.prepare(sent)
    await ground.mailer.send([sent])
    await ground.mailer.send([sent])
    assert ground.accepted == {ground.mailer.reference(sent.id): 2}
    first, second = ground.other.raw
    assert first == second


async def test_closing_twice_and_sending_nothing_are_harmless(ground: Ground) -> None:
    assert await ground.mailer.send([]) == {}
    await ground.mailer.close()
    await ground.mailer.close()

"""Words that are encoded once give every recipient the same message as words that are encoded anew."""

from __future__ import annotations

import email
from datetime import UTC, datetime, timedelta
from email import policy
from uuid import UUID

import pytest

from lethe_delivery import BadMessage, Mail, Outgoing
from lethe_delivery.frames import Frames
from lethe_delivery.mime import mime

DOMAIN = "letters.acme.example"
NOW = datetime(2026, 3, 5, 10, 15, 7, tzinfo=UTC)
TRAP = "=fedcba98765442108edcba9876543210= To: nobody@recipient.invalid Date: Sat, 01 Jan 2000 00:00:00 +0000"
WORDS = {
    "plain": {"subject": "Your data", "text": "Short.\n"},
    "both": {"subject": "Ihre Daten – Größeres", "text": "Grüße = €\n" * 40, "html": "<p>Grüße = &euro; ü</p>\n" * 40},
    "traps": {"subject": f"{TRAP} {TRAP}", "text": f"{TRAP}\n{TRAP}\n", "html": TRAP, "reply_to": "a@b.example"},
}


def letter(n: int, to: str, words: str, *, to_many: bool) -> Outgoing:
    mail = Mail(to=to, sender='"Acme, Größe" <privacy@acme.example>', to_many=to_many, **WORDS[words])
    return Outgoing(id=UUID(int=n << 90 | n), queued_at=NOW + timedelta(hours=n), mail=mail)


@pytest.mark.parametrize("domain", [DOMAIN, "a-very-long-name-of-a-house-that-has-to-be-folded.letters.acme.example"])
@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize(
    "to",
    [
        "nadia@mail.example",
        "Nadia.Novak+shop@mail.example",
        "nadia@Mail.Example",
        "n" * 64 + "@" + "mail." * 20 + "example",
        '"odd local"@mail.example',
        "o'hara@mail.example",
        "nadia@größe.example",
        "nadja@mail",
        "Nadia <nadia@mail.example>",
    ],
)
def test_every_recipient_gets_the_bytes_of_a_letter_of_their_own(to: str, words: str, domain: str) -> None:
    frames = Frames(domain)
    for n in (1, 2, 3):
        many = frames.mime(letter(n, to, words, to_many=True))
        assert many == mime(letter(n, to, words, to_many=False), domain)
        read = email.message_from_bytes(many, policy=policy.default)
        assert read["Message-ID"] == f"<{UUID(int=n << 90 | n)}@{domain}>"


@pytest.mark.parametrize("to", ["nobody", "a@b.example\r\nBcc: c@d.example", "@mail.example", "a\0@mail.example"])
def test_an_address_that_cannot_be_written_is_refused_without_being_repeated(to: str) -> None:
    frames = Frames(DOMAIN)
    frames.mime(letter(1, "nadia@mail.example", "both", to_many=True))
    with pytest.raises(BadMessage) as refused:
        frames.mime(letter(2, to, "both", to_many=True))
    assert to not in str(refused.value)


def test_words_that_go_to_one_person_are_not_kept() -> None:
    frames = Frames(DOMAIN)
    frames.mime(letter(1, "nadia@mail.example", "both", to_many=False))
    assert frames._kept == {}
    for n in range(40):
        frames.mime(letter(n, "nadia@mail.example", "both", to_many=True))
    assert len(frames._kept) == 1

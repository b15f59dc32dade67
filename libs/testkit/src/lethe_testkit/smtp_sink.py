"""A real SMTP server to deliver to, and a mailer in memory that behaves the same.

What happens to a letter is told by the local part of its address: `refused`, `busy`, `refused-data`, `hangs-up`
(before DATA), `mute` (accepts, and closes without a reply).
"""

from __future__ import annotations

import asyncio
import email
import os
import socket
from collections import Counter
from email import policy
from typing import TYPE_CHECKING, Self

from aiosmtpd.controller import Controller

from lethe_delivery import BadMessage, Outcome, Verdict
from lethe_delivery.mime import envelope, message_id, mime

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from email.message import EmailMessage
    from pathlib import Path
    from uuid import UUID

    from aiosmtpd.smtp import SMTP, Envelope, Session

    from lethe_delivery import Outgoing

DOMAIN = "letters.acme.example"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _hang_up(server: SMTP) -> None:
    assert isinstance(server.transport, asyncio.Transport)
    server.transport.abort()


def _fate(address: str) -> str:
    return address.partition("@")[0].partition("+")[0]


class SmtpSink:
    """Accepts letters on a free port, in a thread of its own.

    `journal`: a file that names each accepted letter, written before the reply, as a relay's log does.
    """

    def __init__(self, journal: Path | None = None, *, keep: bool = True) -> None:
        self.accepted: Counter[str] = Counter()
        """Message-ID → how often."""
        self.recipients: Counter[str] = Counter()
        self.raw: list[bytes] = []
        self.silent_from: int | None = None
        """From so many accepted letters on each is written down, and no reply comes; None: every one is answered."""
        self._keep = keep
        self._journal = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600) if journal else None
        self._controller = Controller(self, hostname="127.0.0.1", port=_free_port(), ready_timeout=20)

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()
        if self._journal is not None:
            os.close(self._journal)

    @property
    def port(self) -> int:
        return int(self._controller.port)

    @property
    def messages(self) -> list[EmailMessage]:
        return [email.message_from_bytes(raw, policy=policy.default) for raw in self.raw]

    async def handle_RCPT(  # noqa: N802 - the hook's name
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        fate = _fate(address)
        if fate == "refused":
            return f"550 5.1.1 <{address}>: no such mailbox"
        if fate == "busy":
            return "451 4.7.1 try again later"
        if fate == "hangs-up":
            _hang_up(server)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        fate = _fate(envelope.rcpt_tos[0])
        if fate == "refused-data":
            return "554 5.7.1 not wanted here"
        content = envelope.content
        assert isinstance(content, bytes)
        head = content.split(b"\r\n\r\n", 1)[0]
        reference = next(
            line.partition(b":")[2].strip().decode()
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"message-id:")
        )
        self.accepted[reference] += 1
        self.recipients.update(envelope.rcpt_tos)
        if self._keep:
            self.raw.append(content)
        if self._journal is not None:
            os.write(self._journal, f"{reference}\n".encode())
        if fate == "mute":
            _hang_up(server)
        number = self.accepted.total()
        while self.silent_from is not None and number >= self.silent_from:  # noqa: ASYNC110 - another thread sets it
            await asyncio.sleep(0.02)
        return f"250 2.0.0 queued as {number}"


class Journal:
    """A `SentLog` that reads what a sink wrote down."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def accepted(self, references: Sequence[str]) -> Mapping[str, str]:
        known = set(self._path.read_text().split())
        return {reference: "found in the journal of the relay" for reference in references if reference in known}


class MailerInMemory:
    """A `Mailer` without a server."""

    def __init__(self) -> None:
        self.accepted: Counter[str] = Counter()
        self.raw: list[bytes] = []

    def prepare(self, message: Outgoing) -> bytes:
        return mime(message, DOMAIN)

    def reference(self, delivery_id: UUID) -> str:
        return message_id(delivery_id, DOMAIN)

    async def send(self, messages: Sequence[Outgoing]) -> Mapping[UUID, Outcome]:
        return {message.id: self._one(message) for message in messages}

    def _one(self, message: Outgoing) -> Outcome:
        try:
            content, to = self.prepare(message), envelope(message.mail.to)
        except BadMessage as error:
            return Outcome(Verdict.PERMANENT, str(error))
        no = {
            "refused": Outcome(Verdict.PERMANENT, "550 5.1.1 ‹address›: no such mailbox"),
            "busy": Outcome(Verdict.TRANSIENT, "451 4.7.1 try again later"),
            "refused-data": Outcome(Verdict.PERMANENT, "554 5.7.1 not wanted here"),
            "hangs-up": Outcome(Verdict.TRANSIENT, "not reached: SMTPServerDisconnected"),
        }
        if _fate(to) in no:
            return no[_fate(to)]
        self.accepted[self.reference(message.id)] += 1
        self.raw.append(content)
        if _fate(to) == "mute":
            return Outcome(Verdict.UNCERTAIN, "no reply after DATA: SMTPServerDisconnected")
        return Outcome(Verdict.SENT, f"250 2.0.0 queued as {len(self.accepted)}")

    async def close(self) -> None:
        pass

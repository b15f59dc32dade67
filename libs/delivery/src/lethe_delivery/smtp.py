"""SMTP, with its phases apart: an error before DATA leaves no doubt, silence after it does (RFC 5321 §4.5.3.2.6)."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import aiosmtplib
from aiosmtplib import SMTP, SMTPException, SMTPResponseException

from lethe_delivery.errors import BadMessage, BadSettings
from lethe_delivery.frames import Frames
from lethe_delivery.messages import Outcome, Verdict, scrubbed
from lethe_delivery.mime import envelope, message_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from uuid import UUID

    from lethe_delivery.messages import Outgoing

_PERMANENT_REPLY = 500
_ABOUT_US = frozenset({530, 534, 535, 538})
"""Replies that refuse us, not the recipient: worth another time, after somebody has put the settings right."""


class Tls(StrEnum):
    IMPLICIT = "implicit"  # port 465
    STARTTLS = "starttls"  # required: without it nothing is sent
    NONE = "none"  # a relay on the same machine, and tests


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSettings:
    """`domain`: the right side of every Message-ID, one that belongs to the controller. `bounces`: envelope sender."""

    host: str
    domain: str
    bounces: str
    port: int = 465
    tls: Tls = Tls.IMPLICIT
    username: str | None = None
    password: str | None = None
    ca_file: str | None = None
    connections: int = 4
    per_connection: int = 100
    """Letters after which a connection is closed in good order; many servers allow no more."""
    timeout: float = 60.0
    """Seconds for each command; servers may take minutes after DATA, and then the letter is in doubt."""

    def __post_init__(self) -> None:
        if self.password is not None and self.tls is Tls.NONE:
            raise BadSettings("a password is only sent over TLS: set tls to implicit or starttls")
        if self.connections < 1 or self.per_connection < 1:
            raise BadSettings("connections and per_connection have to be at least 1")

    def __repr__(self) -> str:
        return f"SmtpSettings({self.host}:{self.port}, {self.tls})"


class SmtpMailer:
    """A `Mailer`. A window is spread over a few connections that stay open between windows."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._frames = Frames(settings.domain)
        self._lanes = [_Lane(settings) for _ in range(settings.connections)]

    def prepare(self, message: Outgoing) -> bytes:
        return self._frames.mime(message)

    def reference(self, delivery_id: UUID) -> str:
        return message_id(delivery_id, self._settings.domain)

    async def send(self, messages: Sequence[Outgoing]) -> Mapping[UUID, Outcome]:
        waiting = list(reversed(messages))
        outcomes: dict[UUID, Outcome] = {}

        async def work(lane: _Lane) -> None:
            while waiting:
                message = waiting.pop()
                outcomes[message.id] = await lane.send(message, self.prepare)

        async with asyncio.TaskGroup() as group:
            for lane in self._lanes[: len(messages)]:
                group.create_task(work(lane))
        return outcomes

    async def close(self) -> None:
        for lane in self._lanes:
            await lane.close()


class _Lane:
    """One connection, opened when it is needed."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._client: SMTP | None = None
        self._sent = 0

    async def send(self, message: Outgoing, prepare: Callable[[Outgoing], bytes]) -> Outcome:
        recipient = message.mail.to
        try:
            content, to = message.content or prepare(message), envelope(recipient)
        except BadMessage as error:
            return Outcome(Verdict.PERMANENT, str(error))
        try:
            client = await self._ready()
            await self._announce(client, to, message.id)
        except (SMTPException, OSError, TimeoutError) as error:
            return await self._refused(error, recipient)
        try:
            response = await client.data(content)
        except SMTPResponseException as error:  # the server said no: it has nothing
            return await self._refused(error, recipient)
        except (SMTPException, OSError, TimeoutError) as error:
            await self._drop()
            return Outcome(Verdict.UNCERTAIN, f"no reply after DATA: {type(error).__name__}")
        except asyncio.CancelledError:
            await self._drop()
            raise
        self._sent += 1
        if self._sent >= self._settings.per_connection:
            await self.close()
        return Outcome(Verdict.SENT, scrubbed(f"{response.code} {response.message}", recipient))

    async def _ready(self) -> SMTP:
        if self._client is not None and self._client.is_connected:
            return self._client
        s = self._settings
        client = SMTP(
            hostname=s.host,
            port=s.port,
            username=s.username,
            password=s.password,
            timeout=s.timeout,
            use_tls=s.tls is Tls.IMPLICIT,
            start_tls=s.tls is Tls.STARTTLS,
            local_hostname=s.domain,
            tls_context=None if s.tls is Tls.NONE else ssl.create_default_context(cafile=s.ca_file),
        )
        await client.connect()
        self._client, self._sent = client, 0
        return client

    async def _announce(self, client: SMTP, to: str, delivery_id: UUID) -> None:
        """Where the server reports on delivery (RFC 3461) it is told by which id, and to send the text to nobody."""
        options, encoding = [], "ascii"
        if client.supports_extension("dsn"):
            options = [f"ENVID={delivery_id}", "RET=HDRS"]
        if not to.isascii():
            if not client.supports_extension("smtputf8"):
                raise SMTPResponseException(553, "this server takes no addresses beyond ASCII (SMTPUTF8)")
            options, encoding = [*options, "SMTPUTF8"], "utf-8"
        await client.mail(self._settings.bounces, options=options, encoding=encoding)
        await client.rcpt(to, encoding=encoding)

    async def _refused(self, error: BaseException, recipient: str) -> Outcome:
        """Before DATA, or by a reply: the server has nothing of this letter."""
        if not isinstance(error, SMTPResponseException):
            await self._drop()
            return Outcome(Verdict.TRANSIENT, f"not reached: {type(error).__name__}")
        about_us = isinstance(error, aiosmtplib.SMTPConnectError | aiosmtplib.SMTPHeloError) or error.code in _ABOUT_US
        permanent = error.code >= _PERMANENT_REPLY and not about_us
        if error.code == 421 or about_us:  # noqa: PLR2004 - the server closes
            await self._drop()
        else:
            await self._reset()
        verdict = Verdict.PERMANENT if permanent else Verdict.TRANSIENT
        return Outcome(verdict, scrubbed(f"{error.code} {error.message}", recipient))

    async def _reset(self) -> None:
        """The connection stays in use: what was announced is forgotten by the server."""
        try:
            if self._client is not None:
                await self._client.rset()
        except (SMTPException, OSError, TimeoutError):
            await self._drop()

    async def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None and client.is_connected:
            with suppress(SMTPException, OSError, TimeoutError):
                await client.quit()
        if client is not None:
            client.close()

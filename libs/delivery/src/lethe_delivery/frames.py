"""Letters of which only the recipient differs: their words are encoded once, and each has the bytes of its own."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TYPE_CHECKING
from uuid import UUID

from lethe_delivery.errors import BadMessage
from lethe_delivery.messages import Outgoing
from lethe_delivery.mime import address, mime

if TYPE_CHECKING:
    from lethe_delivery.messages import Mail

_NOBODY = "nobody@recipient.invalid"
_NEVER = datetime(2000, 1, 1, tzinfo=UTC)
_NO_LETTER = UUID("fedcba98-7654-4210-8edc-ba9876543210")
_TO = f"\r\nTo: {_NOBODY}\r\n".encode()
_DATE = f"\r\nDate: {format_datetime(_NEVER)}".encode()
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+-]*(\.[A-Za-z0-9_+-]+)*@[a-z0-9-]+(\.[a-z0-9-]+)+")
_LONGEST = 70  # characters of an address that is never folded
_KEPT = 16


class Frames:
    """Keeps the words of a few letters that were marked `to_many`; those name nobody. Gives what `mime` gives."""

    def __init__(self, domain: str) -> None:
        self._domain = domain
        self._kept: dict[Mail, list[bytes]] = {}

    def mime(self, message: Outgoing) -> bytes:
        """Raises BadMessage, as `mime` does."""
        if not message.mail.to_many:
            return mime(message, self._domain)
        before_to, before_date, before_id, *rest = self._frame(replace(message.mail, to=_NOBODY))
        parts = [before_to, b"\r\n", _header(message.mail.to), before_date]
        parts += [f"\r\nDate: {format_datetime(message.queued_at)}".encode(), before_id, str(message.id).encode()]
        return b"".join((*parts, f"={message.id.hex}=".encode().join(rest)))

    def _frame(self, mail: Mail) -> list[bytes]:
        """What stands before To, before the date, before the Message-ID; then what stands between boundaries."""
        found = self._kept.get(mail)
        if found is None:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            made = mime(Outgoing(id=_NO_LETTER, queued_at=_NEVER, mail=mail), self._domain)
            before_to, _, rest = made.partition(_TO)
            before_date, _, rest = rest.partition(_DATE)
            before_id, _, rest = rest.partition(str(_NO_LETTER).encode())
            # quoted-printable writes capitals behind an equals sign: a boundary cannot be among the words
            between = rest.split(f"={_NO_LETTER.hex}=".encode())
            found = self._kept[mail] = [before_to, before_date, before_id, *between]
        return found


def _header(to: str) -> bytes:
    if _PLAIN.fullmatch(to) and len(to) <= _LONGEST:
        return f"To: {to}\r\n".encode()
    try:
        made = EmailMessage(policy=SMTP)
        made["To"] = address(to)
        return made.as_bytes().removesuffix(b"\r\n")
    except (ValueError, UnicodeError, IndexError):
        raise BadMessage("an address of this message cannot be written") from None

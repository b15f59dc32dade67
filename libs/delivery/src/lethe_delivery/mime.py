"""A message as bytes: the same message gives the same bytes, so that its hash is a proof and a repeat is a copy."""

from __future__ import annotations

from email.errors import HeaderParseError, MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import TYPE_CHECKING

from lethe_delivery.errors import BadMessage

if TYPE_CHECKING:
    from uuid import UUID

    from lethe_delivery.messages import Outgoing


def message_id(delivery_id: UUID, domain: str) -> str:
    """The same delivery has the same Message-ID for ever: receivers may drop a repeat by it."""
    return f"<{delivery_id}@{domain}>"


def mime(message: Outgoing, domain: str) -> bytes:
    """RFC 5322 with CRLF, 7 bits, text and HTML as alternatives.

    Raises BadMessage for an address or header that cannot be written, without repeating it.
    """
    mail = message.mail
    try:
        made = EmailMessage(policy=SMTP)
        made["From"] = address(mail.sender)
        made["To"] = address(mail.to)
        if mail.reply_to:
            made["Reply-To"] = address(mail.reply_to)
        made["Subject"] = mail.subject
        made["Date"] = format_datetime(message.queued_at)
        made["Message-ID"] = message_id(message.id, domain)
        made["Auto-Submitted"] = "auto-generated"  # RFC 3834: no automatic answers, please
        made["X-Auto-Response-Suppress"] = "All"
        made.set_content(mail.text, cte="quoted-printable")
        if mail.html is not None:
            made.add_alternative(mail.html, subtype="html", cte="quoted-printable")
            made.set_boundary(f"={message.id.hex}=")
        return made.as_bytes()
    except (ValueError, MessageError, HeaderParseError, UnicodeError, IndexError):
        raise BadMessage("an address or a header of this message cannot be written") from None


def envelope(text: str) -> str:
    """The bare address. Raises BadMessage."""
    return address(text).addr_spec


def address(text: str) -> Address:
    """Raises BadMessage, without repeating it."""
    if any(c in text for c in "\r\n\0"):
        raise BadMessage("an address holds a line break")
    name, bare = parseaddr(text)
    local, at, domain = bare.rpartition("@")
    if not (local and at and domain):
        raise BadMessage("an address has no local part or no domain")
    try:
        domain = domain.encode("idna").decode()
        return Address(name, username=local, domain=domain)
    except (ValueError, UnicodeError, MessageError, IndexError):
        raise BadMessage("an address cannot be read") from None

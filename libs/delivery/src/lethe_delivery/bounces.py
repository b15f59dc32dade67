"""Reports on delivery (RFC 3464) that come back to the envelope sender. Read from outside, so nothing is trusted."""

from __future__ import annotations

import email
import re
import uuid
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from typing import TYPE_CHECKING

from lethe_delivery.messages import scrubbed

if TYPE_CHECKING:
    from collections.abc import Iterator

_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_LARGEST = 1_000_000  # bytes that are looked at


@dataclass(frozen=True, slots=True)
class Bounce:
    """`permanent`: the report says `failed`, so nothing more is tried. `status`: without addresses."""

    delivery_id: uuid.UUID
    permanent: bool
    status: str


def read_bounce(raw: bytes, domain: str) -> Bounce | None:
    """The report that one of our letters failed; None for a delay, a success, somebody else's letter, or no report.

    The letter is known by its Message-ID in the returned headers; `domain` is that of our Message-IDs.
    """
    message = email.message_from_bytes(raw[:_LARGEST], policy=policy.default)
    if message.get_content_type() != "multipart/report":
        return None
    ours = re.compile(rf"<([0-9a-f-]{{36}})@{re.escape(domain)}>", re.IGNORECASE)
    fields = [field for part in message.walk() if _is_status(part) for field in _recipients(part)]
    returned = [match for part in message.walk() for match in ours.finditer(_headers(part))]
    failed = [field for field in fields if field.get("action", "").strip().lower() == "failed"]
    if not failed or not returned:
        return None
    try:
        delivery_id = uuid.UUID(returned[-1][1])
    except ValueError:
        return None
    status = _STATUS.search(failed[0].get("status", ""))
    known = [field.get(name, "").partition(";")[2].strip() for field in fields for name in _NAMES]
    diagnostic = scrubbed(failed[0].get("diagnostic-code", "").partition(";")[2], *filter(None, known))
    return Bounce(delivery_id, permanent=True, status=f"{status[0] if status else '5.0.0'} {diagnostic}".strip())


_NAMES = ("final-recipient", "original-recipient")


def _is_status(part: email.message.Message) -> bool:
    return part.get_content_type() == "message/delivery-status"


def _recipients(part: email.message.Message) -> Iterator[dict[str, str]]:
    """The groups of fields of one report: the first is about the message, each other one about a recipient."""
    payload = part.get_payload()
    for group in payload[1:] if isinstance(payload, list) else ():
        if isinstance(group, EmailMessage):
            yield {name.lower(): str(value) for name, value in group.items()}


def _headers(part: email.message.Message) -> str:
    """Message-ID of a returned letter: its headers alone, or the whole of it."""
    if part.get_content_type() == "text/rfc822-headers":
        return str(email.message_from_string(str(part.get_payload()), policy=policy.default).get("message-id", ""))
    if part.get_content_type() == "message/rfc822":
        inner = part.get_payload(0) if part.is_multipart() else None
        return str(inner.get("message-id", "")) if isinstance(inner, EmailMessage) else ""
    return ""

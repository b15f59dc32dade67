"""Reports on delivery (RFC 3464, 6533) that come back to the envelope sender. Read from outside: nothing is trusted."""

from __future__ import annotations

import email
import hashlib
import re
import uuid
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import HeaderParser
from typing import TYPE_CHECKING

from lethe_delivery.messages import scrubbed

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST = 1_000_000
"""Bytes of a report that are looked at."""
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_ID = r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
_BLANK = re.compile(r"\r?\n[ \t]*\r?\n")
_STATUSES = frozenset({"message/delivery-status", "message/global-delivery-status"})
_HEADERS = frozenset({"text/rfc822-headers", "message/global-headers"})
_LETTERS = frozenset({"message/rfc822", "message/global"})
_NAMES = ("final-recipient", "original-recipient")


@dataclass(frozen=True, slots=True)
class Bounce:
    """A letter did not arrive. `permanent`: it never will; else its server only gave up for now (status 4.x.x).

    `status`: without addresses. `report`: by which the same report is known when it comes again.
    """

    delivery_id: uuid.UUID
    permanent: bool
    status: str
    report: str = ""


def read_bounce(raw: bytes, domain: str) -> Bounce | None:
    """The report that one of our letters failed; None for a delay, a success, somebody else's letter, or no report.

    The letter is known by the envelope id that we gave it, else by its Message-ID in the returned headers; `domain` is
    that of our Message-IDs.
    """
    message = email.message_from_bytes(raw[:LARGEST], policy=policy.default)
    if message.get_content_type() != "multipart/report":
        return None
    groups = [group for part in message.walk() if part.get_content_type() in _STATUSES for group in _groups(part)]
    failed = [group for group in groups if group.get("action", "").partition(" ")[0].lower() == "failed"]
    if not failed:
        return None
    envelope = re.fullmatch(_ID, groups[0].get("original-envelope-id", ""), re.IGNORECASE)
    ours = re.compile(rf"<{_ID}@{re.escape(domain)}>", re.IGNORECASE)
    returned = [match for part in message.walk() for match in ours.finditer(_message_id(part))]
    found = envelope[1] if envelope else returned[-1][1] if returned else None
    if found is None:
        return None
    code = _STATUS.search(failed[0].get("status", ""))
    known = [group.get(name, "").partition(";")[2].strip() for group in groups for name in _NAMES]
    said = scrubbed(failed[0].get("diagnostic-code", "").partition(";")[2], *filter(None, known))
    return Bounce(
        uuid.UUID(found),
        permanent=code is None or not code[0].startswith("4"),
        status=f"{code[0] if code else '5.0.0'} {said}".strip(),
        report=hashlib.sha256(raw[:LARGEST]).hexdigest(),
    )


def delivery_of(reference: str, domain: str) -> uuid.UUID | None:
    """The delivery that a provider names by its id or by its Message-ID; None if it is none of ours."""
    found = re.fullmatch(rf"<?{_ID}(?:@{re.escape(domain)})?>?", reference.strip(), re.IGNORECASE)
    return None if found is None else uuid.UUID(found[1])


def _groups(part: email.message.Message) -> Iterator[dict[str, str]]:
    """The groups of fields of one report: the first is about the message, each other one about a recipient."""
    payload = part.get_payload()
    blocks = payload if isinstance(payload, list) else []
    for block in blocks:
        if isinstance(block, EmailMessage):
            yield _fields(block)
            rest = block.get_payload()  # all of it stands in one block in the form of RFC 6533
            for text in _BLANK.split(rest) if isinstance(rest, str) else ():
                if text.strip():
                    yield _fields(HeaderParser(policy=policy.default).parsestr(text.strip() + "\n\n"))


def _fields(block: email.message.Message) -> dict[str, str]:
    return {name.lower(): " ".join(str(value).split()) for name, value in block.items()}


def _message_id(part: email.message.Message) -> str:
    """Message-ID of a returned letter: its headers alone, or the whole of it."""
    kind = part.get_content_type()
    if kind == "text/rfc822-headers":
        payload = part.get_payload(decode=True)
        text = payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
        return str(HeaderParser(policy=policy.default).parsestr(text.lstrip()).get("message-id", ""))
    if kind in _HEADERS | _LETTERS:
        inner = part.get_payload(0) if part.is_multipart() else None
        return str(inner.get("message-id", "")) if isinstance(inner, EmailMessage) else ""
    return ""

"""What is sent, and what came of it."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

_NAMESPACE = uuid.UUID("6f1c6f0e-8f0b-5b53-9a51-1e7e00000002")
_ADDRESS = re.compile(r"<[^<>\s]*>|[^\s<>()\[\]\",;:]+@[^\s<>()\[\]\",;]+")
_LONGEST = 300  # characters of a reply that are kept


def delivery_id(purpose: str, recipient_ref: uuid.UUID) -> uuid.UUID:
    """The same letter to the same recipient has the same id for ever: it is the dedupe key, never change it."""
    return uuid.uuid5(_NAMESPACE, f"{purpose}/{recipient_ref}")


class OnDoubt(StrEnum):
    """What is done with a letter that may have been accepted."""

    RESEND = "resend"  # at least once, with the same Message-ID, counted and shown
    HOLD = "hold"  # at most once: a person decides


class State(StrEnum):
    QUEUED = "queued"
    CLAIMED = "claimed"
    SENDING = "sending"
    SENT = "sent"
    BOUNCED = "bounced"
    FAILED = "failed"
    UNCERTAIN = "uncertain"


class Verdict(StrEnum):
    """What an attempt came to."""

    SENT = "sent"
    TRANSIENT = "transient"  # certainly not accepted; may be another time
    PERMANENT = "permanent"  # certainly not accepted, and will not be
    UNCERTAIN = "uncertain"  # everything was handed over, and no reply came


@dataclass(frozen=True, slots=True)
class Outcome:
    """`reply` is kept as proof: it holds no address (`scrubbed`)."""

    verdict: Verdict
    reply: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One letter to one recipient, as it is put into the ledger."""

    channel: str
    purpose: str
    recipient_ref: uuid.UUID
    matter: uuid.UUID
    letter: str
    on_doubt: OnDoubt

    @property
    def id(self) -> uuid.UUID:
        return delivery_id(self.purpose, self.recipient_ref)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A delivery that this instance has claimed. Whoever composes it redeems `recipient_ref`."""

    id: uuid.UUID
    purpose: str
    recipient_ref: uuid.UUID
    matter: uuid.UUID
    letter: str
    attempts: int
    queued_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A finished message. `sender`: an address, or `Name <address>`. For SMS only `to` and `text` count.

    `to_many`: the same words go to many and name nobody, so that whoever sends them may keep them.
    """

    to: str
    sender: str
    subject: str
    text: str
    html: str | None = None
    reply_to: str | None = None
    to_many: bool = False

    def __repr__(self) -> str:
        return "Mail(…)"  # it must not get into a log or a traceback


@dataclass(frozen=True, slots=True)
class Unreachable:
    """There is nowhere to send it. `reason` is kept in the ledger: no personal data."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """What a mailer is given. `queued_at` becomes the date of the message, so that a repeat is the same message."""

    id: uuid.UUID
    queued_at: datetime
    mail: Mail
    content: bytes | None = None
    """What `Mailer.prepare` made of it, if that was asked already."""


def scrubbed(reply: str, *known: str) -> str:
    """A reply of a server without addresses, and without the recipient's own (`known`: an address or a number)."""
    for secret in known:
        for piece in {secret, secret.partition("@")[0]} - {""}:
            reply = re.sub(rf"(?<![\w.]){re.escape(piece)}(?![\w])", "‹recipient›", reply, flags=re.IGNORECASE)
    reply = _ADDRESS.sub("‹address›", reply)
    return " ".join("".join(c if c.isprintable() else " " for c in reply).split())[:_LONGEST]

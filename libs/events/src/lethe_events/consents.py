"""Messages about consent. The rules of `models` hold here as well."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from lethe_events.models import Code, Instant, Message, Token


class ConsentState(StrEnum):
    """What a person said last about one purpose."""

    GRANTED = "granted"
    WITHDRAWN = "withdrawn"  # Art. 7(3): at any time, for what comes after


class ConsentChanged(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A product service was told by a person, or for one, that a consent is given or taken back."""

    TYPE: ClassVar[str] = "lethe.consent.changed.v1"
    processor_id: Code
    controller_id: Code
    subject_token: Token
    purpose: Code
    """The data use as the register names it."""
    state: ConsentState
    said_by: Code
    """Who said so, and how, as a code: `person.account_page`, `guardian`."""
    at: Instant
    dsr_id: UUID | None = None
    """Withdrawn: the request that carries it to everybody else who processes for this purpose."""

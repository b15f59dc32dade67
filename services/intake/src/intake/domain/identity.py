"""Who asks: what may be asked of a person (Art. 12(6)), and codes that nobody can read out of the tables."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from intake.domain.errors import Fault
from lethe_law.rights.dsrs import Circumstances, Proof, proportionate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

IN_DOUBT = "in_doubt"
AGENT = "authorised_agent"
ASSERTED = "signed_assertion"
DIGITS = 8
REACHED_BY = {"email": "email", "sms": "phone_number"}
"""Channel of a code → the kind of identifier that it goes to."""


class Doubt(StrEnum):
    """Reasons for a reasonable doubt. Codes, not free text: they are told to the person, in the person's language."""

    UNKNOWN_ADDRESS = "unknown_address"
    DIFFERING_DETAILS = "differing_details"
    SEVERAL_PERSONS = "several_persons"
    SUSPECTED_MISUSE = "suspected_misuse"
    UNCLEAR_MANDATE = "unclear_mandate"


class Manner(StrEnum):
    """How a person of the controller made sure. Nothing of what was looked at is kept (EDPB 01/2022 §79)."""

    CALLED_BACK = "called_back"  # at a number that was known before
    KNOWN_IN_PERSON = "known_in_person"
    QUESTIONS_ANSWERED = "questions_answered"  # about what only that person knows
    MANDATE_SEEN = "mandate_seen"
    DOCUMENT_SEEN = "document_seen"


_ASKS = {Manner.MANDATE_SEEN: Proof.MANDATE, Manner.DOCUMENT_SEEN: Proof.DOCUMENT}


@dataclass(frozen=True, slots=True)
class CodePolicy:
    """`lifetime` of a code, `attempts` at each, `pause` between two, and how many in a day for one DSR."""

    lifetime: timedelta = timedelta(minutes=15)
    attempts: int = 5
    pause: timedelta = timedelta(seconds=60)
    per_day: int = 5


class Codes:
    """Codes are derived from their id under a secret, so that the letter can be written again after a crash.

    The tables hold the id and a hash under the same secret, by another label: neither gives the code away.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def code(self, code_id: UUID) -> str:
        """8 digits. The same id gives the same code."""
        digest = self._keyed(b"code", code_id.bytes)
        return f"{int.from_bytes(digest[:16]) % 10**DIGITS:0{DIGITS}d}"

    def hash(self, code_id: UUID, code: str) -> bytes:
        return self._keyed(b"hash", code_id.bytes + code.encode())

    def matches(self, code_id: UUID, given: str, kept: bytes) -> bool:
        """In constant time. Blanks and hyphens, as people type them, do not count."""
        return hmac.compare_digest(self.hash(code_id, given.replace(" ", "").replace("-", "")), kept)

    def _keyed(self, label: bytes, content: bytes) -> bytes:
        return hmac.digest(self._secret, b"lethe.intake.identity|" + label + b"|" + content, "sha256")


def may_be_asked(manner: Manner, *, doubt: str, right: str, kinds: Sequence[str], sensitive: bool) -> bool:
    """Whether so much may be asked of the person: the least that removes the doubt (Art. 12(6), 5(1)(c))."""
    found = Circumstances(
        known_address=bool(set(kinds) & set(REACHED_BY.values())),
        agent=doubt == Doubt.UNCLEAR_MANDATE,
        doubt=doubt,
        sensitive=sensitive,
        right=right,
    )
    return proportionate(_ASKS.get(manner, Proof.CODE), found)


def faults_of_identity(method: str, *, reason: str | None, mandate: str | None, assertion: bool) -> list[Fault]:
    """What is said about identity has to hold together."""
    faults = []
    if method == IN_DOUBT and reason not in list(Doubt):
        fix = f"record why, one of {', '.join(Doubt)}; without a reason nothing may be asked (Art. 12(6))"
        faults.append(Fault("identity.reason", "is not a reason for a doubt", fix))
    if method != IN_DOUBT and reason is not None:
        faults.append(Fault("identity.reason", "has a meaning only with method in_doubt", "leave it out"))
    if method == AGENT and mandate is None:
        faults.append(Fault("identity.mandate", "is missing", "send the reference by which you keep the mandate"))
    if method not in {AGENT, IN_DOUBT} and mandate is not None:
        faults.append(Fault("identity.mandate", "has a meaning only for an agent", "leave it out"))
    if (method == ASSERTED) != assertion:
        fix = "send method signed_assertion together with the assertion, or neither"
        faults.append(Fault("identity.assertion", "does not go with the method", fix))
    return faults


def faults_of_assertion(
    identifiers: Mapping[str, tuple[str, ...]], asserted: Mapping[str, tuple[str, ...]]
) -> list[Fault]:
    """Everything that the request names has to be asserted: else somebody signed in could ask for another person."""
    return [
        Fault(f"identifiers.{kind}", "is not what the assertion says", "assert every identifier of the request")
        for kind, values in identifiers.items()
        if not set(values) <= set(asserted.get(kind, ()))
    ]

"""Identifiers of a person: what is accepted, and the one form in which they are compared.

Lenient where a person's request would otherwise be refused for a table of ours: a phone number only has to be
possible, because numbering plans change; a customer id is whatever the controller says.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from intake.domain.errors import Fault
from lethe_events.subject_token import normalise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_VALUE = 320
"""Characters of one identifier; an e-mail address has at most 254."""
_MAX_EMAIL = 254
# A strict subset of what email-validator accepts and gives back unchanged but for the case of the domain. It covers
# nearly every address in a fraction of the time; a test holds the two together.
_PLAIN_EMAIL = re.compile(
    r"[A-Za-z0-9]{1,20}(?:[._+-][A-Za-z0-9]{1,20}){0,2}"
    r"@(?:[A-Za-z0-9]{1,20}(?:-[A-Za-z0-9]{1,20}){0,2}\.){1,3}"
    r"(?!(?:alt|arpa|internal|invalid|local|localhost|onion|test)$)[a-z]{2,12}"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def normalise_identifiers(
    given: Mapping[str, Sequence[str]], country: str | None
) -> tuple[dict[str, tuple[str, ...]], list[Fault]]:
    """Normalised values by kind, without repeats, in the order given; and every fault.

    `country` (ISO 3166, with or without a subdivision) is where a phone number without country code is dialled.
    """
    faults: list[Fault] = []
    found: dict[str, tuple[str, ...]] = {}
    for kind, values in given.items():
        good: dict[str, None] = {}
        for index, value in enumerate(values):
            try:
                good[_normalise(kind, value, country)] = None
            except _Wrong as wrong:
                faults.append(Fault(f"identifiers.{kind}[{index}]", wrong.message, wrong.fix))
        if good:
            found[kind] = tuple(good)
    if not found and not faults:
        faults.append(
            Fault("identifiers", "names nobody", 'send at least one identifier, for example {"email": ["name@domain"]}')
        )
    return found, faults


class _Wrong(Exception):
    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


def _normalise(kind: str, value: str, country: str | None) -> str:
    trimmed = value.strip()
    if not trimmed:
        raise _Wrong("is empty", "leave it out, or send the value")
    if len(trimmed) > MAX_VALUE:
        raise _Wrong("is too long", f"send at most {MAX_VALUE} characters")
    if _CONTROL.search(trimmed):
        raise _Wrong("holds control characters", "send plain text")
    if kind == "email":
        return normalise(kind, _email(trimmed))
    if kind == "phone_number":
        return normalise(kind, _phone(trimmed, country))
    return normalise(kind, trimmed)


def _email(value: str) -> str:
    if len(value) <= _MAX_EMAIL and _PLAIN_EMAIL.fullmatch(value):
        return value
    try:
        return validate_email(value, check_deliverability=False, strict=True).normalized
    except EmailNotValidError:
        raise _Wrong("is not an e-mail address", "send it as name@domain, without a display name") from None


def _phone(value: str, country: str | None) -> str:
    fix = "send it with country code, for example +49 30 901820"
    try:
        number = phonenumbers.parse(value, country[:2] if country else None)
    except phonenumbers.NumberParseException:
        raise _Wrong("is not a phone number", fix) from None
    if not phonenumbers.is_possible_number(number):
        raise _Wrong("is not a phone number", fix)
    if number.extension:
        raise _Wrong("has an extension", "send the number without it, or as another kind of identifier")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

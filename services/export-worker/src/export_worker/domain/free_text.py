"""Other people's identifiers in free text: found by their form, check digits and numbering plans. GDPR Art. 15(4).

E-mail addresses, telephone numbers, bank accounts (IBAN) and payment cards. Names and what only sense tells are not
found: a field that is likely to hold those is declared `about: others` or is withheld.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import phonenumbers

from lethe_events.subject_token import normalise

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_EMAIL = re.compile(r"[A-Za-z0-9._%+'-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}")
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}(?![A-Za-z0-9])")
_CARD = re.compile(r"(?<![0-9])[0-9](?:[ -]?[0-9]){12,18}(?![0-9])")
_IBAN_LENGTHS = range(15, 35)
LONGEST = 100_000
"""Characters of one value that are looked at; what is longer is withheld, because nobody knows what is behind them."""


class Span(NamedTuple):
    start: int
    end: int
    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Cleaned:
    """`text`: what may be handed over, None where the whole value is withheld. `found`: by kind."""

    text: str | None
    found: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Finder:
    """For one person. `own`: normalised values of the person's identifiers. `regions`: whose national numbers count."""

    own: frozenset[str]
    regions: Sequence[str] = ()

    @classmethod
    def of(cls, identifiers: Mapping[str, Sequence[str]], regions: Sequence[str] = ()) -> Finder:
        own = {normalise(kind, v) for kind, values in identifiers.items() for v in values}
        return cls(frozenset(own | {_bare(v) for v in own}), tuple(regions))

    def clean(self, text: str, *, withhold: bool) -> Cleaned:
        """Without what identifies others: each replaced by its kind, or the whole value where `withhold` says so."""
        if len(text) > LONGEST:
            return Cleaned(None, {"too_long": 1})
        spans = self._others(text)
        if not spans:
            return Cleaned(text, {})
        found = Counter(s.kind for s in spans)
        if withhold:
            return Cleaned(None, found)
        parts, at = [], 0
        for span in spans:
            parts += [text[at : span.start], f"[{span.kind}]"]
            at = span.end
        return Cleaned("".join([*parts, text[at:]]), found)

    def _others(self, text: str) -> list[Span]:
        """In order, without overlaps: the one that begins first, and of those the longest."""
        kept: list[Span] = []
        for span in sorted(self._all(text), key=lambda s: (s.start, -s.end)):
            if (not kept or span.start >= kept[-1].end) and span.value not in self.own:
                kept.append(span)
        return kept

    def _all(self, text: str) -> Iterator[Span]:
        if "@" in text:
            for found in _EMAIL.finditer(text):
                yield Span(found.start(), found.end(), "email", normalise("email", found[0]))
        if sum(c.isdigit() for c in text) < _FEWEST_DIGITS:
            return
        for found in _IBAN.finditer(text):
            value = _bare(found[0])
            if len(value) in _IBAN_LENGTHS and _is_iban(value):
                yield Span(found.start(), found.end(), "iban", value)
        for found in _CARD.finditer(text):
            value = _bare(found[0])
            if _is_card(value):
                yield Span(found.start(), found.end(), "card", value)
        for region in self.regions or (None,):
            for match in phonenumbers.PhoneNumberMatcher(text, region):
                value = phonenumbers.format_number(match.number, phonenumbers.PhoneNumberFormat.E164)
                yield Span(match.start, match.end, "phone_number", value)


_FEWEST_DIGITS = 5


def _bare(value: str) -> str:
    return value.replace(" ", "").replace("-", "")


def _is_iban(value: str) -> bool:
    """ISO 13616: the first four characters moved to the end, letters as numbers, modulo 97."""
    moved = value[4:] + value[:4]
    return int("".join(str(int(c, 36)) for c in moved)) % 97 == 1


def _is_card(value: str) -> bool:
    """ISO/IEC 7812: the check digit of Luhn; a row of one digit is no card."""
    digits = [int(c) for c in reversed(value)]
    doubled = sum(d if i % 2 == 0 else d * 2 - 9 * (d > 4) for i, d in enumerate(digits))  # noqa: PLR2004 - Luhn
    return doubled % 10 == 0 and len(set(digits)) > 1

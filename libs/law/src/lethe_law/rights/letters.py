"""What the law itself requires each letter to say: the least, by which templates can be proved.

Names of letters and parts are those that templates use. A library of letters may require more.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

VERSION = "2026-11-23.1"


class When(StrEnum):
    """A condition under which a part is required."""

    ALWAYS = "always"
    NOT_FROM_SUBJECT = "not_from_subject"  # data was not collected from the person
    AUTOMATED = "automated"  # there is a decision in the sense of Art. 22
    THIRD_COUNTRY = "third_country"  # a transfer under safeguards of Art. 46


@dataclass(frozen=True, slots=True)
class LetterPart:
    id: str
    article: str
    when: When = When.ALWAYS


_REMEDIES = (LetterPart("authority", "12(4), 77(1)"), LetterPart("court", "12(4), 79(1)"))
_BREACH = (
    LetterPart("nature", "34(2)"),
    LetterPart("contact", "34(2), 33(3)(b)"),
    LetterPart("consequences", "34(2), 33(3)(c)"),
    LetterPart("measures", "34(2), 33(3)(d)"),
)
REQUIRED: Mapping[str, tuple[LetterPart, ...]] = {
    "acknowledgement": (),  # good practice (EDPB Guidelines 01/2022 §57), no duty
    "identity_check": (LetterPart("doubt", "12(6)"),),
    "extension": (LetterPart("deadline", "12(3)"), LetterPart("reasons", "12(3)")),
    "access_answer": (
        LetterPart("confirmation", "15(1)"),
        LetterPart("purposes", "15(1)(a)"),
        LetterPart("categories", "15(1)(b)"),
        LetterPart("recipients", "15(1)(c)"),
        LetterPart("storage", "15(1)(d)"),
        LetterPart("rights", "15(1)(e)"),
        LetterPart("authority", "15(1)(f)"),
        LetterPart("source", "15(1)(g)", When.NOT_FROM_SUBJECT),
        LetterPart("automated", "15(1)(h)", When.AUTOMATED),
        LetterPart("safeguards", "15(2)", When.THIRD_COUNTRY),
        LetterPart("copy", "15(3)"),
    ),
    "nothing_held": (LetterPart("result", "12(3)"), *_REMEDIES),
    "portability": (LetterPart("copy", "20(1)"),),
    "rectified": (LetterPart("done", "12(3), 16"),),
    "erased": (LetterPart("done", "12(3), 17(1)"),),
    "restricted": (LetterPart("done", "12(3), 18(1)"),),
    "restriction_lifting": (LetterPart("lifting", "18(3)"),),
    "objection_upheld": (LetterPart("stopped", "12(3), 21(1), 21(3)"),),
    "partially_granted": (LetterPart("granted", "12(3)"), LetterPart("reasons", "12(4)"), *_REMEDIES),
    "refused": (LetterPart("reasons", "12(4)"), *_REMEDIES),
    "recipients_told": (LetterPart("recipients", "19"),),
    "breach_to_subject": _BREACH,
    "breach_public": _BREACH,
    "breach_to_controller": (LetterPart("notice", "33(2)"),),
}
"""Letter → its parts. A link to a privacy policy replaces none of them."""


def missing(letter: str, has: Collection[str], holds: Collection[When] = ()) -> tuple[LetterPart, ...]:
    """Required parts that a letter lacks; `holds`: the conditions that apply. Unknown letters require nothing."""
    return tuple(
        part
        for part in REQUIRED.get(letter, ())
        if part.id not in has and (part.when is When.ALWAYS or part.when in holds)
    )

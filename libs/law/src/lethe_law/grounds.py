"""Grounds on which data is kept or a request is refused, each with its article.

The register names them per data category; the certificate and the notice to the data subject print them. A ground
covers only what is necessary for it: it is chosen per category and purpose, never per person (Art. 17(3)).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from lethe_law.errors import LawError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Effect(StrEnum):
    """What a ground lets the controller do."""

    RETAIN = "retain"  # keep data of a category although erasure was asked
    REFUSE = "refuse"  # not act on the request, with reasons and remedies (Art. 12(4))
    OMIT = "omit"  # leave something out of a copy
    OVERRIDE = "override"  # decide against the person after weighing, by two people
    EXCEPT = "except"  # close a processor's part without the usual proof


class UnknownGround(LawError):
    """No such ground; the text lists those there are."""


@dataclass(frozen=True, slots=True)
class Ground:
    """`text`: one sentence for a person. `needs_law`: the register has to name the law that it rests on."""

    code: str
    article: str
    text: str
    effect: Effect
    needs_law: bool = False


_ALL = (
    Ground(
        "expression",
        "GDPR Art. 17(3)(a)",
        "The data is necessary for exercising the right of freedom of expression and information.",
        Effect.RETAIN,
    ),
    Ground(
        "legal_obligation",
        "GDPR Art. 17(3)(b)",
        "A law that binds the controller requires the data to be kept.",
        Effect.RETAIN,
        needs_law=True,
    ),
    Ground(
        "public_task",
        "GDPR Art. 17(3)(b)",
        "The data is necessary for a task in the public interest or in the exercise of official authority.",
        Effect.RETAIN,
        needs_law=True,
    ),
    Ground(
        "public_health",
        "GDPR Art. 17(3)(c)",
        "The data is necessary for reasons of public interest in the area of public health.",
        Effect.RETAIN,
        needs_law=True,
    ),
    Ground(
        "archiving_research",
        "GDPR Art. 17(3)(d)",
        "The data serves archiving, research or statistics that the erasure would seriously impair.",
        Effect.RETAIN,
    ),
    Ground(
        "legal_claims",
        "GDPR Art. 17(3)(e)",
        "The data is necessary for the establishment, exercise or defence of legal claims.",
        Effect.RETAIN,
    ),
    Ground(
        "contract",
        "GDPR Art. 6(1)(b), 17(1)(a)",
        "The data is still necessary for a contract with the data subject that is running.",
        Effect.RETAIN,
    ),
    Ground(
        "suppression",
        "GDPR Art. 21(3)",
        "A minimal entry is kept so that the person is not contacted for marketing again.",
        Effect.RETAIN,
    ),
    Ground(
        "accountability",
        "GDPR Art. 5(2)",
        "The record that the request was carried out is kept to demonstrate it.",
        Effect.RETAIN,
    ),
    Ground(
        "restriction_requested",
        "GDPR Art. 18(1)(b), 18(1)(c)",
        "The data subject asked for restriction instead of erasure, or needs the data for legal claims.",
        Effect.RETAIN,
    ),
    Ground(
        "restricted_by_law",
        "GDPR Art. 23(1)",
        "A law of the Union or a Member State restricts the right for this data.",
        Effect.RETAIN,
        needs_law=True,
    ),
    Ground(
        "manifestly_unfounded",
        "GDPR Art. 12(5)(b)",
        "The request is manifestly unfounded; the controller has to demonstrate it.",
        Effect.REFUSE,
    ),
    Ground(
        "excessive",
        "GDPR Art. 12(5)(b)",
        "The request is excessive, in particular repetitive; the controller has to demonstrate it.",
        Effect.REFUSE,
    ),
    Ground(
        "not_identifiable",
        "GDPR Art. 11(2), 12(2)",
        "The controller has demonstrated that it cannot identify the data subject.",
        Effect.REFUSE,
    ),
    Ground(
        "identity_not_confirmed",
        "GDPR Art. 12(6)",
        "Reasonable doubts about the identity of the person were not removed.",
        Effect.REFUSE,
    ),
    Ground(
        "rights_of_others",
        "GDPR Art. 15(4), 20(4)",
        "It would adversely affect the rights and freedoms of others.",
        Effect.OMIT,
    ),
    Ground(
        "compelling_grounds",
        "GDPR Art. 21(1)",
        "Compelling legitimate grounds for the processing override the interests of the person.",
        Effect.OVERRIDE,
    ),
    Ground(
        "accuracy_established",
        "GDPR Art. 16",
        "The accuracy of the data was examined and established.",
        Effect.OVERRIDE,
    ),
    Ground(
        "cannot_be_reread",
        "GDPR Art. 5(2)",
        "The processor offers no way to look again; its own statement is the only proof.",
        Effect.EXCEPT,
    ),
    Ground(
        "processor_ceased",
        "GDPR Art. 28(3)(g)",
        "The processor has ended its services and has deleted or returned all data.",
        Effect.EXCEPT,
    ),
    Ground(
        "disproportionate_effort",
        "GDPR Art. 19",
        "Informing this recipient is impossible or would take disproportionate effort.",
        Effect.EXCEPT,
    ),
)

GROUNDS: Mapping[str, Ground] = {ground.code: ground for ground in _ALL}


def ground(code: str) -> Ground:
    """Raises UnknownGround."""
    try:
        return GROUNDS[code]
    except KeyError:
        raise UnknownGround(f"no ground {code!r}; there are: {', '.join(GROUNDS)}") from None


def grounds(effect: Effect) -> tuple[Ground, ...]:
    return tuple(found for found in _ALL if found.effect is effect)

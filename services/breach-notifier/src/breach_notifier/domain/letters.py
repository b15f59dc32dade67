"""When data subjects are written to (GDPR Art. 34), and what their letters say. Pure."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from breach_notifier.domain.errors import Refused
from breach_notifier.domain.words import Party

if TYPE_CHECKING:
    from collections.abc import Mapping

    from breach_notifier.domain.case import Case


@dataclass(frozen=True, slots=True)
class Said:
    """What letters say in one language. No personal data of anybody."""

    nature: str
    categories: tuple[str, ...]
    consequences: tuple[str, ...]
    measures: tuple[str, ...]
    advice: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """`default`: the language of those whose own is not known, or is not written here. `possible`: them as well."""

    said: Mapping[str, Said]
    default: str
    possible: bool

    def language(self, wanted: str) -> str:
        short = wanted.strip().lower()[:2]
        return short if short in self.said else self.default


def exempt(case: Case) -> bool:
    """An exemption under Art. 34(3) was proven and confirmed, and no authority has ordered otherwise."""
    return case.relief is not None and case.relief.confirmed_by is not None and not case.ordered


def check_owed(case: Case) -> None:
    """Raises Refused where nobody has to be written to, or nobody knows to whom."""
    if case.party is Party.PROCESSOR:
        raise Refused("not_a_controller", "the controller tells data subjects, or asks its processor to (Art. 34)")
    if exempt(case):
        raise Refused("exempt", "an exemption under Art. 34(3) is confirmed: nobody is written to")
    decided = case.verdict is not None and case.verdict.stands and case.verdict.notify_subjects
    if not decided and not case.ordered:
        raise Refused("nobody_owed", "decide first that data subjects are told (Art. 34(1))")
    if case.counted is None:
        raise Refused("not_counted", "say first what the incident reached: who is concerned is not known")
    if case.letters is not None:
        raise Refused("told_already", "everybody of this scope was told; a new scope brings those who came in")


def purpose_of(case_id: UUID, occurrence: int) -> str:
    """Nobody gets two letters of one purpose, whatever scope or mailing they came in by."""
    return f"breach/{case_id}/subjects/{occurrence}"


def recipient(person: str) -> UUID:
    """Of a token of the address: the same in every mailing of a controller."""
    return UUID(bytes=urlsafe_b64decode(person + "=" * (-len(person) % 4))[:16])


def to_json(content: Content) -> dict[str, Any]:
    return {
        "said": {language: asdict(said) for language, said in content.said.items()},
        "default": content.default,
        "possible": content.possible,
    }


def from_json(found: Mapping[str, Any]) -> Content:
    said = {
        language: Said(one["nature"], *(tuple(one[k]) for k in ("categories", "consequences", "measures", "advice")))
        for language, one in found["said"].items()
    }
    return Content(said, found["default"], found["possible"])

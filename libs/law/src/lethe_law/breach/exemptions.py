"""When data subjects need not be told although the risk is high: GDPR Art. 34(3), each with what has to prove it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from lethe_law.breach.errors import BreachError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Exemption(StrEnum):
    PROTECTED = "protected"  # 34(3)(a)
    AVERTED = "averted"  # 34(3)(b)
    DISPROPORTIONATE = "disproportionate"  # 34(3)(c)


class Proof(StrEnum):
    """What a piece of evidence shows."""

    MEASURE = "measure"  # which protection, state of the art
    APPLIED_TO_ALL = "applied_to_all"  # that it was on all the affected data
    KEY_SAFE = "key_safe"
    LATER_MEASURE = "later_measure"  # what was done afterwards, and when
    RISK_GONE = "risk_gone"  # why high risk is no longer likely
    EFFORT = "effort"  # why telling each would be disproportionate
    PUBLIC_TEXT = "public_text"  # the communication that takes the place of letters
    PUBLIC_CHANNEL = "public_channel"  # where it was published: as effective as letters


ARTICLE: Mapping[Exemption, str] = {
    Exemption.PROTECTED: "GDPR Art. 34(3)(a)",
    Exemption.AVERTED: "GDPR Art. 34(3)(b)",
    Exemption.DISPROPORTIONATE: "GDPR Art. 34(3)(c)",
}
NEEDS: Mapping[Exemption, tuple[Proof, ...]] = {
    Exemption.PROTECTED: (Proof.MEASURE, Proof.APPLIED_TO_ALL, Proof.KEY_SAFE),
    Exemption.AVERTED: (Proof.LATER_MEASURE, Proof.RISK_GONE),
    Exemption.DISPROPORTIONATE: (Proof.EFFORT, Proof.PUBLIC_TEXT, Proof.PUBLIC_CHANNEL),
}
OPTION: Mapping[Exemption, str] = {
    Exemption.PROTECTED: "a",
    Exemption.AVERTED: "b",
    Exemption.DISPROPORTIONATE: "c",
}
"""As field 100 of the notification names it."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """`reference`: where the document lies; `sha256`: of its bytes. Never the document, never personal data."""

    proof: Proof
    reference: str
    sha256: str


class NotProven(BreachError):
    """An exemption without its evidence; the text names what is missing."""


def check_exemption(exemption: Exemption, evidence: Iterable[Evidence]) -> None:
    """Raises NotProven, naming what is missing. An empty reference or hash proves nothing."""
    shown = {e.proof for e in evidence if e.reference.strip() and e.sha256.strip()}
    missing = [proof.value for proof in NEEDS[exemption] if proof not in shown]
    if missing:
        raise NotProven(f"{ARTICLE[exemption]} needs evidence for: {', '.join(missing)}")

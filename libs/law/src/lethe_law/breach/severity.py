"""Severity after ENISA's recommendations of 2013: SE = DPC × EI + CB.

A score is an input to the assessment, never its outcome. Decimals throughout: in binary floats 3 × 0.25 + 0.25 + …
can fall on the wrong side of a band.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TYPE_CHECKING

from lethe_law.breach.errors import ImpossibleFacts

if TYPE_CHECKING:
    from collections.abc import Mapping

METHOD = "ENISA 2013 v1.0"
MANY = 100
"""More people than this are flagged beside the score."""
_Q, _H, _T, _ONE, _ZERO = (Decimal(x) for x in ("0.25", "0.5", "0.75", "1", "0"))


class Band(StrEnum):
    LOW = "Low"
    MEDIUM = "Medium"
    HIGH = "High"
    VERY_HIGH = "Very High"


_BANDS = ((Decimal(4), Band.VERY_HIGH), (Decimal(3), Band.HIGH), (Decimal(2), Band.MEDIUM))


class DataClass(StrEnum):
    """Classes of data and their base score; the highest one counts. Credentials take the class of what they open."""

    SIMPLE = "simple"
    BEHAVIOURAL = "behavioural"
    FINANCIAL = "financial"
    SENSITIVE = "sensitive"


BASE: Mapping[DataClass, int] = {
    DataClass.SIMPLE: 1,
    DataClass.BEHAVIOURAL: 2,
    DataClass.FINANCIAL: 3,
    DataClass.SENSITIVE: 4,
}
LOWEST, HIGHEST = 1, 4


class Context(StrEnum):
    """What moves the base score, in whole steps."""

    VOLUME = "volume"  # much about one person, or over a long time
    CONTROLLER = "controller"  # the kind of controller lets more be assumed
    VULNERABLE = "vulnerable"
    TELLS_LITTLE = "tells_little"
    PUBLIC = "public"  # known to everybody already
    INVALID = "invalid"  # old or wrong data


_RAISES = frozenset({Context.VOLUME, Context.CONTROLLER, Context.VULNERABLE})


@dataclass(frozen=True, slots=True)
class Shift:
    """A move by `steps` (1 to 3) in the direction that the context has. `reason` is kept with the score."""

    context: Context
    steps: int
    reason: str

    def __post_init__(self) -> None:
        if not 1 <= self.steps < HIGHEST or not self.reason.strip():
            raise ImpossibleFacts("a shift of the DPC is 1 to 3 whole steps with a reason")


def data_processing_context(data: DataClass, *shifts: Shift) -> int:
    """DPC, 1 to 4: the base of the class, moved by whole steps and kept inside."""
    moved = BASE[data] + sum(s.steps if s.context in _RAISES else -s.steps for s in shifts)
    return min(max(moved, LOWEST), HIGHEST)


ALLOWED: Mapping[str, tuple[Decimal, ...]] = {
    "dpc": tuple(Decimal(n) for n in range(LOWEST, HIGHEST + 1)),
    "ei": (_Q, _H, _T, _ONE),  # negligible, limited, significant, maximum
    "cb_confidentiality": (_ZERO, _Q, _H),  # none; known recipients; unknown number
    "cb_integrity": (_ZERO, _Q, _H),  # none; altered, recoverable; not recoverable
    "cb_availability": (_ZERO, _Q, _H),  # none; temporary; full
    "cb_malicious": (_ZERO, _H),
}


@dataclass(frozen=True, slots=True)
class SeverityInput:
    """`reasons`: input → why it was chosen so. Raises ImpossibleFacts for a value that the method does not have."""

    dpc: Decimal
    ei: Decimal
    cb_confidentiality: Decimal = _ZERO
    cb_integrity: Decimal = _ZERO
    cb_availability: Decimal = _ZERO
    cb_malicious: Decimal = _ZERO
    reasons: tuple[tuple[str, str], ...] = ()
    subjects: int | None = None
    unintelligible: bool = False

    def __post_init__(self) -> None:
        for name, allowed in ALLOWED.items():
            if getattr(self, name) not in allowed:
                raise ImpossibleFacts(f"{name}: one of {', '.join(map(str, allowed))}")


def inputs_of(values: Mapping[str, str]) -> SeverityInput:
    """From text; an absent or empty circumstance counts as 0. Raises ImpossibleFacts, naming the input."""
    numbers: dict[str, Decimal] = {}
    for name in ALLOWED:
        try:
            numbers[name] = Decimal((values.get(name) or "").strip() or "0")
        except InvalidOperation:
            raise ImpossibleFacts(f"{name}: not a number") from None
    return SeverityInput(
        numbers["dpc"],
        numbers["ei"],
        numbers["cb_confidentiality"],
        numbers["cb_integrity"],
        numbers["cb_availability"],
        numbers["cb_malicious"],
    )


@dataclass(frozen=True, slots=True)
class Severity:
    """`flags`: what the method keeps outside the formula and a person has to weigh."""

    se: Decimal
    band: Band
    inputs: SeverityInput
    flags: tuple[str, ...]
    method: str = METHOD

    @property
    def text(self) -> str:
        """`se` with at least one digit after the point."""
        digits = max(1, -int(self.se.normalize().as_tuple().exponent))
        return f"{self.se:.{digits}f}"


def severity(inputs: SeverityInput) -> Severity:
    """SE from 0.25 to 6 and its band; bands are closed below (2.0 is Medium)."""
    breach = inputs.cb_confidentiality + inputs.cb_integrity + inputs.cb_availability + inputs.cb_malicious
    score = inputs.dpc * inputs.ei + breach
    flags = []
    if inputs.subjects is not None and inputs.subjects > MANY:
        flags.append(f"more than {MANY} people")
    if inputs.unintelligible:
        flags.append("data unintelligible")
    return Severity(score, band_of(score), inputs, tuple(flags))


def band_of(score: Decimal) -> Band:
    return next((band for least, band in _BANDS if score >= least), Band.LOW)

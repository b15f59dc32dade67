"""Which data Art. 20 covers, and in which forms it may be given. WP242 rev.01; EDPB Guidelines 01/2022 §148-156."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

FORMATS = frozenset({"json", "csv", "xml"})
"""Structured, commonly used, machine-readable. A PDF is none of these."""


class Origin(StrEnum):
    PROVIDED = "provided"
    OBSERVED = "observed"  # by the person's use of a service
    INFERRED = "inferred"  # made by the controller: a score, a profile


class Basis(StrEnum):
    """Art. 6(1), 9(2)."""

    CONSENT = "consent"
    EXPLICIT_CONSENT = "explicit_consent"
    CONTRACT = "contract"
    LEGAL_OBLIGATION = "legal_obligation"
    VITAL_INTERESTS = "vital_interests"
    PUBLIC_TASK = "public_task"
    LEGITIMATE_INTERESTS = "legitimate_interests"


_BASES = frozenset({Basis.CONSENT, Basis.EXPLICIT_CONSENT, Basis.CONTRACT})


@dataclass(frozen=True, slots=True)
class Portable:
    """`duty`: what the receiving controller has to be told."""

    included: bool
    why: str
    article: str
    duty: str = ""


def portable(origin: Origin, basis: Basis, *, automated: bool, others: bool = False) -> Portable:
    """Whether data belongs in a portable copy. `others`: it also names other people, as the person recorded them.

    Whatever is included here is part of an access answer too: Art. 15 asks for all of the data.
    """
    if origin is Origin.INFERRED:
        return Portable(False, "made by the controller, neither provided nor observed", "GDPR Art. 20(1)")
    if basis not in _BASES:
        return Portable(False, "processed neither by consent nor for a contract", "GDPR Art. 20(1)(a)")
    if not automated:
        return Portable(False, "not processed by automated means", "GDPR Art. 20(1)(b)")
    if others:
        duty = "data of others is for the person's own use: no purposes of the new controller"
        return Portable(True, "provided or observed, and used by the person", "GDPR Art. 20(1), 20(4)", duty)
    return Portable(True, "provided or observed, by consent or contract, automated", "GDPR Art. 20(1)")

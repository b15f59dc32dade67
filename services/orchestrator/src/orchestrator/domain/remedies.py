"""What a person who is refused anything is told beside the reasons: the authority and the court. GDPR Art. 12(4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lethe_events.words import Result
from lethe_law.breach.authorities import authorities
from orchestrator.domain.clock import DEFAULT_REGIME
from orchestrator.domain.closing import result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.domain.beside import Refusal
    from orchestrator.domain.record_parts import Json
    from orchestrator.domain.saga import Saga

_REFUSED = frozenset({Result.REFUSED, Result.PARTIALLY_GRANTED})
_ARTICLES: Final[Mapping[str, tuple[str, str]]] = {
    "gdpr": ("GDPR Art. 77(1)", "GDPR Art. 79(1)"),
    "uk-gdpr": ("UK GDPR Art. 77(1)", "UK GDPR Art. 79(1)"),
}
"""Regime → complaint to the authority, judicial remedy. Others tell their authority only, if they have one."""


def authority_of(code: str) -> Json | None:
    """Name and site of a supervisory authority, by country or country and region (`DE-BE`)."""
    found = authorities().get(code)
    return None if found is None else {"code": found.code, "name": found.name, "site": found.site}


def remedies(saga: Saga) -> Json | None:
    """As data, for the certificate, the status and the letter; None where nothing was refused."""
    if result(saga) not in _REFUSED:
        return None
    refusal = None if saga.beside is None else saga.beside.refusal
    named = None if refusal is None else refusal.authority
    articles = _ARTICLES.get(str(saga.clock.derivation.get("regime", DEFAULT_REGIME)))
    found: Json = {"authority": authority_of(named or saga.country) or authority_of(saga.country.partition("-")[0])}
    if articles is not None:
        found |= {"complaint": articles[0], "court": articles[1]}
    return found


def refusal_json(refusal: Refusal) -> Json:
    """The ground, the reason and both people."""
    return {
        "ground": refusal.ground,
        "article": refusal.article,
        "reason": refusal.reason,
        "proposed_by": refusal.proposed_by,
        "approved_by": refusal.approved_by,
    }

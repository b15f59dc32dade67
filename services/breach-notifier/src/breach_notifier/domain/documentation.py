"""One case in the register of breaches (GDPR Art. 33(5)): facts, effects, measures, for dismissed ones too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_law.breach.facts import as_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from breach_notifier.domain.case import Case


def documented(case: Case) -> Mapping[str, str]:
    """Flat text, in the order of the columns of a year's register; what is not there is empty."""
    return {**_what(case), **_decided(case), **_told(case)}


def _what(case: Case) -> dict[str, str]:
    clock, facts = case.clock, case.facts
    return {
        "case": str(case.id),
        "incident": str(case.incident_id),
        "controller": case.controller_id,
        "party": case.party.value,
        "state": case.state.value,
        "source": case.source,
        "opened_at": case.opened_at.isoformat(),
        "occurred_from": case.occurred_from.isoformat() if case.occurred_from else "",
        "aware_at": clock.aware_at.isoformat() if clock else "",
        "aware_because": case.aware_reason,
        "due": clock.due.isoformat() if clock and clock.due else "",
        "legal_end": clock.legal_end.isoformat() if clock and clock.legal_end else "",
        "rule": f"{clock.articles}, {clock.rule_version}" if clock else "",
        "occurrence": str(case.occurrence),
        "goes_on_in": str(case.merged_into or ""),
        "joined": " ".join(map(str, case.joined)),
        "related": " ".join(map(str, case.related)),
        "facts": "; ".join(f"{k}={v}" for k, v in as_json(facts).items()) if facts else "",
        "severity": case.severity,
        "severity_of": "; ".join(case.scored),
        "subjects": _bounds(case),
    }


def _bounds(case: Case) -> str:
    if case.counted is None:
        return ""
    upper = "?" if case.counted.upper is None else str(case.counted.upper)
    return f"{case.counted.lower} to {upper}"


def _decided(case: Case) -> dict[str, str]:
    verdict, relief, dismissal = case.verdict, case.relief, case.dismissal
    return {
        "proposed": f"{case.proposal.notify_authority}/{case.proposal.notify_subjects}" if case.proposal else "",
        "because": "; ".join(f.text for f in case.proposal.factors) if case.proposal else "",
        "notify_authority": _yes(verdict.notify_authority) if verdict else "",
        "notify_subjects": _yes(verdict.notify_subjects) if verdict else "",
        "reasons": verdict.reasons if verdict else "",
        "decided_by": verdict.by if verdict else "",
        "confirmed_by": (verdict.confirmed_by or "") if verdict else "",
        "dismissed_because": dismissal.reason if dismissal else "",
        "dismissed_by": f"{dismissal.by}, {dismissal.confirmed_by or 'not confirmed'}" if dismissal else "",
        "exemption": relief.exemption.value if relief else "",
        "ordered": case.ordered,
    }


def _told(case: Case) -> dict[str, str]:
    filings, letters, ending = case.past + case.filings, case.letters, case.ending
    return {
        "filed": "; ".join(f"{f.authority} {f.reference} {f.filed_at.isoformat()} {f.status}" for f in filings),
        "late": _yes(any(f.late for f in filings)),
        "reasons_for_delay": "; ".join(f.reasons_for_delay for f in filings if f.reasons_for_delay),
        "controller_told": case.controller_told,
        "letters": f"{letters.told} told, {letters.undelivered} not reached" if letters else "",
        "effects": ending.effects if ending else "",
        "measures": ending.measures if ending else "",
        "closed_at": ending.at.isoformat() if ending else "",
    }


def _yes(flag: bool) -> str:
    return "yes" if flag else "no"

"""A case as it stands: one incident at one controller (or processor), with its own clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from breach_notifier.domain.words import Party, State, Status

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from lethe_law.breach.assess import Proposal
    from lethe_law.breach.clock import BreachClock
    from lethe_law.breach.exemptions import Evidence, Exemption
    from lethe_law.breach.facts import BreachFacts


@dataclass(frozen=True, slots=True)
class Dismissal:
    by: str
    at: datetime
    reason: str
    confirmed_by: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a person decided, and on which proposal. `confirmed_by`: None while a `no` waits for a second person."""

    by: str
    at: datetime
    notify_authority: bool
    notify_subjects: bool
    reasons: str
    proposal: Proposal
    confirmed_by: str | None = None

    @property
    def says_no(self) -> bool:
        return not (self.notify_authority and self.notify_subjects)

    @property
    def stands(self) -> bool:
        return not self.says_no or self.confirmed_by is not None


@dataclass(frozen=True, slots=True)
class Notice:
    """A version of the notice; `number` counts from 1 in one case."""

    number: int
    sha256: str
    status: Status
    by: str
    at: datetime
    signed_by: str | None = None


@dataclass(frozen=True, slots=True)
class Filing:
    """`drafted_at`: when the version was made; what changed later is not in it. `late`: by the legal end."""

    authority: str
    notice: int
    status: Status
    drafted_at: datetime
    reference: str
    filed_at: datetime
    copy_sha256: str
    by: str
    late: bool
    reasons_for_delay: str


@dataclass(frozen=True, slots=True)
class Relief:
    """A claimed exemption from telling data subjects."""

    exemption: Exemption
    evidence: tuple[Evidence, ...]
    by: str
    at: datetime
    confirmed_by: str | None = None


@dataclass(frozen=True, slots=True)
class Letters:
    told: int
    undelivered: int
    proof_sha256: str
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Counted:
    lower: int
    upper: int | None
    digest: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Ending:
    by: str
    at: datetime
    effects: str
    measures: str


@dataclass(frozen=True, slots=True)
class Case:
    """`version` grows with every applied event. `changed_at`: since when a notice made earlier is out of date.

    `rung`: rungs of the ladder that rang, since the last awareness. `occurrence`: grows when the breach recurs;
    `past`: what was filed for earlier occurrences. `joined`: cases of the same incident that go on in this one.
    """

    id: UUID
    incident_id: UUID
    controller_id: str
    party: Party
    country: str
    zone: str
    regime: str
    source: str
    opened_at: datetime
    occurred_from: datetime | None
    evidence: tuple[str, ...]
    state: State = State.SUSPECTED
    version: int = 0
    occurrence: int = 1
    dismissal: Dismissal | None = None
    clock: BreachClock | None = None
    aware_by: str = ""
    aware_reason: str = ""
    facts: BreachFacts | None = None
    facts_by: str = ""
    severity: str = ""
    proposal: Proposal | None = None
    verdict: Verdict | None = None
    authorities: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()
    filings: tuple[Filing, ...] = ()
    past: tuple[Filing, ...] = ()
    changed_at: datetime | None = None
    controller_told: str = ""
    counted: Counted | None = None
    letters: Letters | None = None
    relief: Relief | None = None
    ordered: str = ""
    rung: tuple[str, ...] = ()
    alerts: tuple[str, ...] = ()
    ending: Ending | None = None
    related: tuple[UUID, ...] = ()
    joined: tuple[UUID, ...] = ()
    merged_into: UUID | None = None
    scored: tuple[str, ...] = ()

    def last_filing(self, authority: str) -> Filing | None:
        return next((f for f in reversed(self.filings) if f.authority == authority), None)

    def notice(self, sha256: str) -> Notice | None:
        return next((n for n in reversed(self.notices) if n.sha256 == sha256), None)


def standing(case: Case) -> State:
    """The state that follows from what is there, for a case that is open.

    SUSPECTED: nobody is aware. AWARE: nothing decided. ASSESSED: somebody has to be told and was not yet. NOTIFIED:
    told in part. SETTLED: nothing more is owed.
    """
    if case.clock is None:
        return State.SUSPECTED
    if case.party is Party.PROCESSOR:
        return State.SETTLED if case.controller_told else State.AWARE
    if case.verdict is None or not case.verdict.stands:
        return State.AWARE
    if case.verdict.notify_authority and any(case.last_filing(a) is None for a in case.authorities):
        return State.ASSESSED
    owed = any(not _up_to_date(case, filing) for filing in _last_filings(case))
    return State.NOTIFIED if owed or _letters_owed(case) else State.SETTLED


def _last_filings(case: Case) -> tuple[Filing, ...]:
    """Also of authorities that no longer have to be told: what was begun there is completed or withdrawn."""
    found = {filing.authority: filing for filing in case.filings}
    return tuple(found.values())


def _up_to_date(case: Case, filing: Filing) -> bool:
    if filing.status is Status.WITHDRAWN:
        return True
    complete = filing.status is Status.COMPLETE
    return complete and (case.changed_at is None or filing.drafted_at >= case.changed_at)


def _letters_owed(case: Case) -> bool:
    assert case.verdict is not None
    if case.letters is not None:
        return False
    if case.ordered:
        return True
    exempt = case.relief is not None and case.relief.confirmed_by is not None
    return case.verdict.notify_subjects and not exempt

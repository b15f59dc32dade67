"""What can happen to a case. Every event brings its instant; `by` is the person (opaque), or the rule that acted."""

# ruff: noqa: TC001, TC003 - record.py reads the types of the fields

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from breach_notifier.domain.words import Party, Status
from lethe_law.breach.exemptions import Evidence, Exemption
from lethe_law.breach.facts import BreachFacts


@dataclass(frozen=True, slots=True)
class BreachSuspected:
    """A signal or a report that may be a breach. `evidence`: references, each once; `zone`: of the controller."""

    at: datetime
    case_id: UUID
    incident_id: UUID
    controller_id: str
    party: Party
    country: str
    zone: str
    regime: str
    source: str
    evidence: tuple[str, ...]
    occurred_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class ProcessorNotified:
    """A processor told its controller (Art. 33(2)): the controller is aware from `at`, when the notice arrived."""

    at: datetime
    case_id: UUID
    incident_id: UUID
    controller_id: str
    country: str
    zone: str
    regime: str
    processor_id: str
    evidence: tuple[str, ...]
    occurred_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class EvidenceAdded:
    """More signals or documents of the same incident."""

    at: datetime
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DismissalProposed:
    at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class DismissalConfirmed:
    """By another person than the one who proposed it."""

    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class AwarenessDeclared:
    """A reasonable degree of certainty, since `aware_at` (EDPB Guidelines 9/2022 §31). Starts the clock."""

    at: datetime
    by: str
    aware_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class FactsStated:
    """All that is known now. `severity`: an ENISA score and its band, where one was computed; an input, no more.

    `scored`: what it was computed of, and why so.
    """

    at: datetime
    by: str
    facts: BreachFacts
    severity: str = ""
    scored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AffectedCounted:
    """How many people are concerned, from the subject index; `upper` None: cannot be bounded. `digest`: of the set."""

    at: datetime
    by: str
    lower: int
    upper: int | None
    digest: str


@dataclass(frozen=True, slots=True)
class DecisionTaken:
    """The answers of a person. A `no` waits for a second person. `authorities`: codes of those to be told."""

    at: datetime
    by: str
    notify_authority: bool
    notify_subjects: bool
    reasons: str
    authorities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DecisionConfirmed:
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class NoticeDrafted:
    """A version of the notice to authorities, by the hash of its content."""

    at: datetime
    by: str
    sha256: str
    status: Status


@dataclass(frozen=True, slots=True)
class NoticeSignedOff:
    """By another person than its author; only this exact content may be filed."""

    at: datetime
    by: str
    sha256: str


@dataclass(frozen=True, slots=True)
class NoticeFiled:
    """Counts only with the authority's reference, the instant and a copy. Late: with reasons."""

    at: datetime
    by: str
    sha256: str
    authority: str
    reference: str
    filed_at: datetime
    copy_sha256: str
    reasons_for_delay: str = ""


@dataclass(frozen=True, slots=True)
class ControllerTold:
    """The party is a processor and told its controller. Counts only with reference and copy."""

    at: datetime
    by: str
    reference: str
    copy_sha256: str


@dataclass(frozen=True, slots=True)
class SubjectsTold:
    """Letters went out. `undelivered`: who could not be reached; `proof_sha256`: of the list of deliveries."""

    at: datetime
    by: str
    told: int
    undelivered: int
    proof_sha256: str


@dataclass(frozen=True, slots=True)
class ExemptionClaimed:
    """Art. 34(3). Waits for a second person."""

    at: datetime
    by: str
    exemption: Exemption
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class ExemptionConfirmed:
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class SubjectsOrdered:
    """The authority orders that data subjects are told (Art. 34(4)), or that no exemption is met."""

    at: datetime
    by: str
    authority: str
    reference: str


@dataclass(frozen=True, slots=True)
class TriageDue:
    """A timer: the suspicion should have been decided by now."""

    at: datetime


@dataclass(frozen=True, slots=True)
class RungDue:
    """A timer: a rung of the ladder, by its name."""

    at: datetime
    rung: str


@dataclass(frozen=True, slots=True)
class BreachRecurred:
    """It happened again: what was decided is open again and a new clock runs."""

    at: datetime
    by: str
    aware_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class CaseClosed:
    """`effects`, `measures`: the rest of what Art. 33(5) asks to be documented, in words without personal data."""

    at: datetime
    by: str
    effects: str
    measures: str


@dataclass(frozen=True, slots=True)
class CaseReopened:
    at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class CaseMerged:
    """The same incident as another case of this party, in which it goes on."""

    at: datetime
    by: str
    into: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class CaseJoined:
    """The case of the same incident that goes on in this one: what it had seen, and since when its party was aware."""

    at: datetime
    by: str
    other: UUID
    evidence: tuple[str, ...]
    reason: str
    aware_at: datetime | None = None
    aware_by: str = ""
    aware_reason: str = ""
    occurred_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class CaseRelated:
    """Another case, of this controller or of another, that whoever reads this one should know of."""

    at: datetime
    by: str
    other: UUID
    reason: str


Event = (
    BreachSuspected
    | ProcessorNotified
    | EvidenceAdded
    | DismissalProposed
    | DismissalConfirmed
    | AwarenessDeclared
    | FactsStated
    | AffectedCounted
    | DecisionTaken
    | DecisionConfirmed
    | NoticeDrafted
    | NoticeSignedOff
    | NoticeFiled
    | ControllerTold
    | SubjectsTold
    | ExemptionClaimed
    | ExemptionConfirmed
    | SubjectsOrdered
    | TriageDue
    | RungDue
    | BreachRecurred
    | CaseClosed
    | CaseReopened
    | CaseMerged
    | CaseJoined
    | CaseRelated
)
EVENTS: tuple[type, ...] = Event.__args__
OPENING: tuple[type, ...] = (BreachSuspected, ProcessorNotified)

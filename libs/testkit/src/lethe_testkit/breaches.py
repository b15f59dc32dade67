"""A case of a personal data breach, event by event, with its chain; unexpected commands are seen by the test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from breach_notifier.domain import events as e
from breach_notifier.domain.decide import decide
from breach_notifier.domain.decision import Disposition
from breach_notifier.domain.record import Link, link_of
from breach_notifier.domain.words import Party, Status
from lethe_events.canonical import GENESIS
from lethe_law.breach.exemptions import NEEDS, Evidence, Exemption
from lethe_law.breach.facts import BreachFacts, Cause, Data, Exfiltration, Identifiability, Kind, Permanence, Recipient

if TYPE_CHECKING:
    from breach_notifier.domain.case import Case
    from breach_notifier.domain.decision import Decision

NIGHT = datetime(2026, 10, 9, 1, 15, tzinfo=UTC)
CASE = UUID("018f3c5e-7a10-7c3e-9a51-1e7e0000000b")
INCIDENT = UUID("018f3c5e-7a10-7c3e-9a51-1e7e0000000c")
ADA, BEN = "ada", "ben"

GRAVE = BreachFacts(
    frozenset({Kind.CONFIDENTIALITY}),
    cause=Cause.EXTERNAL_MALICIOUS,
    encryption_intact=False,
    key_safe=False,
    exfiltration=Exfiltration.YES,
    data=frozenset({Data.PAYMENT_MEANS}),
    vulnerable=False,
    safety=False,
    recipient=Recipient.HOSTILE,
    retrieved=False,
    subjects=400,
    identifiability=Identifiability.DIRECT,
    permanence=Permanence.LASTING,
)
"""High risk: authority and data subjects are told."""
SLIGHT = BreachFacts(
    frozenset({Kind.CONFIDENTIALITY}),
    cause=Cause.INTERNAL_ERROR,
    encryption_intact=False,
    key_safe=False,
    exfiltration=Exfiltration.YES,
    data=frozenset({Data.CONTACT}),
    vulnerable=False,
    safety=False,
    recipient=Recipient.KNOWN,
    retrieved=True,
    subjects=2,
    identifiability=Identifiability.DIRECT,
    permanence=Permanence.LASTING,
)
"""Risk unlikely: documented only."""


def suspected(at: datetime = NIGHT, **more: Any) -> e.BreachSuspected:
    values: dict[str, Any] = {
        "case_id": CASE,
        "incident_id": INCIDENT,
        "controller_id": "acme",
        "party": Party.CONTROLLER,
        "country": "DE",
        "zone": "Europe/Berlin",
        "regime": "gdpr",
        "source": "rule:mass_export",
        "evidence": ("signal-1",),
    }
    return e.BreachSuspected(at, **(values | more))


def proof_of(exemption: Exemption) -> tuple[Evidence, ...]:
    return tuple(Evidence(proof, f"file:{proof}", "ab" * 32) for proof in NEEDS[exemption])


class GivenBreach:
    """Each act is one event at `now`; `later` lets hours pass. `links`: the chain of what was applied."""

    def __init__(self) -> None:
        self.now = NIGHT
        self.case: Case | None = None
        self.links: list[Link] = []
        self.decisions: list[Decision] = []

    def later(self, hours: float) -> GivenBreach:
        self.now += timedelta(hours=hours)
        return self

    def on(self, event: e.Event) -> GivenBreach:
        """Take an event as it is."""
        decision = decide(self.case, event)
        self.decisions.append(decision)
        if decision.disposition is Disposition.APPLIED:
            previous = self.links[-1].hash if self.links else GENESIS
            self.links.append(link_of(event, decision, len(self.links) + 1, previous))
        self.case = decision.case
        return self

    @property
    def decision(self) -> Decision:
        return self.decisions[-1]

    @property
    def state(self) -> str:
        assert self.case is not None
        return self.case.state.value

    @property
    def did(self) -> list[str]:
        """The commands of the last decision."""
        return [f"{c.do}:{c.about}" if c.about else str(c.do) for c in self.decision.commands]

    def suspected(self, **more: Any) -> GivenBreach:
        return self.on(suspected(self.now, **more))

    def aware(self, by: str = ADA, **more: Any) -> GivenBreach:
        return self.on(e.AwarenessDeclared(self.now, by, more.get("aware_at", self.now), more.get("reason", "logs")))

    def stated(self, facts: BreachFacts = GRAVE, **more: Any) -> GivenBreach:
        return self.on(e.FactsStated(self.now, more.get("by", ADA), facts, more.get("severity", "")))

    def counted(self, lower: int, upper: int | None, digest: str = "d1") -> GivenBreach:
        return self.on(e.AffectedCounted(self.now, "rule:index", lower, upper, digest))

    def decided(self, authority: bool = True, subjects: bool = True, by: str = ADA, **more: Any) -> GivenBreach:
        told = more.get("authorities", ("DE-BE",) if authority else ())
        return self.on(e.DecisionTaken(self.now, by, authority, subjects, more.get("reasons", "weighed"), told))

    def confirmed(self, by: str = BEN) -> GivenBreach:
        return self.on(e.DecisionConfirmed(self.now, by))

    def drafted(self, sha256: str = "v1", status: Status = Status.INCOMPLETE, by: str = ADA) -> GivenBreach:
        return self.on(e.NoticeDrafted(self.now, by, sha256, status))

    def signed(self, sha256: str = "v1", by: str = BEN) -> GivenBreach:
        return self.on(e.NoticeSignedOff(self.now, by, sha256))

    def filed(self, sha256: str = "v1", authority: str = "DE-BE", **more: Any) -> GivenBreach:
        return self.on(
            e.NoticeFiled(
                self.now,
                ADA,
                sha256,
                authority,
                more.get("reference", "ref-1"),
                more.get("filed_at", self.now),
                more.get("copy", "c0"),
                more.get("reasons", ""),
            )
        )

    def notice(self, sha256: str, status: Status = Status.COMPLETE, authority: str = "DE-BE") -> GivenBreach:
        """Drafted, signed and filed at once."""
        return self.drafted(sha256, status).signed(sha256).filed(sha256, authority)

    def letters(self, told: int = 400, proof: str = "p1") -> GivenBreach:
        return self.on(e.SubjectsTold(self.now, ADA, told, 0, proof))

    def claimed(self, exemption: Exemption = Exemption.AVERTED, by: str = ADA, **more: Any) -> GivenBreach:
        return self.on(e.ExemptionClaimed(self.now, by, exemption, more.get("evidence", proof_of(exemption))))

    def closed(self, **more: Any) -> GivenBreach:
        return self.on(e.CaseClosed(self.now, ADA, more.get("effects", "none seen"), more.get("measures", "patched")))

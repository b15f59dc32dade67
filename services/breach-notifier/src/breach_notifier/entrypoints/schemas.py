"""The shapes of the API, with the words that its document shows."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from breach_notifier.domain.words import Party, State
from lethe_law.breach.exemptions import Exemption, Proof

Text = Annotated[str, Field(min_length=1, max_length=2000, description="In words, without personal data")]
Reference = Annotated[str, Field(min_length=1, max_length=200)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="Hash of the copy that is kept")]


class CaseQuery(BaseModel):
    """Which cases to list."""

    model_config = ConfigDict(extra="forbid")
    state: State | None = Field(default=None, description="Only in this state; left out: every open one")
    controller: str | None = Field(default=None, max_length=64, description="Only of this one of your controllers")
    after: str | None = Field(default=None, max_length=100, description="`next` of the page before")
    limit: int = Field(default=50, ge=1, le=200)


class Alert(BaseModel):
    code: str
    next_step: str = Field(description="What a person has to do")


class CaseRow(BaseModel):
    """One line of the list. `due`: awareness and exactly 72 hours; lateness is judged by `legal_end`. All in UTC."""

    case_id: UUID
    breach_id: UUID
    controller_id: str
    party: Party
    state: State
    version: int
    source: str = Field(description="A report, a rule of correlation, or the processor that told")
    opened_at: datetime
    aware_at: datetime | None
    due: datetime | None
    legal_end: datetime | None
    severity: str
    alerts: list[Alert]
    hours_left: float | None = Field(description="Until `due`, below zero when it has passed; null: no clock runs")


class CasePage(BaseModel):
    items: list[CaseRow]
    next: str | None = Field(description="What to give as `after` for the next page")


class ShownCase(CaseRow):
    """One case: what is known, decided, filed and told, what is missing for the next filing, and the timeline."""

    model_config = ConfigDict(extra="allow")
    missing: list[str] = Field(description="What has to happen before the next filing, in order")
    evidence: list[str]
    facts: dict[str, Any] | None
    proposal: dict[str, Any] | None = Field(description="What the rules propose, with the factors that decided it")
    decision: dict[str, Any] | None
    notices: list[dict[str, Any]]
    filings: list[dict[str, Any]]
    reminders: list[dict[str, Any]] = Field(description="Duties of other laws; nobody files them here")
    timeline: list[dict[str, Any]] = Field(description="What happened, by whom, by which article")


class Chain(BaseModel):
    case_id: UUID
    links: list[dict[str, Any]]


class Acted(BaseModel):
    """`applied`: false if it was so already, and `detail` says why; nothing was changed then."""

    case_id: UUID
    state: State
    version: int
    applied: bool
    detail: str
    due: datetime | None


class Drafted(Acted):
    number: int
    sha256: str
    status: str
    gaps: list[int] = Field(description="Fields that are required and not answered")
    unfilable: list[int] = Field(description="Fields without which not even an incomplete notice can be filed")


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Reason(_Body):
    reason: Text


class Aware(_Body):
    """A reasonable degree of certainty that personal data was compromised. Starts the 72 hours."""

    aware_at: AwareDatetime = Field(description="When it was known: not in the future, not before the incident")
    reason: Text


class Score(_Body):
    """Inputs of the ENISA method; numbers as text."""

    dpc: str = Field(examples=["3"])
    ei: str = Field(examples=["0.75"])
    cb_confidentiality: str = "0"
    cb_integrity: str = "0"
    cb_availability: str = "0"
    cb_malicious: str = "0"
    reason: str = Field(default="", max_length=2000, description="Why these values; kept with them")


class Facts(_Body):
    """All that is known now; it replaces what was stated before. `severity` left out: the score stays as it is."""

    facts: dict[str, Any] = Field(examples=[{"kinds": ["confidentiality"], "data": ["contact"], "subjects": 400}])
    severity: Score | None = None


class Decision(_Body):
    notify_authority: bool
    notify_subjects: bool
    reasons: Text
    authorities: list[Annotated[str, Field(max_length=10)]] = Field(default=[], examples=[["DE-BE"]])


class Draft(_Body):
    """`fields`: what the case cannot know, by the number of the field; null takes an answer back."""

    fields: dict[Annotated[str, Field(pattern="^[0-9]{1,3}$")], Any] = Field(default={}, examples=[{"12": "Acme GmbH"}])


class Filing(_Body):
    """Counts only with the authority's reference, the instant and a copy; late: with reasons."""

    authority: Reference
    reference: Reference
    filed_at: AwareDatetime
    copy_sha256: Sha256
    reasons_for_delay: str = Field(default="", max_length=2000)


class Told(_Body):
    """The controller was told by its processor (Art. 33(2))."""

    reference: Reference
    copy_sha256: Sha256


class Letters(_Body):
    """Data subjects were told (Art. 34). `proof_sha256`: hash of the list of deliveries."""

    told: int
    undelivered: int = 0
    proof_sha256: Sha256


class Order(_Body):
    authority: Reference
    reference: Reference


class ShownProof(_Body):
    proof: Proof
    reference: Reference
    sha256: Sha256


class Exempt(_Body):
    """Art. 34(3). Each exemption needs its evidence; a second person confirms it."""

    exemption: Exemption
    evidence: list[ShownProof] = []


class Merging(_Body):
    """The same incident as another case of the same controller: the earliest awareness of both governs."""

    into: UUID = Field(description="The case that goes on")
    reason: Text


class Relating(_Body):
    other: UUID = Field(description="A case that readers of this one should know of; it may be another controller's")
    reason: Text


class Counting(_Body):
    """How many people are concerned, as somebody counted them. The worst that is possible counts as a fact."""

    lower: int = Field(description="At least so many")
    upper: int | None = Field(default=None, description="At most so many; null: cannot be bounded")
    proof_sha256: Sha256


class Closing(_Body):
    effects: Text
    measures: Text


class Difference(BaseModel):
    """Numbers of fields: what a version tells that another one did not."""

    added: list[int]
    removed: list[int]
    changed: list[int]


class Notice(BaseModel):
    number: int
    sha256: str
    drafted_at: datetime
    drafted_by: str
    content: dict[str, Any] = Field(description="Exactly what was hashed: canonical JSON")

"""The shapes of intake's API, with the words that its document shows."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from intake.domain.asked import NOTHING, Asked
from intake.domain.corrections import MAX_PLACES
from intake.domain.identity import Doubt
from intake.domain.rights import CARRIED
from intake.entrypoints.values import Correction, Place
from lethe_events.models import Category, Code, Reference
from lethe_events.words import Channel, RestrictionGround, Result, Right, SagaState
from lethe_letters import Language

MAX_KINDS = 16
MAX_VALUES = 16
MAX_REDEMPTIONS = 100
_ID = "0198c0de-7a11-7000-8000-5e1f00000001"
_TASK = "5a1d3c52-98cc-5a39-9a45-0b8c1f6f0d11"

Value = Annotated[str, StringConstraints(max_length=1000)]
Values = Annotated[list[Value], Field(min_length=1, max_length=MAX_VALUES)]


class Given(BaseModel):
    """Base of what callers send: an unknown field is refused, because a misspelt one would be lost silently."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Identity(Given):
    """How the controller knew who asks (Art. 12(6)). Proofs themselves are not sent."""

    method: Code = Field(
        description="controller_session: signed in at the controller; signed_assertion: the same, proved; "
        "authorised_agent: acts under a mandate; in_doubt: it has to be found out; or a code of the controller's own",
        examples=["controller_session"],
    )
    reason: Code | None = Field(
        default=None, description=f"With in_doubt, and required there: one of {', '.join(Doubt)}"
    )
    mandate: Reference | None = Field(default=None, description="An agent's authority, by your reference")
    assertion: Annotated[str, StringConstraints(max_length=8000)] | None = Field(
        default=None,
        description="With signed_assertion: a JWT under the controller's key; iss its id, aud lethe-intake, iat, exp, "
        "identifiers. Good for ten minutes",
    )


def _carried(value: object) -> object:
    if value not in CARRIED:
        raise PydanticCustomError("enum", "is not carried out", {"expected": ", ".join(sorted(CARRIED))})
    return value


class NewDsr(Given):
    """One request by one data subject exercising one right."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "controller_id": "acme",
                    "right": "erasure",
                    "export_first": True,
                    "identifiers": {"email": ["mina@people.example"], "customer_id": ["C-10042"]},
                    "channel": "web_form",
                    "received_at": "2026-11-23T10:15:00+01:00",
                    "identity": {"method": "controller_session"},
                }
            ]
        }
    )
    controller_id: Code = Field(description="Who decides about the data; one of those the token names")
    right: Annotated[Right, BeforeValidator(_carried)] = Field(
        description="access: Art. 15; rectification: 16; erasure: 17; restriction: 18; portability: 20; objection: 21; "
        "automated_decision: its review by a person, 22(3); consent_withdrawal: 7(3)"
    )
    export_first: bool = Field(
        default=False, description="With erasure: also asks for access, and delivers it before anything is erased"
    )
    identifiers: Annotated[dict[Code, Values], Field(max_length=MAX_KINDS)] = Field(
        description="What the person is known by: kind → values. `email` and `phone_number` are checked and put into "
        "one form; other kinds (`customer_id`, …) are taken as they are"
    )
    channel: Channel = Field(description="How the request reached the controller")
    received_at: AwareDatetime | None = Field(
        default=None,
        description="When it reached the controller through one of its official channels; the legal clock starts "
        "here. With offset from UTC. Left out: now",
    )
    country: Annotated[str, StringConstraints(max_length=10)] | None = Field(
        default=None,
        description="Establishment whose calendar counts (ISO 3166-1, or GB-EAW, GB-SCT, GB-NIR). Left out: the "
        "controller's",
        examples=["DE"],
    )
    note: Annotated[str, StringConstraints(max_length=4000)] | None = Field(
        default=None, description="Free text for the people who work on the request; sealed like the identifiers"
    )
    language: Language | None = Field(default=None, description="Of letters to the person; left out: the controller's")
    identity: Identity
    corrections: dict[Place, Correction] = Field(
        default={},
        max_length=MAX_PLACES,
        repr=False,
        description="With rectification: field → the value it should have. A field is `collection.field` or "
        "`processor:collection.field` of the register, or a data category, which stands for all fields that hold it. "
        "Checked by the register's types; sealed like the identifiers",
        examples=[{"user.name.last": "Example", "shop:customers.language": "de"}],
    )
    completions: dict[Place, Correction] = Field(
        default={}, max_length=MAX_PLACES, repr=False, description="The same for what is missing rather than wrong"
    )
    contested: bool = Field(
        default=False,
        description="With rectification: the person also contests what is held (Art. 18(1)(a)), so that it is "
        "restricted until it is corrected",
    )
    categories: Annotated[list[Category], Field(max_length=MAX_KINDS)] = Field(
        default=[], description="With rectification and restriction: which data are meant. None: all"
    )
    ground: RestrictionGround | None = Field(
        default=None, description="With restriction, and required there: Art. 18(1)(a) to (d), in this order"
    )
    direct_marketing: bool = Field(
        default=False, description="With objection: to direct marketing; it needs no grounds (Art. 21(2), (3))"
    )
    purposes: Annotated[list[Code], Field(max_length=MAX_KINDS)] = Field(
        default=[],
        description="With consent_withdrawal, and required there: the purposes the consent was given for. With "
        "objection: what is objected to. Data uses as the register names them",
        examples=[["marketing.advertising"]],
    )
    grounds: Annotated[str, StringConstraints(max_length=4000)] | None = Field(
        default=None,
        repr=False,
        description="With objection to anything but direct marketing, and required there: the person's particular "
        "situation (Art. 21(1)), for who decides; sealed",
    )
    formats: Annotated[list[Annotated[str, StringConstraints(max_length=16)]], Field(max_length=MAX_KINDS)] = Field(
        default=[],
        description="With portability: json, csv, xml. A portable copy has all three; anything else is refused",
    )
    decision: Reference | None = Field(
        default=None,
        description="With automated_decision, and required there: your reference of the decision to review",
    )
    transmit_to: Code | None = Field(
        default=None,
        description="With portability: also send the copy straight to this controller (Art. 20(2)), a name in the "
        "deployment's list of targets",
    )

    PARTICULARS: ClassVar[frozenset[str]] = frozenset(
        {"corrections", "completions", "contested", "categories", "ground", "direct_marketing", "purposes", "grounds",
         "formats", "decision", "transmit_to"}
    )  # fmt: skip

    @property
    def asked(self) -> Asked:
        if self.PARTICULARS.isdisjoint(self.model_fields_set):
            return NOTHING  # most requests
        return Asked(
            corrections=self.corrections,
            completions=self.completions,
            contested=self.contested,
            categories=tuple(self.categories),
            ground=self.ground,
            direct_marketing=self.direct_marketing,
            purposes=tuple(self.purposes),
            grounds=self.grounds,
            formats=tuple(self.formats),
            decision=self.decision,
            transmit_to=self.transmit_to,
            as_text=self.as_text,
        )

    @property
    def as_text(self) -> bool:
        return False

    @property
    def identity_method(self) -> str:
        return self.identity.method

    @property
    def identity_reason(self) -> str | None:
        return self.identity.reason

    @property
    def identity_mandate(self) -> str | None:
        return self.identity.mandate

    @property
    def identity_assertion(self) -> str | None:
        return self.identity.assertion


class Links(BaseModel):
    self: str = Field(description="The DSR", examples=[f"/v1/dsrs/{_ID}"])
    package: str = Field(description="Its export package", examples=[f"/v1/dsrs/{_ID}/package"])


class AcceptedDsr(BaseModel):
    """The request is stored, its identifiers are sealed and its saga will run. Sent again, it gets the same answer."""

    dsr_id: UUID = Field(examples=[_ID])
    status: str = Field(examples=["received"])
    due_strict: datetime = Field(description="The earliest reading of the law: alarms go by it")
    due_legal: datetime = Field(description="The last moment to answer, Art. 12(3): lateness is judged by it")
    due_date: date = Field(description="The legal day, where the controller is", examples=["2026-12-23"])
    rule: str = Field(description="The rule that gave the dates", examples=["gdpr.art12_3"])
    links: Links
    repeats: UUID | None = Field(
        default=None, description="Only there if a request of the same person and right is open: that one"
    )
    attached: bool = Field(
        default=False, description="Only there if the controller's policy is to attach: dsr_id is the open one"
    )


class Progress(BaseModel):
    tasks: int = Field(description="Things that processors were asked to do")
    settled: int = Field(description="Those that are done and verified, or lawfully excepted")
    open_incidents: int = Field(description="Things a person has to look at")


class Retained(BaseModel):
    """What the law keeps: which rows, by which ground, until when (null: until the ground itself ends)."""

    collection: str
    category: str
    rows: int
    ground: str
    article: str
    until: datetime | None = None


class KnownBy(BaseModel):
    """How it is known who asks (Art. 12(6))."""

    method: str = Field(examples=["in_doubt"])
    doubt: str | None = Field(description="Why it was in doubt")
    verified_at: datetime | None
    verified_by: str | None = Field(description="How it was verified", examples=["code_email"])


class Repeated(BaseModel):
    """The person exercised this right before. Nothing follows from it by itself: a person decides (Art. 12(5))."""

    open_dsr_id: UUID | None = Field(description="The request that was open when this one came")
    patterns: tuple[str, ...] = Field(description="same_again, burst: what may be excessive", examples=[["same_again"]])
    requests: int = Field(description="Of this person and right so far, this one included")


class Particulars(BaseModel):
    """What was asked beside the right; only what was sent is there."""

    purposes: tuple[str, ...] = ()
    direct_marketing: bool = False
    categories: tuple[str, ...] = ()
    ground: str | None = None
    contested: bool = False
    decision: str | None = None
    formats: tuple[str, ...] = ()
    transmit_to: str | None = None
    places: tuple[str, ...] = Field(default=(), description="Fields to be corrected; the values are never shown")


class Transmission(BaseModel):
    """The copy on its way to another controller. The person can fetch it all along."""

    target: str
    state: str = Field(
        description="waiting, transmitted, refused (a person has to look), none", examples=["transmitted"]
    )
    attempts: int
    tried_at: datetime | None
    http_status: int | None = Field(description="What the other side answered last")
    receipt_sha256: str | None = Field(description="Hash of the body of that answer: its receipt")
    problem: str | None


class Dsr(BaseModel):
    """Where a DSR stands. The person's identifiers are never shown."""

    dsr_id: UUID = Field(examples=[_ID])
    controller_id: str = Field(examples=["acme"])
    right: Right
    export_first: bool
    particulars: Particulars
    transmission: Transmission | None
    channel: Channel
    country: str = Field(examples=["DE"])
    identifier_kinds: tuple[str, ...] = Field(examples=[["email", "customer_id"]])
    received_at: datetime
    accepted_at: datetime
    state: SagaState
    due_strict: datetime
    due_legal: datetime
    due_date: date = Field(description="The legal day as told at acceptance")
    rule: str = Field(examples=["gdpr.art12_3"])
    progress: Progress
    result: Result | None = Field(description="What the data subject is told at the end")
    retained: tuple[Retained, ...] = Field(description="What the law keeps, by which ground, until when")
    certificate_sha256: str | None = Field(description="Hash of the signed certificate, once closed")
    package_ready: bool
    status_at: datetime | None = Field(description="When the saga last told its state")
    withdrawn_at: datetime | None = Field(description="When the person took the request back")
    identity: KnownBy
    parent_id: UUID | None = Field(description="The batch it came with")
    repeats: Repeated | None = Field(description="Null if this person had not exercised this right lately")
    links: Links


class DsrPage(BaseModel):
    items: list[Dsr]
    next: str | None = Field(description="Address of the next page", examples=[f"/v1/dsrs?before={_ID}&limit=50"])


class RedemptionItem(Given):
    dsr_id: UUID = Field(examples=[_ID])
    task_id: UUID = Field(description="The task the identifiers are needed for", examples=[_TASK])


class NewRedemptions(Given):
    """Identifiers are needed for tasks. Every item is recorded."""

    items: list[RedemptionItem] = Field(min_length=1, max_length=MAX_REDEMPTIONS)


class RedeemedItem(BaseModel):
    dsr_id: UUID
    task_id: UUID
    identifiers: dict[str, tuple[str, ...]] = Field(examples=[{"email": ["mina@people.example"]}])


class Redeemed(BaseModel):
    """Items not listed under `items` are under `refused`: not your task, closed, or shredded; which is not told."""

    items: list[RedeemedItem]
    refused: list[RedemptionItem]

"""The register of processors as read from its files: who holds personal data, why, and how they are reached."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, InstanceOf, StringConstraints

from lethe_events.models import Article, Category, Code, CountryCode
from lethe_events.words import Verb
from lethe_processors.credentials import CredentialRef
from lethe_processors.dataset.model import Dataset

if TYPE_CHECKING:
    from collections.abc import Mapping

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Positive = Annotated[timedelta, Field(gt=timedelta(0))]


class Entry(BaseModel):
    """Base of everything in a register file. An unknown field is an error: a misspelt one would be ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Role(StrEnum):
    """What a processor is to the controller."""

    OWN_SYSTEM = "own_system"
    PROCESSOR = "processor"  # Art. 4(8), 28
    SUB_PROCESSOR = "sub_processor"  # Art. 28(4)
    RECIPIENT = "recipient"  # Art. 4(9), 19


class LawfulBasis(StrEnum):
    """The six bases of Art. 6(1)."""

    CONSENT = "consent"
    CONTRACT = "contract"
    LEGAL_OBLIGATION = "legal_obligation"
    VITAL_INTERESTS = "vital_interests"
    PUBLIC_TASK = "public_task"
    LEGITIMATE_INTERESTS = "legitimate_interests"


class Owner(Entry):
    name: Name
    contact: Name


class Purpose(Entry):
    use: Category
    lawful_basis: LawfulBasis


class Transfer(Entry):
    """A transfer to a third country and the safeguard it rests on (Art. 44-49)."""

    mechanism: Code
    country: CountryCode


class Dpa(Entry):
    """The contract of Art. 28(3)."""

    status: Literal["signed", "not_needed", "missing"]
    signed_on: date | None = None
    reference: Name | None = None


class Capabilities(Entry):
    """`deletion_lag`: how long after its answer the processor may still hold the data."""

    verbs: frozenset[Verb] = frozenset({Verb.EXPORT, Verb.ERASE, Verb.VERIFY})
    asynchronous: bool = False
    deletion_lag: timedelta = timedelta(0)
    re_add_paths: tuple[Name, ...] = ()


class Excepted(Entry):
    """Why absence is not looked for; the certificate says so."""

    ground: Code
    article: Article
    reason: Text


class Verification(Entry):
    excepted: Excepted | None = None

    @property
    def required(self) -> bool:
        return self.excepted is None


class Retries(Entry):
    """Attempt n waits min(first · factor^(n-1), max), with jitter; then the task fails."""

    max_attempts: Annotated[int, Field(ge=1, le=100)] = 6
    first: Positive = timedelta(seconds=2)
    factor: Annotated[float, Field(ge=1, le=10)] = 2
    max: Positive = timedelta(minutes=5)


class Rate(Entry):
    """`burst` requests may be made at once before `per_second` holds."""

    per_second: Annotated[float, Field(gt=0)]
    burst: Annotated[int, Field(ge=1)] | None = None


class RetentionRule(Entry):
    """How long a category is kept in the ordinary course (Art. 30(1)(f)), in words for the record of processing."""

    category: Category
    until: Text


class SqlSettings(Entry):
    """A PostgreSQL database. `key` (32 bytes or more) keys pseudonyms and the hash that is given as evidence.

    `ordinary`: what those who use the data in the ordinary course read with; it shows that a restriction holds.
    """

    kind: Literal["sql"]
    dataset: Name
    read: CredentialRef
    write: CredentialRef | None = None
    key: CredentialRef | None = None
    ordinary: CredentialRef | None = None


class HttpSettings(BaseModel):
    """An HTTP API. Everything but `kind` is the declarative profile that `lethe_processors.http` reads."""

    model_config = ConfigDict(frozen=True, extra="allow")
    kind: Literal["http"]

    @property
    def profile(self) -> Mapping[str, object]:
        return MappingProxyType(self.model_extra or {})


class KafkaSettings(Entry):
    """A processor that reads its own topic `dsr.tasks.<processor>`."""

    kind: Literal["kafka"]


def _none_word(value: Any) -> Any:
    return None if value == "none" else value


def _verification_word(value: Any) -> Any:
    return {} if value == "required" else value


class AutomatedDecision(Entry):
    """A decision by automated means alone, in the words in which people are told of it (Art. 15(1)(h), 22)."""

    name: Name
    logic: Text
    consequences: Text


class Processor(Entry):
    """A system or vendor that holds personal data of the named controllers' data subjects."""

    processor: Code
    name: Name
    owner: Owner
    controllers: Annotated[tuple[Code, ...], Field(min_length=1)]
    role: Role
    purposes: Annotated[tuple[Purpose, ...], Field(min_length=1)]
    data_categories: Annotated[tuple[Category, ...], Field(min_length=1)]
    data_subjects: Annotated[tuple[Code, ...], Field(min_length=1)]
    transfer: Annotated[Transfer | None, BeforeValidator(_none_word)]
    dpa: Dpa
    identities: Annotated[tuple[Code, ...], Field(min_length=1)]
    capabilities: Capabilities = Capabilities()
    after: tuple[Code, ...] = ()
    verification: Annotated[Verification, BeforeValidator(_verification_word)] = Verification()
    ack_within: Positive = timedelta(minutes=15)
    retries: Retries = Retries()
    concurrency: Annotated[int, Field(ge=1, le=256)] = 4
    rate: Rate | None = None
    batch: Annotated[int, Field(ge=1, le=1000)] = 50
    connector: Annotated[SqlSettings | HttpSettings | KafkaSettings, Field(discriminator="kind")]
    retention: tuple[RetentionRule, ...] = ()
    sources: tuple[Name, ...] = ()
    """Where data comes from that is not collected from the person (Art. 15(1)(g)); none named: nowhere else."""
    automated_decisions: tuple[AutomatedDecision, ...] = ()
    dataset: Annotated[InstanceOf[Dataset] | None, Field(exclude=True, repr=False)] = None
    """The description that an SQL connector's `dataset` names; put in by the loader, never written in the file."""

    @property
    def id(self) -> str:
        return self.processor


class Register(BaseModel):
    """All processors. `version` is the SHA-256 over the canonical content of every file, dataset files included."""

    model_config = ConfigDict(frozen=True)
    version: str
    processors: dict[str, Processor]

    def for_controller(self, controller_id: str) -> tuple[Processor, ...]:
        """Processors that hold data of this controller's data subjects, by id."""
        return tuple(p for _, p in sorted(self.processors.items()) if controller_id in p.controllers)

"""Messages about personal data breaches. The rules of `models` hold here as well."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar
from uuid import UUID

from msgspec import Meta

from lethe_events.ids import uuid5
from lethe_events.models import (
    WHOLE,
    Category,
    Code,
    CountryCode,
    ExportPart,
    Failure,
    Instant,
    Message,
    Natural,
    Positive,
    Sha256,
    Token,
)
from lethe_events.words import BreachKind, Outcome, Reporter


class Search(StrEnum):
    """What is looked for at a processor for the case of a breach."""

    LOCATE = "locate"  # of whom it holds data in scope
    CONTACT = "contact"  # how those can be reached who have to be told (Art. 34)


Asset = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}$" + WHOLE)]
"""A system, table, bucket or device as its inventory names it; not after a person."""


class BreachReported(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody reports what may be a personal data breach. What they wrote is sealed in the vault."""

    TYPE: ClassVar[str] = "lethe.breach.reported.v1"
    breach_id: UUID
    controllers: tuple[Code, ...]
    """A processor tells each of its controllers; each has a case and a clock of its own."""
    reporter: Reporter
    accepted_at: Instant
    """When it arrived: from then on a controller is aware of what its processor tells it."""
    country: CountryCode
    regime: Code = "gdpr"
    processor_id: Code | None = None
    noticed_at: Instant | None = None
    occurred_from: Instant | None = None
    occurred_to: Instant | None = None
    kinds: tuple[BreachKind, ...] = ()
    assets: tuple[Asset, ...] = ()
    categories: tuple[Category, ...] = ()
    subjects: Natural | None = None
    """An estimate."""
    described: bool = False
    """A sealed description lies in the vault under `breach_id`."""


class SecuritySignal(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Security monitoring or a product service saw something. A signal is not yet a breach."""

    TYPE: ClassVar[str] = "lethe.breach.signal.v1"
    signal_id: UUID
    controller_id: Code
    source: Code
    rule: Code
    """What was seen, for example `login.failed`, `export.mass`, `bucket.public`, `device.lost`."""
    asset: Asset
    at: Instant
    severity: Annotated[int, Meta(ge=0, le=6)] = 0
    """OCSF severity_id: 0 unknown, 1 informational … 5 critical, 6 fatal."""
    actor: Token | None = None
    """The account or host that acted: an HMAC under a key of the source, never its name."""
    processor_id: Code | None = None
    categories: tuple[Category, ...] = ()
    records: Natural | None = None
    finding: Sha256 | None = None
    """Hash of the original finding, which stays at its source."""


class BreachStatus(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Where the case of one controller stands. `version` grows; an older one is ignored."""

    TYPE: ClassVar[str] = "lethe.breach.status.v1"
    case_id: UUID
    breach_id: UUID
    controller_id: Code
    version: Positive
    state: Code
    at: Instant
    aware_at: Instant | None = None
    operational_due: Instant | None = None
    """Awareness and exactly 72 hours."""
    legal_end: Instant | None = None
    alerts: tuple[Code, ...] = ()
    severity: Code | None = None


class SearchRequested(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Whoever reads processors is asked who was affected, or how to reach them. Asking again is safe.

    What is found is sealed under `task_id` in the vault and never travels on the bus.
    """

    TYPE: ClassVar[str] = "lethe.breach.search-requested.v1"
    task_id: UUID
    case_id: UUID
    controller_id: Code
    processor_id: Code
    search: Search
    until: Instant
    """Locate: who was first recorded later is not concerned."""
    due_at: Instant
    categories: tuple[Category, ...] = ()
    """Locate: data in scope; none: all that the processor holds."""
    wanted: ExportPart | None = None
    """Contact: the sealed list of those who are to be reached, as references of this controller."""


class SearchAnswered(Message, frozen=True, kw_only=True, omit_defaults=True):
    """What a search came to: a count, and where the finding lies sealed. Several answers to one task count once."""

    TYPE: ClassVar[str] = "lethe.breach.search-answered.v1"
    task_id: UUID
    case_id: UUID
    controller_id: Code
    processor_id: Code
    search: Search
    outcome: Outcome
    """`done`, `nothing_found`, `failed` or `needs_person`."""
    at: Instant
    people: Natural = 0
    """Rows about people; the same person may be in several."""
    pages: Natural = 0
    """Contact: how many sealed documents hold what was found."""
    found: ExportPart | None = None
    """Locate: the sealed list of references."""
    failure: Failure | None = None


def page_of(task_id: UUID, number: int) -> UUID:
    """Where page `number` (from 0) of the contacts that a search found lies in the vault. Never change it."""
    return uuid5(task_id, f"page/{number}")

"""What `decide` answers: the next saga and what has to be said to others, as data."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from uuid import UUID

    import lethe_events as wire
    from orchestrator.domain.saga import Saga, Task


class Disposition(StrEnum):
    APPLIED = "applied"  # recorded in the chain, version grown
    IGNORED = "ignored"  # harmless: a redelivery, a race; changes nothing
    REJECTED = "rejected"  # makes no sense: parked, and a person has to look; changes nothing


class AskProcessor(Struct, frozen=True, gc=False):
    """Ask a processor to carry out a task. `parts`: for packaging, what has to be in it."""

    task: Task
    parts: tuple[wire.PartOf, ...] = ()


class TellStatus(Struct, frozen=True, gc=False):
    """Something changed that a reader of the status cares about."""


class ShredVault(Struct, frozen=True, gc=False):
    """Destroy the data key of the DSR: identifiers, note and documents are gone for good (Art. 5(1)(e))."""


Command = AskProcessor | TellStatus | ShredVault


class IncidentOpened(Struct, frozen=True, gc=False):
    code: str
    task_id: UUID | None = None


class IncidentResolved(Struct, frozen=True, gc=False):
    code: str
    task_id: UUID | None = None


class Decision(Struct, frozen=True, gc=False):
    """`saga` is the one given where the disposition is not APPLIED. `article`: of the step taken.

    `code` and `detail` say why something was ignored or rejected. `changed`: tasks that are new or not as before.
    """

    disposition: Disposition
    saga: Saga | None
    commands: tuple[Command, ...] = ()
    opened: tuple[IncidentOpened, ...] = ()
    resolved: tuple[IncidentResolved, ...] = ()
    changed: tuple[UUID, ...] = ()
    article: str = ""
    code: str = ""
    detail: str = ""


class Ignored(Struct, frozen=True, gc=False):
    """An act's answer: harmless, for this reason."""

    reason: str


class Rejected(Struct, frozen=True, gc=False):
    """An act's answer: it makes no sense. `code` is stable, `detail` says what to do next."""

    code: str
    detail: str


Verdictless = Ignored | Rejected | None
"""None: the draft was changed and the step is to be taken."""

"""What may happen to a request beside its tasks, as values. Most sagas have none of it.

They are stored and recorded as JSON; a member is never renamed.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - msgspec reads the annotations
from uuid import UUID  # noqa: TC003 - as above

from msgspec import Struct

from lethe_events.words import Result  # noqa: TC001 - as above
from orchestrator.domain.decided import (  # noqa: TC001 - as above
    Announcing,
    Asked,
    Deciding,
    Lifting,
    PersonsDecision,
    TakenBack,
)


class Ending(Struct, frozen=True, omit_defaults=True):
    """The request came to an end that is no carrying-out. Nothing new is asked after `at`.

    `said_at`: when the person or the controller said so; `by`: who recorded it (None: it came from intake).
    """

    result: Result
    at: datetime
    said_at: datetime
    by: str | None = None


class Refusing(Struct, frozen=True, omit_defaults=True):
    """A refusal that waits for a second person. `reason` is a code; `authority`: left out, that of the country."""

    ground: str
    article: str
    reason: str
    by: str
    at: datetime
    authority: str | None = None


class Refusal(Struct, frozen=True, omit_defaults=True):
    """Why the whole request was refused (Art. 12(4)), and the two people who say so."""

    ground: str
    article: str
    reason: str
    proposed_by: str
    approved_by: str
    at: datetime
    authority: str | None = None


class Identified(Struct, frozen=True):
    """How a doubt about who asks was settled (Art. 12(6)): the method, never what was shown."""

    method: str
    at: datetime


class Hold(Struct, frozen=True, omit_defaults=True):
    """A legal hold on what this request would erase. `processors`: none named means all of them.

    In force from `since`, when a second person approved it, until `until`. `lifting_by`: who proposed to lift it.
    `categories`: none named means whole erasures. `standing`: it was placed for the controller, and is lifted there.
    """

    id: UUID
    ground: str
    article: str
    matter: str
    processors: tuple[str, ...]
    placed_by: str
    approved_by: str | None = None
    since: datetime | None = None
    lifting_by: str | None = None
    lifted_by: str | None = None
    until: datetime | None = None
    categories: tuple[str, ...] = ()
    standing: bool = False

    @property
    def in_force(self) -> bool:
        return self.since is not None and self.until is None

    def covers(self, processor_id: str) -> bool:
        return not self.processors or processor_id in self.processors


class Withheld(Struct, frozen=True):
    """What an erasure was told to leave where it is, when it was asked last."""

    task_id: UUID
    categories: tuple[str, ...]


class Reopening(Struct, frozen=True):
    """A closed saga went on: why (a code), and at which processors."""

    at: datetime
    why: str
    processors: tuple[str, ...]


class Rang(Struct, frozen=True):
    """A rung of the controller's ladder that has rung: whom it called, and by which policy."""

    rung: str
    calls: str
    policy: str
    at: datetime


class ClockChange(Struct, frozen=True, omit_defaults=True):
    """One change of the clock. `kind`: as the law library names it; `further`: of an extension, in the rule's unit.

    `happened_at`: when the notice went out; `due_*`: the dates after it; `rule_version`: by which they were worked out.
    """

    kind: str
    happened_at: datetime
    reasons: tuple[str, ...]
    recorded_at: datetime
    by: str | None
    rule: str
    rule_version: str
    due_strict: datetime
    due_legal: datetime
    further: int = 0


class Extending(Struct, frozen=True):
    """A notice of extension that was ordered; the clock moves when there is proof that it went out in time."""

    letter_id: UUID
    further: int
    reasons: tuple[str, ...]
    by: str
    asked_at: datetime
    new_due: datetime


class LetterProof(Struct, frozen=True, omit_defaults=True):
    """What became of a letter, and the hash of what was handed over. `state`, `reason`: as the report says."""

    letter_id: UUID
    kind: str
    state: str
    at: datetime
    language: str | None = None
    sha256: str | None = None
    reason: str | None = None


class Dates(Struct, frozen=True):
    """Both ends of a period, in UTC."""

    due_strict: datetime
    due_legal: datetime


class Beside(Struct, frozen=True, omit_defaults=True):
    """All of it. `ended` is there from the end of the request on, although answers may still be waited for.

    `withheld`: by erasure asked around a hold. `reopened`: after it had closed, in order. `rang`: rungs of the ladder.
    `changes`: of the clock, in order. `first`: the dates before an extension; a refusal is due by them (Art. 12(4)).
    """

    ended: Ending | None = None
    refusing: Refusing | None = None
    refusal: Refusal | None = None
    identified: Identified | None = None
    holds: tuple[Hold, ...] = ()
    changes: tuple[ClockChange, ...] = ()
    first: Dates | None = None
    extending: Extending | None = None
    letters: tuple[LetterProof, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    reopened: tuple[Reopening, ...] = ()
    rang: tuple[Rang, ...] = ()
    asked: Asked | None = None
    deciding: Deciding | None = None
    decision: PersonsDecision | None = None
    lifting: Lifting | None = None
    announcing: Announcing | None = None
    announcements: int = 0
    taken_back: TakenBack | None = None

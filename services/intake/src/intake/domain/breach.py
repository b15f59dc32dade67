"""Whether a report of what may be a personal data breach can be accepted. Every fault is told, not only the first."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol

from intake.domain.errors import Fault, InvalidSubmission
from intake.domain.submission import CLOCK_SKEW
from lethe_events.words import Reporter
from lethe_law import regime_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from intake.domain.model import Controller
    from lethe_events.words import BreachKind

_MOST_PEOPLE = 10_000_000_000
"""More than there are."""


class BreachDraft(Protocol):
    """A report as it was sent, of the right shape but unchecked in meaning."""

    @property
    def controllers(self) -> Sequence[str]: ...
    @property
    def reporter(self) -> Reporter: ...
    @property
    def processor_id(self) -> str | None: ...
    @property
    def noticed_at(self) -> datetime | None: ...
    @property
    def occurred_from(self) -> datetime | None: ...
    @property
    def occurred_to(self) -> datetime | None: ...
    @property
    def kinds(self) -> Sequence[BreachKind]: ...
    @property
    def assets(self) -> Sequence[str]: ...
    @property
    def categories(self) -> Sequence[str]: ...
    @property
    def subjects(self) -> int | None: ...
    @property
    def description(self) -> str | None: ...


class Place(NamedTuple):
    country: str
    regime: str


def check_report(
    draft: BreachDraft, *, controllers: Mapping[str, Controller], processors: Collection[str] | None, now: datetime
) -> Place:
    """Where the first controller is. `processors`: those of the register; None: no register is at hand.

    Raises InvalidSubmission with every fault.
    """
    faults = [
        Fault("controllers", "names a controller that is not of this installation", "use configured ones")
        for c in draft.controllers
        if c not in controllers
    ][:1]
    if len(set(draft.controllers)) != len(draft.controllers):
        faults.append(Fault("controllers", "names one twice", "name each once"))
    faults += _processor(draft, processors) + _times(draft, now)
    if draft.subjects is not None and not 0 <= draft.subjects <= _MOST_PEOPLE:
        faults.append(Fault("subjects", "is not a number of people", "estimate, or leave it out"))
    if faults:
        raise InvalidSubmission(faults)
    first = controllers[draft.controllers[0]]
    return Place(first.country, first.regime or regime_of(first.country))


def _processor(draft: BreachDraft, processors: Collection[str] | None) -> list[Fault]:
    if draft.processor_id is None:
        if draft.reporter is not Reporter.PROCESSOR:
            return []
        return [Fault("processor_id", "is missing", "a notice under Art. 33(2) says which processor gives it")]
    if processors is not None and draft.processor_id not in processors:
        return [Fault("processor_id", "is not in the register of processors", "use one that is, or register it")]
    return []


def _times(draft: BreachDraft, now: datetime) -> list[Fault]:
    latest = now + CLOCK_SKEW
    faults = [
        Fault(name, "is in the future", "send when it was, with its offset from UTC")
        for name in ("noticed_at", "occurred_from", "occurred_to")
        if (at := getattr(draft, name)) is not None and at > latest
    ]
    begin, end, noticed = draft.occurred_from, draft.occurred_to, draft.noticed_at
    if begin is not None and end is not None and end < begin:
        faults.append(Fault("occurred_to", "is before occurred_from", "exchange them, or leave one out"))
    if begin is not None and noticed is not None and noticed < begin:
        faults.append(Fault("noticed_at", "is before the incident began", "correct it, or when the incident began"))
    return faults


def report_fields(draft: BreachDraft) -> list[str]:
    """What makes two reports the same one. Compared with rows stored long ago: never change it."""
    times = (draft.noticed_at, draft.occurred_from, draft.occurred_to)
    return [
        "breach",
        ",".join(draft.controllers),
        draft.reporter,
        draft.processor_id or "",
        *("" if at is None else at.astimezone(UTC).isoformat() for at in times),
        ",".join(draft.kinds),
        ",".join(draft.assets),
        ",".join(draft.categories),
        "" if draft.subjects is None else str(draft.subjects),
        "" if draft.description is None else f"text {draft.description}",
    ]

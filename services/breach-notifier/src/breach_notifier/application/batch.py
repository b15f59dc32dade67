"""The cases of one transaction: events are decided in memory, in order; the store then writes what changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from breach_notifier.domain.decide import decide
from breach_notifier.domain.decision import Disposition, Do
from breach_notifier.domain.record import link_of
from breach_notifier.domain.words import State
from lethe_events import BreachStatus, Stamp
from lethe_events.canonical import GENESIS
from lethe_events.ids import message_id

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from breach_notifier.application.topics import Topics
    from breach_notifier.domain.case import Case, Filing
    from breach_notifier.domain.decision import Decision
    from breach_notifier.domain.events import Event
    from breach_notifier.domain.record import Link
    from lethe_events import Record

SOURCE = "/lethe/breach-notifier"
_CALLS = 1000
"""Index from which ids of calls are counted, apart from those of messages."""
_OVER = frozenset({State.DISMISSED, State.NOTIFIED, State.SETTLED, State.CLOSED, State.MERGED})
"""States in which nobody has to be called about the clock any more."""


@dataclass(slots=True)
class Entry:
    """A case in a transaction. `seq`, `head`: of its last link. `stored`: its version in the database, None: new."""

    case: Case | None = None
    seq: int = 0
    head: str = GENESIS
    stored: int | None = None
    dirty: bool = False


class Call(NamedTuple):
    """`resolves`: tells that nobody has to come (any more)."""

    id: UUID
    case: Case
    about: str
    resolves: bool
    at: datetime


class Drafted(NamedTuple):
    """A version of a notice. `content`: canonical JSON."""

    case_id: UUID
    number: int
    sha256: str
    content: str
    at: datetime
    by: str


class Batch:
    """Not safe to share. `now` is the one time of everything in it."""

    def __init__(self, now: datetime, entries: Mapping[UUID, Entry], topics: Topics) -> None:
        self.now = now
        self.entries = dict(entries)
        self.links: list[Link] = []
        self.records: list[Record] = []
        self.calls: list[Call] = []
        self.drafts: list[Drafted] = []
        self.filings: list[tuple[UUID, Filing]] = []
        self.moved: list[tuple[UUID, UUID]] = []
        """Cases that go on in others: what signals opened goes with them."""
        self._topics = topics

    def case(self, case_id: UUID) -> Case | None:
        entry = self.entries.get(case_id)
        return None if entry is None else entry.case

    def apply(self, case_id: UUID, event: Event, cause: UUID | None = None) -> Decision:
        """Decide and collect what follows. `cause`: the message that brought the event."""
        entry = self.entries.get(case_id)
        before = None if entry is None else entry.case
        decision = decide(before, event)
        if decision.disposition is not Disposition.APPLIED:
            return decision
        if entry is None:
            entry = self.entries[case_id] = Entry()
        after = entry.case = decision.case
        assert after is not None, "an applied decision has a case"
        entry.dirty = True
        link = link_of(event, decision, entry.seq + 1, entry.head)
        self.links.append(link)
        entry.seq, entry.head = link.seq, link.hash
        if before is not None and len(after.filings) > len(before.filings):
            self.filings.append((case_id, after.filings[-1]))
        self._follow(before, after, decision, cause)
        return decision

    def _follow(self, before: Case | None, after: Case, decision: Decision, cause: UUID | None) -> None:
        for index, command in enumerate(decision.commands):
            if command.do is Do.TELL_STATUS:
                self.records.append(self._status(after, cause))
            elif command.do is Do.CALL:
                id_ = message_id(after.id, after.version, _CALLS + index)
                self.calls.append(Call(id_, after, command.about, resolves=False, at=self.now))
        if after.state in _OVER and before is not None and before.state not in _OVER:
            id_ = message_id(after.id, after.version, _CALLS - 1)
            self.calls.append(Call(id_, after, after.state.value, resolves=True, at=self.now))

    def _status(self, case: Case, cause: UUID | None) -> Record:
        stamp = Stamp(
            source=SOURCE, key=str(case.id), time=self.now, correlation_id=case.incident_id, causation_id=cause
        )
        return stamp.record(self._topics.status.name, status_of(case, self.now), message_id(case.id, case.version, 0))


def status_of(case: Case, at: datetime) -> BreachStatus:
    """Where a case stands, for those who show it."""
    clock = case.clock
    return BreachStatus(
        case_id=case.id,
        breach_id=case.incident_id,
        controller_id=case.controller_id,
        version=case.version,
        state=case.state.value,
        at=at,
        aware_at=None if clock is None else clock.aware_at,
        operational_due=None if clock is None else clock.due,
        legal_end=None if clock is None else clock.legal_end,
        alerts=case.alerts,
        severity=case.severity.partition(" ")[2].lower().replace(" ", "_") or None,
    )

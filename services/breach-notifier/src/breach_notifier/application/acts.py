"""What people do to a case: one case, one transaction, on record with a name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from breach_notifier.application.batch import Drafted
from breach_notifier.domain import events as e
from breach_notifier.domain.decision import Disposition
from breach_notifier.domain.drafting import draft, hash_of, read
from breach_notifier.domain.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import datetime
    from uuid import UUID

    from breach_notifier.application.batch import Batch
    from breach_notifier.application.office import Office
    from breach_notifier.application.ports import Desk
    from breach_notifier.domain.case import Case, Notice
    from breach_notifier.domain.events import Event
    from lethe_law.breach.template import Value

    Making = Callable[[datetime, "Case"], Event]


@dataclass(frozen=True, slots=True)
class Person:
    """Who acts, and for which controllers. `name` goes into the record of the case."""

    name: str
    controllers: Collection[str]


@dataclass(frozen=True, slots=True)
class Done:
    """`applied`: False if nothing was changed because it was so already; `detail` says why."""

    case: Case
    applied: bool
    detail: str = ""


class Acts:
    """Raises Refused where the case does not allow it; `not_found` also for a case of another controller."""

    def __init__(self, office: Office, desk: Desk) -> None:
        self._office = office
        self._desk = desk

    async def act(self, person: Person, case_id: UUID, make: Making) -> Done:
        """`make` gets the time of the transaction and the case as it is locked."""
        async with self._desk.work() as work:
            batch = await self._office.open(work.tx, [case_id])
            done = performed(batch, person, case_id, make)
            if done.applied:
                await self._office.save(work, batch)
            return done

    async def draft(self, person: Person, case_id: UUID, given: Mapping[int, Value | None]) -> Done:
        """The next version of the notice, filled from the case. `given`: fields that the case cannot know."""
        async with self._desk.work() as work:
            batch = await self._office.open(work.tx, [case_id])
            case = theirs(batch, person, case_id)
            versions = [read(text) for text in await self._office.store.contents(work.tx, case_id)]
            policy = self._office.policy.controllers.get(case.controller_id)
            if policy is None:
                raise Refused("unknown_controller", "the controller is no longer in this deployment's file: add it")
            content = draft(case, policy, given, versions, batch.now)
            text = content.text(str(case_id))
            sha256 = hash_of(text)
            done = performed(
                batch, person, case_id, lambda at, _: e.NoticeDrafted(at, person.name, sha256, content.status)
            )
            if done.applied:
                number = done.case.notices[-1].number
                batch.drafts.append(Drafted(case_id, number, sha256, text, batch.now, person.name))
                await self._office.save(work, batch)
            return done

    async def sign(self, person: Person, case_id: UUID, number: int) -> Done:
        """Sign off a version by another person than its author; one that cannot be filed cannot be signed."""
        async with self._desk.work() as work:
            batch = await self._office.open(work.tx, [case_id])
            notice = numbered(theirs(batch, person, case_id), number)
            contents = await self._office.store.contents(work.tx, case_id)
            wrong = read(contents[number - 1]).unfilable
            if wrong:
                raise Refused("not_fileable", "without these fields no notice can be filed: draft again", wrong)
            done = performed(batch, person, case_id, lambda at, _: e.NoticeSignedOff(at, person.name, notice.sha256))
            if done.applied:
                await self._office.save(work, batch)
            return done


def performed(batch: Batch, person: Person, case_id: UUID, make: Making) -> Done:
    """`make` gets the time of the transaction and the case as it is locked. Raises Refused."""
    return applied(batch, case_id, make(batch.now, theirs(batch, person, case_id)))


def applied(batch: Batch, case_id: UUID, event: Event) -> Done:
    """Raises Refused."""
    decision = batch.apply(case_id, event)
    if decision.disposition is Disposition.REJECTED or decision.case is None:
        raise Refused(decision.code, decision.detail)
    return Done(decision.case, decision.disposition is Disposition.APPLIED, decision.detail)


def numbered(case: Case, number: int) -> Notice:
    """A version of the case's notice. Raises Refused."""
    found = next((n for n in case.notices if n.number == number), None)
    if found is None:
        raise Refused("unknown_notice", "the case has no notice of this number: draft it first")
    return found


def theirs(batch: Batch, person: Person, case_id: UUID) -> Case:
    """Raises Refused."""
    case = batch.case(case_id)
    if case is None or case.controller_id not in person.controllers:
        raise Refused("not_found", "there is no such case, or it is not yours to see")
    return case

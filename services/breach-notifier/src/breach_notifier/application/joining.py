"""Two cases in one transaction: of one incident, or related. Both are locked, in the order of their ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breach_notifier.application.acts import applied, theirs
from breach_notifier.domain import events as e
from breach_notifier.domain.errors import Refused

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from breach_notifier.application.acts import Done, Person
    from breach_notifier.application.office import Office
    from breach_notifier.application.ports import Desk
    from breach_notifier.domain.case import Case


class Joining:
    """Raises Refused like `Acts`."""

    def __init__(self, office: Office, desk: Desk) -> None:
        self._office = office
        self._desk = desk

    async def merge(self, person: Person, case_id: UUID, into: UUID, reason: str) -> Done:
        """`case_id` goes on in `into`, whose clock is then the earlier one of both. Gives `into` as it stands."""
        _not_itself(case_id, into)
        async with self._desk.work() as work:
            batch = await self._office.open(work.tx, [case_id, into])
            ending, goes_on = theirs(batch, person, case_id), theirs(batch, person, into)
            _of_one_party(ending, goes_on)
            ended = applied(batch, case_id, e.CaseMerged(batch.now, person.name, into, reason))
            if not ended.applied:
                return ended
            done = applied(batch, into, _joined(batch.now, person, ending, reason))
            batch.moved.append((case_id, into))
            await self._office.save(work, batch)
            return done

    async def relate(self, person: Person, case_id: UUID, other: UUID, reason: str) -> Done:
        """Each keeps its clock; they may be of different controllers."""
        _not_itself(case_id, other)
        async with self._desk.work() as work:
            batch = await self._office.open(work.tx, [case_id, other])
            theirs(batch, person, case_id)
            theirs(batch, person, other)
            there = applied(batch, other, e.CaseRelated(batch.now, person.name, case_id, reason))
            here = applied(batch, case_id, e.CaseRelated(batch.now, person.name, other, reason))
            if here.applied or there.applied:
                await self._office.save(work, batch)
            return here


def _joined(now: datetime, person: Person, ending: Case, reason: str) -> e.CaseJoined:
    aware_at = None if ending.clock is None else ending.clock.aware_at
    return e.CaseJoined(
        now,
        person.name,
        ending.id,
        ending.evidence,
        reason,
        aware_at,
        ending.aware_by,
        ending.aware_reason,
        ending.occurred_from,
    )


def _not_itself(case_id: UUID, other: UUID) -> None:
    if case_id == other:
        raise Refused("same_case", "name another case than this one")


def _of_one_party(one: Case, other: Case) -> None:
    if (one.controller_id, one.party, one.regime) != (other.controller_id, other.party, other.regime):
        raise Refused(
            "other_controller", "each controller has a case and a clock of its own: relate these cases instead"
        )

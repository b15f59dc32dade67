"""Placing and lifting holds of a controller, and carrying both to the requests that there are already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from lethe_events.ids import uuid7
from lethe_events.subject_token import normalise, subject_token
from lethe_law import GROUNDS
from lethe_messaging import Person as Operator
from lethe_messaging import record_operation
from orchestrator.application.holding import impose, people_of
from orchestrator.application.keeping import Touched
from orchestrator.domain.beside import Hold
from orchestrator.domain.errors import Refused
from orchestrator.domain.hold_acts import may_hold
from orchestrator.domain.hold_events import HoldReleased
from orchestrator.domain.standing import StandingHold, approve, key_name, propose_lift

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from lethe_messaging import Work
    from lethe_postgres import Tx
    from orchestrator.application.acts import Person
    from orchestrator.application.office import Office
    from orchestrator.application.ports import Desk

LIMIT = 200
EVERY = 1.0  # seconds between looks for holds that have not reached every request


class Sweep(NamedTuple):
    """A hold, and the next sagas that it has to reach or to leave."""

    hold: StandingHold
    sagas: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Scope:
    """What a hold covers. `dsr_id` or `identifiers` name one person; `everything` says that all is meant."""

    processors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    dsr_id: UUID | None = None
    identifiers: Mapping[str, Sequence[str]] | None = None
    everything: bool = False

    @property
    def person(self) -> bool:
        return self.dsr_id is not None or bool(self.identifiers)

    @property
    def open_ended(self) -> bool:
        return not (self.processors or self.categories or self.person)


class Keys(Protocol):
    """Of the vault: what people are recognised by."""

    async def processor_key(self, processor_id: str) -> bytes: ...


class HoldRows(Protocol):
    async def begin(self, tx: Tx) -> datetime:
        """Nothing is planned or asked while this transaction changes what is held; gives the time."""
        ...

    async def insert(self, tx: Tx, hold: StandingHold, at: datetime) -> None: ...

    async def lock(self, tx: Tx, hold_id: UUID, controllers: Collection[str]) -> StandingHold | None: ...

    async def update(self, tx: Tx, hold: Hold, *, in_force_changed: bool) -> None: ...

    async def next_sweep(self, tx: Tx, limit: int) -> Sweep | None: ...

    async def next_release(self, tx: Tx, limit: int) -> Sweep | None: ...

    async def controller_of(self, tx: Tx, saga_id: UUID) -> tuple[str, bool] | None: ...

    async def page(
        self, controllers: Collection[str], *, matter: str | None, lifted: bool, hold_id: UUID | None, limit: int
    ) -> list[dict[str, Any]]: ...

    async def covered(self, hold_id: UUID, limit: int) -> list[dict[str, Any]]: ...

    async def kept(self, controllers: Collection[str], before: datetime | None, limit: int) -> list[dict[str, Any]]: ...


class HoldKeeping:
    """Raises Refused where a hold cannot be placed or lifted; `not_found` also for one of another controller.

    Placing, approving and lifting are on record in the journal of operations, and in the chain of each saga covered.
    """

    def __init__(self, office: Office, desk: Desk, rows: HoldRows, keys: Keys, entropy: Callable[[], bytes]) -> None:
        self._office = office
        self._desk = desk
        self.rows = rows
        self._keys = keys
        self._entropy = entropy

    async def place(  # noqa: PLR0917 - the parts of one statement
        self, person: Person, controller_id: str, ground: str, article: str | None, matter: str, scope: Scope
    ) -> UUID:
        """State that erasures are to be held. It stops nothing until another person approves it."""
        if controller_id not in person.controllers:
            raise Refused("unknown_controller", "there is no such controller, or it is not yours")
        if not may_hold(ground):
            raise Refused("unknown_ground", f"use one of {', '.join(g for g in GROUNDS if may_hold(g))}")
        if scope.open_ended and not scope.everything:
            raise Refused("no_scope", "name a person, processors or categories, or say that everything is meant")
        if scope.everything and not scope.open_ended:
            raise Refused("two_scopes", "everything is meant, or what is named: not both")
        people = await self._people(controller_id, scope) if scope.person else None
        async with self._desk.work() as work:
            batch, view = await self._office.open(work.tx, [])
            named = set() if view is None else {r.processor_id for r in view.of(controller_id)}
            if unknown := set(scope.processors) - named:
                raise Refused("unknown_processor", f"not in the register: {', '.join(sorted(unknown))}")
            hold = Hold(
                id=uuid7(batch.now, self._entropy()),
                ground=ground,
                article=article or GROUNDS[ground].article,
                matter=matter,
                processors=tuple(sorted(set(scope.processors))),
                placed_by=person.name,
                categories=tuple(sorted(set(scope.categories))),
                standing=True,
            )
            await self.rows.insert(work.tx, StandingHold(controller_id, hold, people), batch.now)
            await self._on_record(work, "place_hold", person, hold)
        return hold.id

    async def lift(self, person: Person, hold_id: UUID) -> None:
        """State that a hold is over; when another person approves, what it stopped goes on by itself."""
        await self._change(person, hold_id, "lift_hold", lambda hold, _: propose_lift(hold, person.name))

    async def approve(self, person: Person, hold_id: UUID) -> None:
        """The second person's word, to place or to lift it."""
        await self._change(person, hold_id, "approve_hold", lambda hold, at: approve(hold, person.name, at))

    async def step(self) -> float:
        """Carry holds on to requests, or take them off; gives the seconds until the next look."""
        return 0.0 if await self.spread() or await self.free() else EVERY

    async def spread(self) -> bool:
        """One batch of open sagas for a hold that was placed; whether there was one."""
        async with self._desk.work() as work:
            batch, _ = await self._office.open(work.tx, [])
            sweep = await self.rows.next_sweep(work.tx, LIMIT)
            if sweep is None:
                return False
            batch, _ = await self._office.open(work.tx, sweep.sagas)
            about = dict.fromkeys(sweep.sagas, sweep.hold.controller_id)
            people = await people_of(self._office.vault, batch.standing, about)
            for saga_id in sweep.sagas:
                impose(batch, saga_id, people.get(saga_id, ()))
            await self._office.save(work, batch)
        return True

    async def free(self) -> bool:
        """One batch of sagas for a hold that was lifted: closed ones too, which go on where something was withheld."""
        async with self._desk.work() as work:
            batch, _ = await self._office.open(work.tx, [])
            sweep = await self.rows.next_release(work.tx, LIMIT)
            if sweep is None:
                return False
            batch, _ = await self._office.open(work.tx, sweep.sagas)
            hold = sweep.hold.hold
            assert hold.lifting_by is not None, "two people lifted it"
            assert hold.lifted_by is not None, "two people lifted it"
            about = dict.fromkeys(sweep.sagas, sweep.hold.controller_id)
            people = await people_of(self._office.vault, batch.standing, about)
            for saga_id in sweep.sagas:
                impose(batch, saga_id, people.get(saga_id, ()))
                batch.apply(saga_id, HoldReleased(batch.now, hold.id, hold.lifting_by, hold.lifted_by))
                batch.touched.append(Touched(hold.id, saga_id, batch.now, batch.now))
            await self._office.save(work, batch)
        return True

    async def _change(self, person: Person, hold_id: UUID, what: str, change: Callable[[Hold, datetime], Hold]) -> None:
        async with self._desk.work() as work:
            at = await self.rows.begin(work.tx)
            found = await self.rows.lock(work.tx, hold_id, person.controllers)
            if found is None:
                raise Refused("not_found", "there is no such hold, or it is not yours to see")
            hold = change(found.hold, at)
            await self.rows.update(work.tx, hold, in_force_changed=hold.in_force is not found.hold.in_force)
            await self._on_record(work, what, person, hold)

    async def _people(self, controller_id: str, scope: Scope) -> frozenset[str]:
        """Tokens of whom the hold names. The identifiers themselves go no further than this."""
        found: set[str] = set()
        if scope.identifiers:
            key = await self._keys.processor_key(key_name(controller_id))
            found |= {
                subject_token(key, kind, normalise(kind, value))
                for kind, values in scope.identifiers.items()
                for value in values
            }
        if scope.dsr_id is not None:
            found |= await self._of_request(controller_id, scope.dsr_id)
        return frozenset(found)

    async def _of_request(self, controller_id: str, dsr_id: UUID) -> set[str]:
        async with self._desk.work() as work:
            known = await self.rows.controller_of(work.tx, dsr_id)
        if known is None or known[0] != controller_id:
            raise Refused("unknown_dsr", "there is no such request, or it is not yours to see")
        tokens = await self._office.vault.subject_tokens([dsr_id], {dsr_id: [key_name(controller_id)]})
        found = {token for named in tokens.values() for token in named}
        if not found:
            raise Refused("unknown_dsr", "nobody can tell any more who that request was about: name identifiers")
        return found

    @staticmethod
    async def _on_record(work: Work, what: str, person: Person, hold: Hold) -> None:
        await record_operation(work.tx, what, Operator(person.name, hold.matter), {"hold": str(hold.id)})

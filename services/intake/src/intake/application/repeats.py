"""Recognising repeats within a group of requests: one statement for all of them, more only if somebody is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from intake.domain.model import Accepted
from intake.domain.repeats import Owner, judge, may_attach

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from uuid import UUID

    from intake.application.ports import Meters, Store
    from intake.domain.fingerprint import Fingerprints
    from intake.domain.model import Candidate, Controller
    from intake.domain.repeats import Repeat
    from lethe_postgres import Tx

Key = tuple[str, bytes]
"""A controller, and a keyed hash under it."""


@dataclass(frozen=True, slots=True)
class Again:
    """Requests of a person who is known. `successor` takes the place of one that is over."""

    key: Key
    number: int
    candidate: Candidate
    successor: UUID | None


class People(Protocol):
    """Each is one statement."""

    async def know(self, tx: Tx, wanted: Mapping[Key, Candidate]) -> Mapping[Key, tuple[UUID, int]]:
        """Enter who is not known; gives for each the request that they are known by, and how many there were."""
        ...

    async def owners(self, tx: Tx, wanted: Sequence[tuple[str, UUID]]) -> Sequence[Owner]: ...

    async def attached(self, tx: Tx, candidates: Sequence[Candidate]) -> Mapping[Key, Accepted]: ...

    async def attach(self, tx: Tx, answers: Sequence[tuple[Candidate, UUID]]) -> None: ...

    async def again(self, tx: Tx, counted: Sequence[Again]) -> None: ...

    async def flag(self, tx: Tx, repeats: Sequence[tuple[Candidate, Repeat]]) -> None: ...


@dataclass(slots=True)
class Found:
    """Of one group. `answers`: by idempotency key, those that are answered with an open request.

    `known`: by candidate, the hashes under which its person was known, with owner and number of requests.
    """

    answers: dict[Key, Accepted] = field(default_factory=dict)
    known: dict[UUID, dict[Key, tuple[UUID, int]]] = field(default_factory=dict)
    owners: dict[UUID, Owner] = field(default_factory=dict)


class Repeats:
    def __init__(
        self,
        people: People,
        store: Store,
        fingerprints: Fingerprints,
        controllers: Mapping[str, Controller],
        meters: Meters,
    ) -> None:
        self._people = people
        self._store = store
        self._fingerprints = fingerprints
        self._controllers = controllers
        self._meters = meters

    async def look(self, tx: Tx, candidates: Sequence[Candidate]) -> Found:
        """Who is known, and which requests are to be answered with an open one instead of being stored."""
        keys = {c.dsr_id: self._keys(c) for c in candidates}
        wanted: dict[Key, Candidate] = {}
        for candidate in candidates:
            for key in keys[candidate.dsr_id]:
                wanted.setdefault(key, candidate)
        held = await self._people.know(tx, wanted)
        found = Found()
        for candidate in candidates:
            others = {k: held[k] for k in keys[candidate.dsr_id] if held[k][0] != candidate.dsr_id}
            if others:
                found.known[candidate.dsr_id] = others
        if found.known:
            await self._look_closer(tx, candidates, keys, found)
        return found

    async def keep(self, tx: Tx, found: Found, new: Sequence[Candidate]) -> dict[UUID, Repeat]:
        """Note on those that were stored what they repeat, and count them."""
        judged = {c.dsr_id: (c, self._judge(c, found)) for c in new if c.dsr_id in found.known}
        if not judged:
            return {}
        counted: dict[Key, Again] = {}
        for candidate, _ in judged.values():
            for key, (owner_id, _) in found.known[candidate.dsr_id].items():
                owner = found.owners.get(owner_id)
                successor = candidate.dsr_id if owner is None or owner.over else None
                before = counted.get(key)
                more = 0 if owner is None else 1  # a hash without a request behind it counts for nothing
                counted[key] = Again(key, more + (before.number if before else 0), candidate, successor)
        await self._people.again(tx, [counted[key] for key in sorted(counted)])
        judged = {dsr_id: (c, repeat) for dsr_id, (c, repeat) in judged.items() if repeat.requests > 1}
        if judged:
            await self._people.flag(tx, list(judged.values()))
        for _, repeat in judged.values():
            for pattern in repeat.patterns or ("open_already" if repeat.of else "known",):
                self._meters.repeated(pattern)
        return {dsr_id: repeat for dsr_id, (_, repeat) in judged.items()}

    def _keys(self, candidate: Candidate) -> list[Key]:
        controller_id = candidate.submission.controller_id
        return [(controller_id, person) for person in self._fingerprints.of_people(candidate.submission)]

    def _judge(self, candidate: Candidate, found: Found) -> Repeat:
        known = found.known[candidate.dsr_id].values()
        owners = {owner_id: found.owners[owner_id] for owner_id, _ in known if owner_id in found.owners}
        before = max((number for owner_id, number in known if owner_id in owners), default=0)
        return judge(candidate.submission, owners.values(), requests=before, at=candidate.accepted_at)

    async def _look_closer(
        self, tx: Tx, candidates: Sequence[Candidate], keys: Mapping[UUID, Sequence[Key]], found: Found
    ) -> None:
        pairs = {(key[0], owner) for known in found.known.values() for key, (owner, _) in known.items()}
        found.owners |= {owner.dsr_id: owner for owner in await self._people.owners(tx, sorted(pairs))}
        mates = {owner for _, owner in pairs} - found.owners.keys()
        found.owners |= {c.dsr_id: _owner(c) for c in candidates if c.dsr_id in mates}
        known = [c for c in candidates if c.dsr_id in found.known]
        found.answers |= await self._people.attached(tx, known)
        repeating = [c for c in known if self._attaches(c)]
        if repeating:
            await self._attach(tx, repeating, keys, found, mates)

    async def _attach(
        self,
        tx: Tx,
        repeating: Sequence[Candidate],
        keys: Mapping[UUID, Sequence[Key]],
        found: Found,
        mates: Collection[UUID],
    ) -> None:
        stored = await self._store.by_keys(tx, repeating)
        answers: list[tuple[Candidate, UUID]] = []
        for candidate in repeating:
            mine = (candidate.submission.controller_id, candidate.key)
            known = found.known[candidate.dsr_id]
            owner = found.owners.get(next(iter(known.values()))[0])
            same = len({o for o, _ in known.values()}) == 1 and len(known) == len(keys[candidate.dsr_id])
            if mine in found.answers or mine in stored or owner is None or not same or owner.dsr_id in mates:
                continue
            if may_attach(candidate.submission, owner):
                found.answers[mine] = Accepted(owner.dsr_id, candidate.fingerprint, owner.deadline, attached=True)
                answers.append((candidate, owner.dsr_id))
        if answers:
            await self._people.attach(tx, answers)

    def _attaches(self, candidate: Candidate) -> bool:
        return self._controllers[candidate.submission.controller_id].repeats == "attach"


def _owner(candidate: Candidate) -> Owner:
    """One of the same group, that is stored with it."""
    submission = candidate.submission
    return Owner(
        candidate.dsr_id, over=False, export_first=submission.export_first, identity=submission.identity,
        deadline=candidate.deadline,
    )  # fmt: skip

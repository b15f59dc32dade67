"""From the scope of an incident to the people concerned: ask, wait for what others find, count."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from breach_notifier.application.batch import SOURCE
from breach_notifier.application.people_ports import Counted
from breach_notifier.domain.affected import Counting, Held, bounds
from breach_notifier.domain.errors import ImpossibleScope, Refused
from breach_notifier.domain.events import AffectedCounted
from breach_notifier.domain.scope import Linked, Looked, from_json, indexed, to_json
from breach_notifier.domain.subject_index import held_of
from lethe_events import Envelope, Search, SearchAnswered, SearchRequested, encode
from lethe_events.canonical import canonical
from lethe_events.ids import uuid5
from lethe_postgres import crashpoint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from breach_notifier.application.acts import Person
    from breach_notifier.application.office import Office
    from breach_notifier.application.people_ports import IndexStore, PeopleVault, ScopeStore, Sought, Waiting
    from breach_notifier.application.ports import Desk
    from breach_notifier.domain.affected import Affected
    from breach_notifier.domain.case import Case
    from breach_notifier.domain.scope import Asked, GoneSince
    from breach_notifier.domain.subject_index import Fact
    from lethe_events import ExportPart, Record
    from lethe_messaging import Message, Work

INDEX = "rule:subject-index"
"""Who counts, in the record of the case."""
QUIET = 0.5  # seconds


def search_id(case_id: UUID, search: Search, number: int, processor: str) -> UUID:
    """The same search has the same id, however often it is asked."""
    return uuid5(case_id, f"{search}/{number}/{processor}")


@dataclass(frozen=True, slots=True)
class Errand:
    """What whoever reads processors is to be asked for one case."""

    case: Case
    number: int
    search: Search
    until: datetime
    categories: Mapping[str, tuple[str, ...]]
    wanted: Mapping[str, ExportPart]

    def messages(self, topic: str, at: datetime) -> list[Record]:
        found = []
        for processor, categories in self.categories.items():
            task_id = search_id(self.case.id, self.search, self.number, processor)
            clock = self.case.clock
            body = SearchRequested(
                task_id=task_id,
                case_id=self.case.id,
                controller_id=self.case.controller_id,
                processor_id=processor,
                search=self.search,
                until=self.until,
                due_at=at if clock is None else clock.due or clock.aware_at,
                categories=categories,
                wanted=self.wanted.get(processor),
            )
            envelope = Envelope(uuid5(task_id, "ask"), SOURCE, at, self.case.incident_id, self.case.id)
            found.append(encode(topic, str(self.case.id), body, envelope))
        return found


class Scopes:
    """Raises Refused; `not_found` also for a case of another controller."""

    def __init__(self, office: Office, desk: Desk, store: ScopeStore, index: IndexStore, vault: PeopleVault) -> None:
        self._office = office
        self._desk = desk
        self._store = store
        self._index = index
        self._vault = vault

    async def ask(self, person: Person, case_id: UUID, asked: Asked) -> int:
        """The next scope of a case. Processors without subject events are searched; gives its number."""
        async with self._desk.work() as work:
            batch = await self._office.open(work.tx, [case_id])
            case = batch.case(case_id)
            if case is None or case.controller_id not in person.controllers:
                raise Refused("not_found", "there is no such case, or it is not yours to see")
            try:
                asked.check(batch.now)
            except ImpossibleScope as error:
                raise Refused("impossible_scope", str(error)) from None
            text = canonical(to_json(asked)).decode()
            number = await self._store.insert(work.tx, case_id, case.controller_id, text, person.name)
            known = await self._index.indexed(work.tx, case.controller_id, asked.processors)
            sought = {p: r.categories for p, r in sorted(asked.processors.items()) if p not in known}
            errand = Errand(case, number, Search.LOCATE, asked.end, sought, {})
            await self.send(work, errand, batch.now)
        return number

    async def send(self, work: Work, errand: Errand, at: datetime) -> None:
        """Rows, keys and messages of an errand, in one transaction."""
        await self.prepare(work, errand)
        work.send(errand.messages(self._office.topics.searches.name, at))

    async def prepare(self, work: Work, errand: Errand) -> None:
        """The same but for the messages."""
        case = errand.case
        tasks = {p: search_id(case.id, errand.search, errand.number, p) for p in errand.categories}
        if tasks:
            await self._store.seek(work.tx, case.id, errand.number, errand.search.value, case.controller_id, tasks)
            await self._vault.prepare(work.tx, tasks.values(), case.controller_id)

    async def take(self, work: Work, messages: Sequence[Message]) -> None:
        """Answers to searches, each once; one that nobody asked changes nothing."""
        bodies = [m.received.body for m in messages]
        answers = [b for b in bodies if isinstance(b, SearchAnswered)]
        if answers:
            await self._store.answered(work.tx, answers)

    async def step(self) -> float:
        """Count one scope whose searches are answered."""
        waiting = await self._store.countable()
        if waiting is None:
            return QUIET
        crashpoint("people.counting")
        parts = await self._parts(waiting)
        found = await asyncio.to_thread(_counted, parts)
        async with self._desk.work() as work:
            if await self._store.counted(work.tx, waiting, found, _everybody(parts)):
                crashpoint("people.written")
                batch = await self._office.open(work.tx, [waiting.case_id])
                batch.apply(waiting.case_id, AffectedCounted(batch.now, INDEX, found.lower, found.upper, found.digest))
                await self._office.save(work, batch)
        crashpoint("people.counted")
        return 0.0

    async def _parts(self, waiting: Waiting) -> dict[str, Affected]:
        asked = from_json(json.loads(waiting.content))
        searches = await self._store.searches(waiting.case_id, Search.LOCATE.value, waiting.number)
        searched = {s.processor_id for s in searches}
        by_token, by_ref = await self._index.erasures(waiting.controller_id, asked.processors)
        parts = {}
        for processor in sorted(set(asked.processors) - searched):
            counting = Counting([e for e in by_token if e.processor_id == processor], indexed(asked, processor))
            async for people in self._index.facts(waiting.controller_id, processor):
                await asyncio.to_thread(_add, counting, processor, people)
            parts[processor] = counting.result()
        if searches:
            parts[""] = await self._linked(asked, searches, [e for e in by_ref if e.processor_id in searched])
        return parts

    async def _linked(self, asked: Asked, searches: Sequence[Sought], gone: Sequence[GoneSince]) -> Affected:
        linked = Linked(asked, [Looked(s.processor_id, s.failure is not None) for s in searches], gone)
        for search in searches:
            if search.document_id is not None:
                async for lines in self._vault.lines(search.document_id, search.task_id, "breach_affected"):
                    await asyncio.to_thread(linked.lines, search.processor_id, lines)
        return await asyncio.to_thread(linked.result)


def _add(counting: Counting, processor: str, people: Sequence[Sequence[Fact]]) -> None:
    def rows() -> Iterator[Held]:
        for facts in people:
            yield from held_of(processor, facts)

    counting.add(rows())


def _counted(parts: Mapping[str, Affected]) -> Counted:
    found = bounds(list(parts.values()))
    digest = sha256()
    for part, affected in sorted(parts.items()):
        digest.update(f"{part}:{affected.digest()}\n".encode())
    return Counted(found.lower, found.upper, digest.hexdigest())


def _everybody(parts: Mapping[str, Affected]) -> Iterator[tuple[str, str, bool]]:
    for part, affected in parts.items():
        yield from ((part, key, True) for key in affected.certain)
        yield from ((part, key, False) for key in affected.possible)

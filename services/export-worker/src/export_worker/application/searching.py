"""Searches for the case of a breach: of whom a processor held data, and how those can be reached.

A processor is read with its reading credential in one snapshot; what is found goes straight into the vault under the
search's own key. On the bus are counts and where it lies.
"""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from export_worker.application.ports import SMALL, Small
from export_worker.domain.errors import ExportError
from export_worker.domain.people import LINES, PAGE, contact_line, contact_of, located_line, references
from lethe_events import Search, SearchAnswered, SearchRequested
from lethe_events.breaches import page_of
from lethe_events.models import ExportPart, Failure
from lethe_events.subject_token import people_of
from lethe_events.words import FailureKind, Outcome
from lethe_postgres import crashpoint
from lethe_processors.connector import Answer, Enumerates
from lethe_processors.errors import CredentialMissing, NoConnector, Unreadable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from export_worker.application.ports import Documents, PeopleKeys, SearchStore
    from export_worker.domain.people import Contact
    from lethe_events import Record
    from lethe_messaging import Message, Work
    from lethe_processors.connector import Somebody
    from lethe_processors.register import Processor
    from lethe_processors.worker import Connectors
    from lethe_processors.worker.bench import Registers

LEASE = timedelta(minutes=30)
LONGEST_PAUSE = 300.0  # seconds
MOST_TRIES = 20
QUIET = 0.5  # seconds
_PERMANENT = FailureKind.PERMANENT


class Searches:
    """Any number of instances; a search is with one of them, and is answered once."""

    def __init__(
        self,
        store: SearchStore,
        registers: Registers,
        connectors: Connectors,
        documents: Documents,
        keys: PeopleKeys,
        *,
        guard: Callable[[Processor], Answer | None],
        work: Callable[[], AbstractAsyncContextManager[Work]],
        dead: Callable[[], Awaitable[Collection[UUID]]],
        tell: Callable[[SearchAnswered], Record],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._registers = registers
        self._connectors = connectors
        self._documents = documents
        self._keys = keys
        self._guard = guard
        self._work = work
        self._dead = dead
        self._tell = tell
        self._now = now

    async def accept(self, work: Work, messages: Sequence[Message]) -> None:
        """Take searches off the bus; answer again those that were answered."""
        bodies = [m.received.body for m in messages]
        requests = [body for body in bodies if isinstance(body, SearchRequested)]
        if requests:
            work.send([self._tell(one) for one in await self._store.accept(work.tx, requests)])

    async def step(self) -> float:
        """Work on one search; gives the seconds until the next look."""
        claimed = await self._store.claim(LEASE, await self._dead())
        if claimed is None:
            return QUIET
        answer = await self._answer(claimed.request)
        failure = answer.failure
        if failure is not None and failure.kind is FailureKind.TRANSIENT and claimed.tries < MOST_TRIES:
            await self._store.again(claimed, min(2.0 ** (claimed.tries - 1), LONGEST_PAUSE))
            return 0.0
        async with self._work() as work:
            if await self._store.settle(work.tx, claimed, answer):
                work.send([self._tell(answer)])
        return 0.0

    async def _answer(self, asked: SearchRequested) -> SearchAnswered:
        try:
            return await self._search(asked)
        except Unreadable as unreadable:
            return self._said(asked, unreadable.answer)
        except ExportError as error:
            return self._said(asked, Answer.permanent(error.code))
        except CredentialMissing:
            return self._said(asked, _needs_person("credential_missing"))
        except NoConnector:
            return self._said(asked, _needs_person("cannot_enumerate"))

    async def _search(self, asked: SearchRequested) -> SearchAnswered:
        processor = self._registers.current().processors.get(asked.processor_id)
        if processor is None or asked.controller_id not in processor.controllers:
            return self._said(asked, Answer.permanent("unknown_processor"))
        refused = self._guard(processor)
        if refused is not None:
            return self._said(asked, refused)
        async with self._connectors.use(processor) as connector:
            if not isinstance(connector, Enumerates):
                return self._said(asked, _needs_person("cannot_enumerate"))
            key = await self._keys.processor_key(people_of(asked.controller_id))
            if asked.search is Search.LOCATE:
                return await self._locate(asked, connector, key)
            return await self._contacts(asked, connector, key)

    async def _locate(self, asked: SearchRequested, connector: Enumerates, key: bytes) -> SearchAnswered:
        people = 0

        async def lines() -> AsyncIterator[bytes]:
            nonlocal people
            async for group in connector.everybody(asked.categories, asked.until):
                people += len(group)
                yield b"".join(_located(key, group))

        id_ = uuid5(asked.task_id, "located")
        stored = await self._documents.put_document(asked.task_id, "located", LINES, lines(), document_id=id_)
        crashpoint("search.sealed")
        part = ExportPart(document_id=stored.document_id, sha256=stored.sha256, size=stored.size, records=people)
        return self._said(asked, Answer(Outcome.DONE if people else Outcome.NOTHING_FOUND, part=part), people=people)

    async def _contacts(self, asked: SearchRequested, connector: Enumerates, key: bytes) -> SearchAnswered:
        if asked.wanted is None:
            return self._said(asked, Answer.permanent("nobody_wanted"))
        wanted = await self._wanted(asked)
        waiting: deque[Contact] = deque()
        people = pages = 0
        async for group in connector.everybody((), asked.until):
            waiting.extend(c for c in (contact_of(key, one, wanted) for one in group) if c is not None)
            while len(waiting) >= PAGE:
                pages += await self._page(asked, pages, [waiting.popleft() for _ in range(PAGE)])
                people += PAGE
        if waiting:
            people += len(waiting)
            pages += await self._page(asked, pages, list(waiting))
        crashpoint("search.sealed")
        outcome = Outcome.DONE if people else Outcome.NOTHING_FOUND
        return self._said(asked, Answer(outcome), people=people, pages=pages)

    async def _wanted(self, asked: SearchRequested) -> set[str]:
        assert asked.wanted is not None
        content = bytearray()
        wanted = asked.wanted.document_id
        async for chunk in self._documents.open_document(wanted, task_id=asked.task_id, reason="breach_contacts"):
            content += chunk
        return set(content.decode().split())

    async def _page(self, asked: SearchRequested, number: int, contacts: Sequence[Contact]) -> int:
        """Seal one document, or two where the addresses are long; gives how many."""
        content = b"".join(map(contact_line, contacts))
        if len(content) > SMALL and len(contacts) > 1:
            half = len(contacts) // 2
            first = await self._page(asked, number, contacts[:half])
            return first + await self._page(asked, number + first, contacts[half:])
        one = Small(asked.task_id, page_of(asked.task_id, number), "contacts", LINES, content)
        (stored,) = await self._documents.put_small([one])
        if isinstance(stored, Exception):
            raise stored
        return 1

    def _said(self, asked: SearchRequested, answer: Answer, *, people: int = 0, pages: int = 0) -> SearchAnswered:
        return SearchAnswered(
            task_id=asked.task_id,
            case_id=asked.case_id,
            controller_id=asked.controller_id,
            processor_id=asked.processor_id,
            search=asked.search,
            outcome=answer.outcome,
            at=self._now(),
            people=people,
            pages=pages,
            found=answer.part,
            failure=answer.failure,
        )


def _located(key: bytes, people: Sequence[Somebody]) -> list[bytes]:
    named = ((references(key, one), one.certain) for one in people)
    return [located_line(refs, certain=certain) for refs, certain in named if refs]


def _needs_person(code: str) -> Answer:
    return Answer(Outcome.NEEDS_PERSON, failure=Failure(kind=_PERMANENT, code=code))

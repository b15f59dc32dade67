"""The SQL connector: erase, verify and export a batch of people in a described PostgreSQL database."""

from __future__ import annotations

import logging
from collections import defaultdict
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from lethe_events.canonical import canonical, sha256_hex
from lethe_events.models import Evidence
from lethe_events.words import Grade, Outcome, Verb
from lethe_postgres import crashpoint
from lethe_processors.connector import Answer
from lethe_processors.errors import CredentialMissing, Unreadable
from lethe_processors.sql.batch import in_one_transaction
from lethe_processors.sql.changing import changing, look_at
from lethe_processors.sql.codes import STALE_PLAN, answer_of, code_of, is_database_error
from lethe_processors.sql.everybody import everybody
from lethe_processors.sql.export import SinkFailed, export_batch
from lethe_processors.sql.fit import misfits
from lethe_processors.sql.orphans import Looks, count_orphans
from lethe_processors.sql.side import Side, secret_key
from lethe_processors.sql.verify import verify_batch
from lethe_processors.sql.withheld import by_hold, withholding
from lethe_processors.verbs import looked_after

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence

    from asyncpg.transaction import Transaction

    from lethe_postgres import Tx
    from lethe_processors.connector import ExportSink, Somebody, WorkItem
    from lethe_processors.credentials import Credentials
    from lethe_processors.dataset import Graph
    from lethe_processors.sql.faults import Fault
    from lethe_processors.sql.plan import Plan

_log = logging.getLogger(__name__)
NO_IDENTIFIER = "no_identifier_known"


class SqlConnector:
    """Reads with one credential, changes with the other; both are resolved when a connection is made."""

    def __init__(
        self,
        graph: Graph,
        credentials: Credentials,
        *,
        read: str,
        write: str | None,
        key: str | None = None,
        ordinary: str | None = None,
        connections: int = 4,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._graph = graph
        self._credentials = credentials
        self._key = key
        self._clock = clock
        self._read = Side(graph, credentials, read, size=connections, reading=True, has_key=key is not None)
        self._looks = Looks()
        self._ordinary = (
            Side(graph, credentials, ordinary, size=connections, reading=True, has_key=False)
            if ordinary is not None
            else None
        )
        self._write = (
            Side(graph, credentials, write, size=connections, reading=False, has_key=key is not None)
            if write is not None
            else None
        )

    async def erase(self, items: Sequence[WorkItem]) -> list[Answer]:
        """One transaction for the batch; if it fails, a second one in which halves are told apart."""
        return await self.change(Verb.ERASE, items)

    async def change(self, verb: Verb, items: Sequence[WorkItem]) -> list[Answer]:
        if self._write is None:
            return [Answer.permanent("no_write_credential") for _ in items]
        side = self._write
        return await self._for_known(
            items, lambda known: self._guarded(side, known, lambda: self._change(side, verb, known))
        )

    async def verify(self, items: Sequence[WorkItem]) -> list[Answer]:
        """One snapshot for the batch, with the reading credential; calls that wait share the look for orphans."""
        return await self._for_known(items, self._verify_each)

    async def export(self, items: Sequence[WorkItem], sink: ExportSink) -> list[Answer]:
        """One snapshot for the batch, with the reading credential. Errors of the sink are raised."""
        side = self._read
        return await self._for_known(items, lambda known: self._guarded(side, known, lambda: self._export(known, sink)))

    async def everybody(self, categories: Collection[str], until: datetime) -> AsyncIterator[Sequence[Somebody]]:
        """One snapshot for the whole reading, with the reading credential."""
        side = self._read
        try:
            async with side.connection() as tx:
                plan, faults = await side.plan(tx)
                _not_blind(faults)
                async with _snapshot(tx):
                    async for people in everybody(tx, plan, categories, until):
                        yield people
        except Exception as error:
            if isinstance(error, Unreadable) or not is_database_error(error):
                raise
            if code_of(error) in STALE_PLAN:
                side.forget_plan()
            raise Unreadable(answer_of(error)) from None

    async def close(self) -> None:
        for side in (self._read, self._write, self._ordinary):
            if side is not None:
                await side.close()

    async def _change(self, side: Side, verb: Verb, items: Sequence[WorkItem]) -> list[Answer]:
        key = secret_key(self._credentials, self._key)
        async with side.connection() as tx:
            plan, faults = await side.plan(tx)
            faults = faults if verb is Verb.ERASE else [*(f for f in faults if f.reads), *misfits(plan, verb)]
            if faults:
                return [Answer.permanent(faults[0].code) for _ in items]
            run = changing(verb, tx, plan, key, self._clock())
            return await in_one_transaction(tx, items, run, side.forget_plan)

    async def _verify_each(self, items: Sequence[WorkItem]) -> list[Answer]:
        """By what is looked at: each kind of change is looked for in its own way."""
        groups: dict[Verb, list[int]] = defaultdict(list)
        for position, item in enumerate(items):
            groups[looked_after(item.task)].append(position)
        answers: dict[int, Answer] = {}
        for verb, positions in groups.items():
            some = [items[p] for p in positions]
            look = partial(self._verify if verb is Verb.ERASE else partial(self._verify_other, verb), some)
            answers.update(zip(positions, await self._guarded(self._read, some, look), strict=True))
        return [answers[p] for p in range(len(items))]

    async def _verify_other(self, verb: Verb, items: Sequence[WorkItem]) -> list[Answer]:
        async def look(tx: Tx, plan: Plan) -> list[Answer]:
            if faults := misfits(plan, verb):
                return [Answer.permanent(faults[0].code) for _ in items]
            async with _snapshot(tx), self._as_ordinary_reader(tx) as ordinary:
                answers = await look_at(verb, tx, ordinary, plan, items)
                crashpoint("sql.looked")
                return answers

        return await self._look(items, look)

    @asynccontextmanager
    async def _as_ordinary_reader(self, tx: Tx) -> AsyncIterator[Tx]:
        if self._ordinary is None:
            yield tx
            return
        async with self._ordinary.connection() as ordinary:
            yield ordinary

    async def _verify(self, items: Sequence[WorkItem]) -> list[Answer]:
        key = secret_key(self._credentials, self._key)

        async def look(tx: Tx, plan: Plan) -> list[Answer]:
            orphans = await self._looks.after_now(lambda: count_orphans(tx, plan))
            now = self._clock()

            async def group(withheld: tuple[str, ...], some: Sequence[WorkItem]) -> list[Answer]:
                reading = withholding(plan, withheld, has_key=key is not None)
                return await verify_batch(tx, reading, some, orphans, key=key, now=now)

            async with _snapshot(tx):
                answers = await by_hold(items, group)
                crashpoint("sql.looked")
                return answers

        return await self._look(items, look)

    async def _export(self, items: Sequence[WorkItem], sink: ExportSink) -> list[Answer]:
        key = secret_key(self._credentials, self._key)

        async def look(tx: Tx, plan: Plan) -> list[Answer]:
            async with _snapshot(tx):
                answers = await export_batch(tx, plan, items, sink, key=key)
                crashpoint("sql.exported")
                return answers

        return await self._look(items, look)

    async def _look(
        self, items: Sequence[WorkItem], run: Callable[[Tx, Plan], Awaitable[list[Answer]]]
    ) -> list[Answer]:
        async with self._read.connection() as tx:
            plan, faults = await self._read.plan(tx)
            blind = [f for f in faults if f.reads]
            return [Answer.permanent(blind[0].code) for _ in items] if blind else await run(tx, plan)

    async def _for_known(
        self, items: Sequence[WorkItem], run: Callable[[Sequence[WorkItem]], Awaitable[list[Answer]]]
    ) -> list[Answer]:
        """People without any identifier of this processor cannot be there as far as it can tell; the others are run."""
        is_known = [any(i.identifiers.get(k) for k in self._graph.kinds) for i in items]
        known = [i for i, k in zip(items, is_known, strict=True) if k]
        answers = iter(await run(known) if known else [])
        return [next(answers) if k else self._unknown() for k in is_known]

    def _unknown(self) -> Answer:
        kinds = sha256_hex(canonical(sorted(self._graph.kinds)))
        return Answer(Outcome.NOTHING_FOUND, Grade.ATTESTED, evidence=(Evidence(kind=NO_IDENTIFIER, sha256=kinds),))

    async def _guarded(
        self, side: Side, items: Sequence[WorkItem], run: Callable[[], Awaitable[list[Answer]]]
    ) -> list[Answer]:
        """Errors of the processor become answers, with a code and nothing of their text."""
        try:
            return await run()
        except SinkFailed as failed:
            raise failed.error from None
        except Exception as error:
            if not is_database_error(error):
                raise
            if isinstance(error, CredentialMissing):
                _log.warning("%s", error)  # names the reference, not the secret
            if code_of(error) in STALE_PLAN:
                side.forget_plan()
            return [answer_of(error) for _ in items]


def _not_blind(faults: Sequence[Fault]) -> None:
    if blind := [f for f in faults if f.reads]:
        raise Unreadable(Answer.permanent(blind[0].code))


def _snapshot(tx: Tx) -> Transaction:
    return tx.transaction(isolation="repeatable_read", readonly=True)

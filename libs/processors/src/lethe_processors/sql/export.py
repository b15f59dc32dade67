"""Exporting a batch of people: the walk of erasure without locks, then each collection's rows through a cursor.

In memory are the keys of collections that lead on or may be several people's; a branch, where most rows hang, is read
without knowing any of its rows.
"""

# ruff: noqa: S608 - names and literals are quoted by `names`, values are parameters
from __future__ import annotations

import json
from collections import Counter, defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lethe_events.models import Failure
from lethe_events.words import FailureKind, Grade, Method, Outcome
from lethe_processors.connector import Answer
from lethe_processors.sql import branch_sql
from lethe_processors.sql.dangling import find_dangling
from lethe_processors.sql.records import Form, Redaction, column_reads, record_of
from lethe_processors.sql.tally import Tally
from lethe_processors.sql.walk import walk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from asyncpg import Record

    from lethe_postgres import Tx
    from lethe_processors.connector import ExportSink, WorkItem
    from lethe_processors.dataset import Edge
    from lethe_processors.sql.keys import Value
    from lethe_processors.sql.plan import Bound, Branch, Plan
    from lethe_processors.sql.walk import Walked

AT_ONCE = 500
"""Rows of one collection in memory at a time, at most."""
IN_HAND = 4 * 1024 * 1024
"""Bytes of rows that are fetched at a time, and that wait to be written, as far as a look at some of them tells."""
_FIRST = 16


async def export_batch(
    tx: Tx, plan: Plan, items: Sequence[WorkItem], sink: ExportSink, *, key: bytes | None
) -> list[Answer]:
    """One answer per item. A person who cannot be told from others gets nothing written."""
    walked = await walk(tx, plan, [i.identifiers for i in items], plan.readable, lock=False)
    await find_dangling(tx, walked)
    walked.forget(walked.ambiguous)
    run = _Export(tx, walked, items, sink)
    for component in plan.graph.components:
        for name in component:
            if name in plan.readable:
                await run.branch(plan.readable[name])
            elif walked.rows.get(name):
                await run.collection(plan.bound[name])
    for edge in plan.graph.mentions:
        if edge.holder in plan.bound and edge.target in plan.bound:
            await run.mentions(plan.bound[edge.holder], edge)
    return [_needs_person() if i in walked.ambiguous else run.answer(i, item, key) for i, item in enumerate(items)]


class SinkFailed(Exception):
    """The sink failed, not the database: its error must not be taken for the processor's."""

    def __init__(self, error: Exception) -> None:
        super().__init__("the sink of an export failed")
        self.error = error


@contextmanager
def _of_the_sink() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise SinkFailed(error) from error


class _Export:
    def __init__(self, tx: Tx, walked: Walked, items: Sequence[WorkItem], sink: ExportSink) -> None:
        self._tx = tx
        self._walked = walked
        self._items = items
        self._sink = sink
        self._redaction = Redaction(walked)
        self._tallies: dict[int, Tally] = defaultdict(Tally)
        self._pending: dict[int, list[dict[str, object]]] = defaultdict(list)
        self._masked: dict[int, dict[Value, set[str]]] = defaultdict(dict)
        self._hidden: dict[int, set[str]] = defaultdict(set)

    async def branch(self, branch: Branch) -> None:
        bound, people = branch.bound, self._walked.people_of(branch)
        if not people:
            return
        given = branch_sql.arguments(branch, people)
        found = await self._tx.fetch(branch_sql.count(self._walked.plan, branch), *given)
        for person, rows, digest in found:
            self._tallies[person].shares[bound.name, Method.EXPORTED] = (rows, digest)
        if not found:
            return
        form = Form(bound)
        sql = branch_sql.rows(self._walked.plan, branch, form.reads)
        left_out: Counter[int] = Counter()
        async for records in self._fetched(bound.name, sql, given):
            for record in records:
                person, *values = record
                content, hidden = form.record(values)
                self._pending[person].append(content)
                if hidden:
                    left_out[person] += 1
                    self._hidden[person] |= hidden
        for person, rows in left_out.items():
            self._tallies[person].uncounted[bound.name, Method.MASKED] = rows
            with _of_the_sink():
                await self._sink.masked(self._items[person], bound.name, sorted(self._hidden[person]), rows)
        self._hidden.clear()

    async def collection(self, bound: Bound) -> None:
        fields = bound.collection.fields
        columns = [bound.table.columns[f.name] for f in fields]
        rows = self._walked.rows[bound.name]
        width = len(bound.key.columns)
        sql = (
            f"SELECT {bound.key.reads()}, {column_reads(columns)} FROM {bound.table.quoted} t "
            f"WHERE {bound.key.condition(1)} ORDER BY {bound.key.reads()}"
        )
        async for records in self._fetched(bound.name, sql, bound.key.arrays(rows)):
            for record in records:
                values = tuple(record)
                row = rows[values[:width]]
                for person in row.items:
                    hidden = self._redaction.hidden(bound, row, person)
                    content, left_out = record_of(fields, values[width:], hidden)
                    self._take(person, bound.name, row.key, content, left_out)
        await self._tell_masked(bound.name)

    async def mentions(self, bound: Bound, edge: Edge) -> None:
        """What somebody else's row says about the person: only the fields about that person, nothing of the owner."""
        fields = [f for f in bound.collection.fields if f.about in edge.fields]
        if not fields:
            return
        people: dict[Value, set[int]] = defaultdict(set)
        for target in self._walked.rows.get(edge.target, {}).values():
            value = self._walked.offered(edge, target)
            if value is not None:
                people[value] |= target.items
        by = bound.of(edge.fields)
        columns = [bound.table.columns[f.name] for f in fields]
        sql = (
            f"SELECT {by.reads()}, {bound.key.reads()}, {column_reads(columns)} FROM {bound.table.quoted} t "
            f"WHERE {by.condition(1)}"
        )
        first, second = len(by.columns), len(by.columns) + len(bound.key.columns)
        async for records in self._fetched(bound.name, sql, by.arrays(people)):
            for record in records:
                values = tuple(record)
                own = self._walked.rows.get(bound.name, {}).get(values[first:second])
                for person in people[values[:first]] - (own.items if own is not None else set()):
                    content, _ = record_of(fields, values[second:], set())
                    self._take(person, bound.name, values[first:second], content, set())

    async def _fetched(
        self, name: str, sql: str, arguments: Sequence[Sequence[object]]
    ) -> AsyncIterator[Sequence[Record]]:
        """Rows, as many at a time as their size allows; what was made of them is written when enough waits."""
        cursor = await self._tx.cursor(sql, *arguments)
        count, waiting = _FIRST, 0
        while records := await cursor.fetch(count):
            yield records
            size = max(_size(records[0]), _size(records[-1]))
            waiting += size * len(records)
            if waiting >= IN_HAND:
                await self._flush(name, list(self._pending))
                waiting = 0
            count = max(1, min(AT_ONCE, 2 * count, IN_HAND // size))
        await self._flush(name, list(self._pending))

    def _take(self, person: int, name: str, key: Value, content: dict[str, object], left_out: set[str]) -> None:
        self._pending[person].append(content)
        self._tallies[person].add(name, Method.EXPORTED, [key])
        if left_out:
            self._tallies[person].add(name, Method.MASKED, [key])
            self._masked[person][key] = left_out

    async def _flush(self, name: str, people: Sequence[int]) -> None:
        for person in people:
            records = self._pending.pop(person, [])
            for start in range(0, len(records), AT_ONCE):
                with _of_the_sink():
                    await self._sink.write(self._items[person], name, records[start : start + AT_ONCE])

    async def _tell_masked(self, name: str) -> None:
        for person, rows in self._masked.items():
            fields = sorted(set().union(*rows.values()))
            with _of_the_sink():
                await self._sink.masked(self._items[person], name, fields, len(rows))
        self._masked.clear()

    def answer(self, index: int, item: WorkItem, key: bytes | None) -> Answer:
        tally = self._tallies.get(index)
        if tally is None:
            return Answer(Outcome.NOTHING_FOUND, Grade.CONFIRMED_BY_API)
        evidence = tally.evidence(item.task.task_id, key)
        return Answer(Outcome.DONE, Grade.CONFIRMED_BY_API, counts=tally.counts(), evidence=evidence)


def _size(record: Record) -> int:
    """About how many bytes a row takes; at least what any row does."""
    size = 200
    for value in record:
        if isinstance(value, str | bytes):
            size += len(value)
        elif isinstance(value, dict | list):
            size += 4 * len(json.dumps(value))  # as objects they take several times their text
    return size


def _needs_person() -> Answer:
    failure = Failure(kind=FailureKind.PERMANENT, code="ambiguous_identity")
    return Answer(Outcome.NEEDS_PERSON, failure=failure)

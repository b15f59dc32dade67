"""Correcting fields (Art. 16): checked first, changed in one step or not at all, and read again with other rights."""

# ruff: noqa: S608 - names and literals are quoted by `names`, values are parameters
from __future__ import annotations

import hmac
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import asyncpg

from lethe_events.canonical import canonical, sha256_hex
from lethe_events.models import Count, Evidence
from lethe_events.subject_token import normalise
from lethe_events.words import Grade, Method, Outcome
from lethe_postgres import is_transient
from lethe_processors.connector import Answer
from lethe_processors.corrections import Place, as_text, of_processor
from lethe_processors.sql import names
from lethe_processors.sql.catalog import Family
from lethe_processors.sql.codes import answer_of
from lethe_processors.sql.correctable import fault_of
from lethe_processors.sql.people import find, needs_person

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from asyncpg import Record

    from lethe_postgres import Tx
    from lethe_processors.connector import WorkItem
    from lethe_processors.sql.catalog import Column
    from lethe_processors.sql.keys import Value
    from lethe_processors.sql.plan import Bound, Plan
    from lethe_processors.sql.walk import Walked

_REFUSALS = {
    "22001": "correction_too_long",
    "22003": "correction_out_of_range",
    "22007": "correction_wrong_type",
    "22008": "correction_wrong_type",
    "22P02": "correction_wrong_type",
    "23502": "correction_not_null",
    "23503": "correction_foreign_key",
    "23505": "correction_not_unique",
    "23514": "correction_check_violated",
    "23P01": "correction_not_unique",
}
"""SQLSTATE → what is wrong with the new value."""


class _Asked(NamedTuple):
    """What one person wants of this processor. `fault`: a code, where it cannot be done whatever the rows are."""

    places: Mapping[Place, object]
    fault: str | None
    moved: Mapping[str, tuple[str, ...]]
    """The identifiers and, beside them, those that the corrections make of them."""


async def rectify_batch(tx: Tx, plan: Plan, items: Sequence[WorkItem], *, key: bytes | None) -> list[Answer]:
    """One answer per item, each changed as a whole or not at all; what is wrong with one spoils no other."""
    if key is None:
        return [Answer.permanent("key_missing") for _ in items]  # a plain hash over a value could be reversed
    people = await _People.found(tx, plan, items, lock=True)
    return [await _rectify(tx, people, i, key) for i in range(len(items))]


async def look_at_rectified(tx: Tx, plan: Plan, items: Sequence[WorkItem]) -> list[Answer]:
    """RESIDUAL: a field does not have its new value."""
    people = await _People.found(tx, plan, items, lock=False)
    return [await _look(tx, people, i) for i in range(len(items))]


class _People:
    """The rows of a batch; `renamed` finds those whose identifier has become another one already."""

    def __init__(self, plan: Plan, items: Sequence[WorkItem], asked: Sequence[_Asked]) -> None:
        self.plan = plan
        self.items = items
        self.asked = asked
        self.answers: dict[int, Answer] = {}
        self._walked: list[Walked] = []

    @classmethod
    async def found(cls, tx: Tx, plan: Plan, items: Sequence[WorkItem], *, lock: bool) -> _People:
        people = cls(plan, items, [_asked(plan, item) for item in items])
        walked, people.answers = await find(tx, plan, [i.identifiers for i in items], lock=lock)
        people._walked.append(walked)
        if any(a.moved != i.identifiers for a, i in zip(people.asked, items, strict=True)):
            people._walked.append((await find(tx, plan, [a.moved for a in people.asked], lock=lock))[0])
        return people

    def rows(self, index: int, *, renamed: bool = False) -> dict[str, list[Value]]:
        """Collections with corrections → the person's rows there."""
        if renamed and len(self._walked) == 1:
            return {}
        walked = self._walked[1 if renamed else 0]
        found: dict[str, list[Value]] = {}
        for place in self.asked[index].places:
            rows = walked.rows.get(place.collection, {}).values()
            found[place.collection] = [row.key for row in rows if index in row.items]
        return found


def _asked(plan: Plan, item: WorkItem) -> _Asked:
    places = of_processor(item.corrections, item.task.processor_id)
    fault = None if item.corrections else "corrections_missing"
    moved: dict[str, tuple[str, ...]] = dict(item.identifiers)
    for place, value in places.items():
        fault = fault or fault_of(plan, place, value)
        if fault is None and value is not None:
            described = plan.graph.collections[place.collection].field(place.field)
            kind = described.identity if described is not None else None
            if kind in plan.graph.kinds:
                moved[kind] = (*moved.get(kind, ()), normalise(kind, str(value)))
    return _Asked(places, fault, moved)


async def _rectify(tx: Tx, people: _People, index: int, key: bytes) -> Answer:
    asked, known = people.asked[index], people.answers.get(index)
    if known is not None or asked.fault is not None:
        return known or needs_person(asked.fault or "")
    if not asked.places:
        return Answer(Outcome.NOTHING_FOUND, Grade.CONFIRMED_BY_API)  # all of it is for other processors
    rows = people.rows(index)
    if not any(rows.values()):
        return await _done_before(tx, people, index, key)
    for found in rows.values():
        if len(found) != 1:
            return needs_person("correction_several_rows" if found else "correction_no_row")
    return await _correct(tx, people, index, rows, key)


async def _correct(tx: Tx, people: _People, index: int, rows: Mapping[str, Sequence[Value]], key: bytes) -> Answer:
    """All of one person's corrections, or none."""
    try:
        async with tx.transaction():
            old: dict[str, str | None] = {}
            new: dict[str, str | None] = {}
            for name, corrections in _by_collection(people.asked[index].places).items():
                before, after = await _change(tx, people.plan.bound[name], rows[name][0], corrections)
                old |= before
                new |= after
            await tx.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except _NotKeptError:
        return needs_person("correction_not_kept")
    except asyncpg.PostgresError as error:
        if is_transient(error):
            raise
        code = _REFUSALS.get(error.sqlstate or "")
        return needs_person(code) if code else answer_of(error)
    return _answer(rows, old, new, key)


async def _done_before(tx: Tx, people: _People, index: int, key: bytes) -> Answer:
    """Nobody under the old identifier: under the new one only if everything is as asked. Nothing is changed there."""
    rows, new = people.rows(index, renamed=True), dict[str, "str | None"]()
    for name, corrections in _by_collection(people.asked[index].places).items():
        if len(rows.get(name, ())) != 1:
            return Answer(Outcome.NOTHING_FOUND, Grade.CONFIRMED_BY_API)
        record = await _read(tx, people.plan.bound[name], rows[name][0], corrections)
        if not _all_as_asked(record, corrections):
            return Answer(Outcome.NOTHING_FOUND, Grade.CONFIRMED_BY_API)
        new |= _texts(name, record, corrections)
    return _answer(rows, new, new, key)


class _NotKeptError(Exception):
    """The database took the value and made another one of it."""


async def _change(
    tx: Tx, bound: Bound, row: Value, corrections: Mapping[str, object]
) -> tuple[dict[str, str | None], dict[str, str | None]]:
    before = await _read(tx, bound, row, corrections)
    width = len(bound.key.columns)
    sets = ", ".join(
        f"{names.ident(f)} = {_given(bound.table.columns[f], width + 1 + i)}" for i, f in enumerate(corrections)
    )
    await tx.execute(
        f"UPDATE {bound.table.quoted} t SET {sets} WHERE {bound.key.condition(1)}",
        *bound.key.arrays([row]),
        *[as_text(v) for v in corrections.values()],
    )
    after = await _read(tx, bound, row, corrections)
    if not _all_as_asked(after, corrections):
        raise _NotKeptError
    return _texts(bound.name, before, corrections), _texts(bound.name, after, corrections)


async def _read(tx: Tx, bound: Bound, row: Value, corrections: Mapping[str, object]) -> Record:
    """Per field the text of its value, and whether it is the one asked for."""
    width = len(bound.key.columns)
    reads = []
    for i, name in enumerate(corrections):
        column, value = bound.table.columns[name], names.column(name)
        given = _given(column, width + 1 + i)
        by_text = column.family in {Family.TEXT, Family.JSON, Family.OTHER}
        left, right = (f"{value}::text", f"({given})::text") if by_text else (value, given)
        reads += [f"{value}::text AS v{i}", f"{left} IS NOT DISTINCT FROM {right} AS same{i}"]
    found = await tx.fetchrow(
        f"SELECT {', '.join(reads)} FROM {bound.table.quoted} t WHERE {bound.key.condition(1)}",
        *bound.key.arrays([row]),
        *[as_text(v) for v in corrections.values()],
    )
    assert found is not None, "the walk has just read this row, and locked it where it is changed"
    return found


def _given(column: Column, parameter: int) -> str:
    """The new value as the column takes it. Text is not cast: a cast to varchar(3) would cut it in silence."""
    return f"${parameter}::text" if column.family is Family.TEXT else f"${parameter}::text::{column.type}"


def _all_as_asked(record: Record, corrections: Mapping[str, object]) -> bool:
    return all(record[f"same{i}"] for i in range(len(corrections)))


def _texts(name: str, record: Record, corrections: Mapping[str, object]) -> dict[str, str | None]:
    return {f"{name}.{field}": record[f"v{i}"] for i, field in enumerate(corrections)}


def _by_collection(places: Mapping[Place, object]) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = defaultdict(dict)
    for place, value in places.items():
        found[place.collection][place.field] = value
    return found


def _answer(
    rows: Mapping[str, Sequence[Value]], old: Mapping[str, str | None], new: Mapping[str, str | None], key: bytes
) -> Answer:
    """Values never leave: hashes of them, keyed, which whoever has value and key can compare."""
    counts = tuple(Count(collection=c, method=Method.RECTIFIED, rows=len(found)) for c, found in sorted(rows.items()))
    evidence = tuple(
        Evidence(kind=kind, sha256=hmac.digest(key, b"lethe.rectified\x00" + canonical(values), "sha256").hex())
        for kind, values in (("old_values_hmac", dict(old)), ("new_values_hmac", dict(new)))
    )
    return Answer(Outcome.DONE, Grade.CONFIRMED_BY_API, counts=counts, evidence=evidence)


async def _look(tx: Tx, people: _People, index: int) -> Answer:
    asked, known = people.asked[index], people.answers.get(index)
    if known is not None or asked.fault is not None:
        return known or needs_person(asked.fault or "")
    rows = people.rows(index)
    rows = rows if any(rows.values()) else people.rows(index, renamed=True)
    differing: dict[str, int] = {}
    for name, corrections in _by_collection(asked.places).items():
        for row in rows.get(name, ()):
            record = await _read(tx, people.plan.bound[name], row, corrections)
            if not _all_as_asked(record, corrections):
                differing[name] = differing.get(name, 0) + 1
    counts = tuple(Count(collection=c, method=Method.FOUND, rows=n) for c, n in sorted(differing.items()))
    looked = {
        "task": str(people.items[index].task.task_id),
        "fields": sorted(f"{p.collection}.{p.field}" for p in asked.places),
        "differing": sorted(differing),
    }
    return Answer(
        Outcome.RESIDUAL if counts else Outcome.NOTHING_FOUND,
        Grade.CONFIRMED_BY_API if counts else Grade.REREAD_ABSENT,
        counts=counts,
        evidence=(Evidence(kind="fields_compared", sha256=sha256_hex(canonical(looked))),),
    )

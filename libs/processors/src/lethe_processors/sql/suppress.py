"""Stopping the processing for a purpose (Art. 21, 7(3)): a flag on the person's rows, or an entry in a list."""

# ruff: noqa: S608 - names and literals are quoted by `names`, values are parameters
from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from lethe_events.canonical import canonical, sha256_hex
from lethe_events.models import Evidence
from lethe_events.words import Grade, Method, Outcome
from lethe_processors.connector import Answer
from lethe_processors.dataset.rights import SuppressBy, rules_for
from lethe_processors.sql import names
from lethe_processors.sql.people import changed, find, needs_person
from lethe_processors.sql.restrict import flag_is
from lethe_processors.sql.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lethe_postgres import Tx
    from lethe_processors.connector import WorkItem
    from lethe_processors.dataset.rights import Suppress
    from lethe_processors.sql.keys import Value
    from lethe_processors.sql.matching import Matcher
    from lethe_processors.sql.plan import Bound, Plan
    from lethe_processors.sql.walk import Walked


class _Rule(NamedTuple):
    """A rule of a collection for one purpose of a task."""

    collection: str
    rule: Suppress
    purpose: str


async def suppress_batch(tx: Tx, plan: Plan, items: Sequence[WorkItem], *, key: bytes | None) -> list[Answer]:
    """One answer per item; counts are the rows and entries that say so now, also those that said so before."""
    run = await _Suppression.begin(tx, plan, items, lock=True)
    for rule, people in run.asked.items():
        await (run.flag(rule, people) if rule.rule.by is SuppressBy.FLAG else run.enter(rule, people))
    return [run.answers.get(i) or changed(run.tallies.get(i), t.task.task_id, key) for i, t in enumerate(items)]


async def look_at_suppressed(tx: Tx, plan: Plan, items: Sequence[WorkItem]) -> list[Answer]:
    """RESIDUAL: rows whose flag does not say so, or identifiers that are not on the list."""
    run = await _Suppression.begin(tx, plan, items, lock=False)
    for rule, people in run.asked.items():
        await (run.unflagged(rule, people) if rule.rule.by is SuppressBy.FLAG else run.unlisted(rule, people))
    return [run.answers.get(i) or _seen(run.tallies.get(i), item) for i, item in enumerate(items)]


def _seen(tally: Tally | None, item: WorkItem) -> Answer:
    counts = tally.counts() if tally is not None else ()
    said = {"task": str(item.task.task_id), "purposes": sorted(item.task.purposes), "found": [c.rows for c in counts]}
    return Answer(
        Outcome.RESIDUAL if counts else Outcome.NOTHING_FOUND,
        Grade.CONFIRMED_BY_API if counts else Grade.REREAD_ABSENT,
        counts=counts,
        evidence=(Evidence(kind="purposes_looked_for", sha256=sha256_hex(canonical(said))),),
    )


class _Suppression:
    """`asked`: rule → the people of the batch to whom it applies."""

    def __init__(self, tx: Tx, walked: Walked, items: Sequence[WorkItem], answers: dict[int, Answer]) -> None:
        self._tx = tx
        self._walked = walked
        self._items = items
        self.answers = answers
        self.asked: dict[_Rule, set[int]] = defaultdict(set)
        self.tallies: dict[int, Tally] = defaultdict(Tally)

    @classmethod
    async def begin(cls, tx: Tx, plan: Plan, items: Sequence[WorkItem], *, lock: bool) -> _Suppression:
        walked, answers = await find(tx, plan, [i.identifiers for i in items], lock=lock)
        run = cls(tx, walked, items, answers)
        rules = [
            (name, rule)
            for name, bound in plan.bound.items()
            if name in plan.graph.reached
            for rule in bound.collection.suppress
        ]
        for index, item in enumerate(items):
            if index not in answers:
                run._ask(index, item, rules)
        walked.forget(set(answers))
        return run

    def _ask(self, index: int, item: WorkItem, rules: Sequence[tuple[str, Suppress]]) -> None:
        """Every purpose has its rules, or a person has to see how that one is stopped."""
        found: list[_Rule] = []
        for purpose in item.task.purposes:
            fitting = [_Rule(c, r, purpose) for c, r in rules if rules_for([r], purpose)]
            if not fitting:
                self.answers[index] = needs_person("purpose_not_declared")
                return
            found += fitting
        if not found:
            self.answers[index] = needs_person("purposes_missing")
        for rule in found:
            self.asked[rule].add(index)

    async def flag(self, rule: _Rule, people: set[int]) -> None:
        bound = self._walked.plan.bound[rule.collection]
        keys = self._keys(bound, people)
        if keys:
            column = bound.table.columns[rule.rule.name]
            await self._tx.execute(
                f"UPDATE {bound.table.quoted} t "
                f"SET {names.ident(column.name)} = {names.literal(rule.rule.value)}::{column.type} "
                f"WHERE {bound.key.condition(1)} AND NOT {flag_is(bound, column.name, rule.rule.value)}",
                *bound.key.arrays(keys),
            )
        self._count(bound, Method.SUPPRESSED, keys, people)

    async def unflagged(self, rule: _Rule, people: set[int]) -> None:
        bound = self._walked.plan.bound[rule.collection]
        keys = self._keys(bound, people)
        if keys:
            found = await self._tx.fetch(
                f"SELECT {bound.key.reads()} FROM {bound.table.quoted} t WHERE {bound.key.condition(1)} "
                f"AND NOT {flag_is(bound, rule.rule.name, rule.rule.value)}",
                *bound.key.arrays(keys),
            )
            self._count(bound, Method.FOUND, [tuple(r) for r in found], people)

    async def enter(self, rule: _Rule, people: set[int]) -> None:
        """Every identifier of the kind, known here or not: what comes in later is stopped as well."""
        bound, missing = self._walked.plan.bound[rule.collection], await self._missing(rule, people)
        new = sorted({v for values in missing.values() for v in values})
        if new:
            column = bound.table.columns[rule.rule.name]
            names_, values = [names.ident(column.name)], [f"v::{column.type}"]
            if rule.rule.purpose_field is not None:
                names_.append(names.ident(rule.rule.purpose_field))
                values.append(names.literal(rule.purpose))
            await self._tx.execute(
                f"INSERT INTO {bound.table.quoted} ({', '.join(names_)}) SELECT {', '.join(values)} "
                f"FROM unnest($1::text[]) AS r (v) ON CONFLICT DO NOTHING",
                new,
            )
        for person in people:
            self._number(person, bound, Method.SUPPRESSED, len(self._values(rule, person)))

    async def unlisted(self, rule: _Rule, people: set[int]) -> None:
        for person, values in (await self._missing(rule, people)).items():
            self._number(person, self._walked.plan.bound[rule.collection], Method.FOUND, len(values))

    async def _missing(self, rule: _Rule, people: set[int]) -> dict[int, list[str]]:
        """Identifiers of each person that are not on the list."""
        bound, seed = self._walked.plan.bound[rule.collection], self._seed(rule)
        wanted = [v for p in people for v in seed.convert(self._values(rule, p))]
        test = ""
        if rule.rule.purpose_field is not None:
            test = f" AND {names.column(rule.rule.purpose_field)} = {names.literal(rule.purpose)}"
        sql = (
            f"SELECT DISTINCT {seed.expression} FROM {bound.table.quoted} t "
            f"WHERE {seed.expression} = ANY ($1::{seed.array}){test}"
        )
        there = {row[0] for row in await self._tx.fetch(sql, wanted)} if wanted else set()
        return {p: [v for v in self._values(rule, p) if not there & set(seed.convert([v]))] for p in people}

    def _seed(self, rule: _Rule) -> Matcher:
        seeds = self._walked.plan.bound[rule.collection].seeds
        return next(s for s in seeds if s.carrier.path == (rule.rule.name,))

    def _values(self, rule: _Rule, person: int) -> list[str]:
        """Those that the column could hold."""
        seed = self._seed(rule)
        return [v for v in self._items[person].identifiers.get(seed.carrier.kind, ()) if seed.convert([v])]

    def _keys(self, bound: Bound, people: set[int]) -> list[Value]:
        return [k for k, row in self._walked.rows.get(bound.name, {}).items() if row.items & people]

    def _count(self, bound: Bound, method: Method, keys: Iterable[Value], people: set[int]) -> None:
        for row_key in keys:
            for person in self._walked.rows[bound.name][row_key].items & people:
                self.tallies[person].add(bound.name, method, [row_key])

    def _number(self, person: int, bound: Bound, method: Method, rows: int) -> None:
        """Entries are told by number: a hash over them could be reversed by trying."""
        known = self.tallies[person].uncounted
        known[bound.name, method] = known.get((bound.name, method), 0) + rows

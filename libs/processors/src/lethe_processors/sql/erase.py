"""Erasing a batch of people: walk, decide, change, all inside one transaction that the caller opened."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lethe_events.models import Failure
from lethe_events.words import FailureKind, Grade, Method, Outcome
from lethe_processors.connector import Answer
from lethe_processors.sql import branch_sql, statements
from lethe_processors.sql.dangling import find_dangling
from lethe_processors.sql.decide import Fate, decide, rows_of_two_people, rule
from lethe_processors.sql.staying import still_retained, treat
from lethe_processors.sql.tally import Tally
from lethe_processors.sql.unknown import blocked_by_unknown
from lethe_processors.sql.walk import walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from lethe_postgres import Tx
    from lethe_processors.connector import WorkItem
    from lethe_processors.sql.decide import Decision
    from lethe_processors.sql.keys import Value
    from lethe_processors.sql.plan import Bound, Branch, Plan
    from lethe_processors.sql.walk import Walked


@dataclass(slots=True)
class Erasure:
    """One batch under way. `key` keys pseudonyms and evidence; `now` decides which retentions of fields are over."""

    tx: Tx
    plan: Plan
    key: bytes | None
    now: datetime
    walked: Walked
    decision: Decision
    tallies: dict[int, Tally]

    def count(self, name: str, method: Method, keys: Iterable[Value]) -> None:
        rows = self.walked.rows.get(name, {})
        found: dict[int, list[Value]] = defaultdict(list)
        for key in keys:
            for person in rows[key].items:
                found[person].append(key)
        for person, theirs in found.items():
            self.tallies[person].rows[name, method].update(theirs)


async def erase_batch(
    tx: Tx, plan: Plan, items: Sequence[WorkItem], *, key: bytes | None, now: datetime
) -> list[Answer]:
    """One answer per item. Raises the database's error if the batch as a whole cannot be done."""
    walked = await walk(tx, plan, [i.identifiers for i in items], plan.erasable, lock=True)
    await find_dangling(tx, walked)
    answers = dict.fromkeys(walked.ambiguous, _needs_person("ambiguous_identity"))
    answers |= dict.fromkeys(rows_of_two_people(walked) - set(answers), _needs_person("row_of_two_people"))
    if answers:
        walked.forget(set(answers))
    decision = decide(walked)
    refused = len(answers)
    for person, code in (await blocked_by_unknown(tx, walked, decision)).items():
        answers[person] = Answer.permanent(code)
    if len(answers) > refused:
        walked.forget(set(answers))
        decision = decide(walked)
    run = Erasure(tx, plan, key, now, walked, decision, defaultdict(Tally))
    await _change(run)
    _keep(run)
    return [answers.get(i) or _answer(run, i, item) for i, item in enumerate(items)]


async def _change(run: Erasure) -> None:
    order = run.plan.order
    if order.deferred:
        await run.tx.execute(f"SET CONSTRAINTS {', '.join(order.deferred)} DEFERRED")
    for name in order.collections:
        await treat(run, run.plan.bound[name])
    await _cut_slots(run)
    await _cut_mentions(run)
    for edge in order.nulled:
        keys = run.decision.keys(edge.holder, Fate.DELETE, Fate.SHARED)
        if keys:
            sql = statements.null_columns(run.plan.bound[edge.holder], edge.fields)
            await run.tx.execute(sql, *run.plan.bound[edge.holder].key.arrays(keys))
    await _lock_branches(run)
    for name in order.collections:
        await _delete(run, run.plan.bound[name])
    if order.deferred:
        # checked here, where a failure can still be told apart by person, and not at COMMIT
        await run.tx.execute("SET CONSTRAINTS ALL IMMEDIATE")


async def _lock_branches(run: Erasure) -> None:
    """From above to below; rows on which nothing hangs are locked by being deleted."""
    branches = run.walked.branches
    holding = {branch.path[0].target for branch in branches.values()}
    for name in reversed(run.plan.order.collections):
        people = run.walked.people_of(branches[name]) if name in holding & branches.keys() else None
        if people:
            sql = branch_sql.lock(run.plan, branches[name])
            await run.tx.execute(sql, *branch_sql.arguments(branches[name], people)[:-1])


async def _delete_branch(run: Erasure, branch: Branch) -> None:
    people = run.walked.people_of(branch)
    if people:
        sql = branch_sql.remove(run.plan, branch)
        for person, rows, digest in await run.tx.fetch(sql, *branch_sql.arguments(branch, people)):
            run.tallies[person].shares[branch.bound.name, Method.ERASED] = (rows, digest)


async def _delete(run: Erasure, bound: Bound) -> None:
    if bound.name in run.walked.branches:
        await _delete_branch(run, run.walked.branches[bound.name])
        return
    own = run.decision.keys(bound.name, Fate.DELETE)
    if own:
        found = await run.tx.fetch(statements.delete(bound), *bound.key.arrays(own))
        run.count(bound.name, Method.ERASED, (tuple(r) for r in found))
    shared = run.decision.keys(bound.name, Fate.SHARED)
    if shared:
        sql = statements.delete_if_nobodys(run.plan, bound)
        found = await run.tx.fetch(sql, *bound.key.arrays(shared))
        run.count(bound.name, Method.ERASED, (tuple(r) for r in found))


async def _cut_slots(run: Erasure) -> None:
    """In rows that stay for somebody else, empty what concerns the person."""
    for (name, slot_name), keys in run.decision.slots.items():
        bound = run.plan.bound[name]
        slot = next(s for s in bound.slots if s.name == slot_name)
        sql = statements.empty_fields(bound, slot.fields)
        if sql is not None:
            found = await run.tx.fetch(sql, *bound.key.arrays(keys))
            run.count(name, Method.NULLED, (tuple(r) for r in found))


async def _cut_mentions(run: Erasure) -> None:
    """Other people's rows that only mention the person lose the mention, and what they say about the person."""
    for edge in run.plan.graph.mentions:
        if edge.holder not in run.plan.bound or edge.target not in run.plan.bound or run.plan.bound[edge.target].shared:
            continue
        people: dict[Value, set[int]] = defaultdict(set)
        gone = run.decision.keys(edge.target, Fate.DELETE, Fate.ANCHORED, Fate.FIELDS)
        for key in gone:
            row = run.walked.rows[edge.target][key]
            value = run.walked.offered(edge, row)
            if value is not None:
                people[value] |= row.items
        if not people:
            continue
        holder = run.plan.bound[edge.holder]
        sql = statements.cut_mention(holder, edge)
        for record in await run.tx.fetch(sql, *holder.of(edge.fields).arrays(people)):
            value, row_key = tuple(record)[: len(edge.fields)], tuple(record)[len(edge.fields) :]
            for person in people.get(value, ()):
                run.tallies[person].add(edge.holder, Method.NULLED, [row_key])


def _keep(run: Erasure) -> None:
    """Write down what stays by law."""
    for name, fates in run.decision.fates.items():
        bound = run.plan.bound[name]
        for key in run.decision.keys(name, Fate.RETAINED, Fate.ANCHORED, Fate.FIELDS):
            for person in run.walked.rows[name][key].items:
                _keep_row(run, bound, key, fates[key], run.tallies[person])


def _keep_row(run: Erasure, bound: Bound, key: Value, fate: Fate, tally: Tally) -> None:
    retain = rule(run.walked, bound)
    row = run.walked.rows[bound.name][key]
    if retain is not None and fate in {Fate.RETAINED, Fate.ANCHORED}:
        tally.keep(bound.name, retain, key, row.until if fate is Fate.RETAINED else None)
        return
    if bound.shared and fate is Fate.ANCHORED:
        reason = run.decision.reasons[bound.name].get(key)
        if reason is not None:
            tally.keep(bound.name, reason.retain, key, reason.until)
        return
    for _, field in bound.collection.leaves():
        if field.retain is not None and still_retained(field, run.now):
            tally.keep(bound.name, field.retain, key, field.retain.until)


def _answer(run: Erasure, index: int, item: WorkItem) -> Answer:
    tally = run.tallies.get(index)
    if tally is None and not any(index in r.items for rows in run.walked.rows.values() for r in rows.values()):
        return Answer(Outcome.NOTHING_FOUND, Grade.CONFIRMED_BY_API)
    tally = tally or Tally()
    retained = tally.retained()
    return Answer(
        outcome=Outcome.RETAINED if retained else Outcome.DONE,
        grade=Grade.CONFIRMED_BY_API,
        counts=tally.counts(),
        retained=retained,
        evidence=tally.evidence(item.task.task_id, run.key),
    )


def _needs_person(code: str) -> Answer:
    return Answer(Outcome.NEEDS_PERSON, failure=Failure(kind=FailureKind.PERMANENT, code=code))

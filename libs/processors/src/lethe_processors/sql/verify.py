"""Looking again: by value in every column, upwards from every collection, and for rows that lost their owner."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from lethe_events.canonical import canonical, sha256_hex
from lethe_events.models import Evidence, to_python
from lethe_events.words import Grade, Method, Outcome
from lethe_processors.connector import Answer
from lethe_processors.dataset.model import CollectionMethod
from lethe_processors.sql.joined import hanging_on, owners_of
from lethe_processors.sql.probes import probe, searchable
from lethe_processors.sql.staying import still_retained
from lethe_processors.sql.stays import is_treated
from lethe_processors.sql.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from lethe_postgres import Tx
    from lethe_processors.connector import WorkItem
    from lethe_processors.dataset.model import Retain
    from lethe_processors.sql.keys import Value
    from lethe_processors.sql.orphans import Orphans
    from lethe_processors.sql.plan import Bound, Plan
    from lethe_processors.sql.probes import Hit


async def verify_batch(
    tx: Tx, plan: Plan, items: Sequence[WorkItem], orphans: Orphans, *, key: bytes | None, now: datetime
) -> list[Answer]:
    """One answer per item, from one snapshot; `orphans` were looked for since the call began."""
    search = _Search(tx, plan, items, key, now)
    await search.by_value()
    await search.upwards()
    return [search.answer(i, item, orphans) for i, item in enumerate(items)]


class _Search:
    def __init__(self, tx: Tx, plan: Plan, items: Sequence[WorkItem], key: bytes | None, now: datetime) -> None:
        self._tx = tx
        self._plan = plan
        self._people = [i.identifiers for i in items]
        self._key = key
        self._now = now
        self._blind = _is_blind(plan)
        self._still_there: set[int] = set()
        self._tallies: dict[int, Tally] = defaultdict(Tally)

    async def by_value(self) -> None:
        hits = await probe(self._tx, self._plan, self._people)
        for hit in await self._without_namesakes(hits):
            bound = self._plan.bound[hit.carrier.collection]
            allowed = hit.stays and not self._should_be_gone(hit)
            for person in hit.people:
                if hit.stays and hit.carrier.declared:
                    self._still_there.add(person)
                if allowed:
                    self._keep(person, bound, hit.key, by_law=hit.by_law, until=hit.until)
                else:
                    self._tallies[person].add(bound.name, Method.FOUND, [hit.key])

    async def upwards(self) -> None:
        """Only for people of whom a row may stay: of the others no row is left to hang on."""
        people = {p: self._people[p] for p in self._still_there}
        if not people:
            return
        for left in await hanging_on(self._tx, self._plan, people, key=self._key, now=self._now):
            for person in left.people:
                if left.stays and left.clean:
                    bound = self._plan.bound[left.collection]
                    self._keep(person, bound, left.key, by_law=left.by_law, until=left.until)
                else:
                    self._tallies[person].add(left.collection, Method.FOUND, [left.key])

    def _should_be_gone(self, hit: Hit) -> bool:
        bound = self._plan.bound[hit.carrier.collection]
        field = self._plan.graph.field(hit.carrier.collection, hit.carrier.path)
        return is_treated(bound, hit.carrier.path, field, self._now)

    def _keep(self, person: int, bound: Bound, key: Value, *, by_law: bool, until: datetime | None) -> None:
        if bound.method is CollectionMethod.KEEP:
            return
        own = self._own_rule(bound)
        if own is not None:
            self._tallies[person].keep(bound.name, own, key, until if by_law else None)
            return
        for _, field in bound.collection.leaves():
            if field.retain is not None and still_retained(field, self._now):
                self._tallies[person].keep(bound.name, field.retain, key, field.retain.until)

    def _own_rule(self, bound: Bound) -> Retain | None:
        rule = bound.collection.retain
        seen: set[str] = set()
        while rule is not None and rule.like is not None and bound.name not in seen:
            seen.add(bound.name)
            like = rule.like
            edge = next((e for e in self._plan.graph.walked if e.holder == bound.name and like in e.fields), None)
            if edge is None:
                return None
            bound = self._plan.bound[edge.target]
            rule = bound.collection.retain
        return rule

    async def _without_namesakes(self, hits: list[Hit]) -> list[Hit]:
        """A weak value alone (a household's phone) does not make a row this person's when it is clearly another's."""
        weak: dict[str, set[Value]] = defaultdict(set)
        for hit in hits:
            if hit.carrier.weak:
                weak[hit.carrier.collection].add(hit.key)
        owners = {
            name: await owners_of(self._tx, self._plan, self._plan.bound[name], keys) for name, keys in weak.items()
        }
        found = []
        for hit in hits:
            people = hit.people
            if hit.carrier.weak:
                bound = self._plan.bound[hit.carrier.collection]
                own = {s.carrier.kind: v for s, v in zip(bound.seeds, hit.seeds, strict=True) if not s.carrier.weak}
                named = [own, *owners[bound.name].get(hit.key, [])]
                people = frozenset(p for p in people if not self._is_somebody_else(p, named))
            if people:
                found.append(hit._replace(people=people))
        return found

    def _is_somebody_else(self, person: int, named: Sequence[dict[str, object]]) -> bool:
        contradicted = False
        for identities in named:
            for kind, value in identities.items():
                known = self._people[person].get(kind, ())
                if value is not None and str(value) in known:
                    return False
                contradicted |= bool(known) and value is not None
        return contradicted

    def answer(self, index: int, item: WorkItem, orphans: Orphans) -> Answer:
        tally = self._tallies[index]
        for collection, rows in orphans.counts.items():
            tally.uncounted[collection, Method.FOUND] = rows
        counts, retained = tally.counts(), tally.retained()
        outcome = Outcome.RESIDUAL if counts else Outcome.RETAINED if retained else Outcome.NOTHING_FOUND
        blind = orphans.ignored or self._blind
        looked = {
            "task": str(item.task.task_id),
            "values": sorted(f"{c.collection}.{'.'.join(c.path)}:{c.kind}" for c in self._plan.graph.carriers),
            "found": [to_python(c) for c in counts],
            "kept": [{"until": None, **to_python(r)} for r in retained],
        }
        return Answer(
            outcome=outcome,
            grade=Grade.CONFIRMED_BY_API if counts or blind else Grade.REREAD_ABSENT,
            counts=counts,
            retained=retained,
            evidence=(Evidence(kind="searched", sha256=sha256_hex(canonical(looked))),),
        )


def _is_blind(plan: Plan) -> bool:
    """Whether there is a place where values could stand and are not looked for."""
    fields = [f for name in plan.graph.reached for _, f in plan.graph.collections[name].leaves()]
    return not all(f.search for f in fields) or any(searchable(plan, c) is None for c in plan.graph.carriers)

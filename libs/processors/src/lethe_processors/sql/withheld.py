"""Erasing around a legal hold: what the hold covers stays, the rest goes by the rules that hold for rows that stay.

Made by another reading of the dataset and not by other statements: the categories that are withheld become a rule of
retention, so that erasure and verification each apply it in the way of their own.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from lethe_processors.dataset.graph import Graph
from lethe_processors.dataset.model import CollectionMethod, FieldMethod, Retain
from lethe_processors.sql.catalog import Family
from lethe_processors.sql.plan import bind
from lethe_processors.sql.pseudonym import SHORTEST_UNIQUE, SUPPORTED

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from lethe_processors.connector import Answer, WorkItem
    from lethe_processors.dataset.model import Collection, Field, FieldPath
    from lethe_processors.sql.catalog import Table
    from lethe_processors.sql.plan import Plan

GROUND = "legal_hold"
ARTICLE = "GDPR Art. 17(3)(e)"


async def by_hold(
    items: Sequence[WorkItem], run: Callable[[tuple[str, ...], list[WorkItem]], Awaitable[list[Answer]]]
) -> list[Answer]:
    """Those with the same categories withheld are run together; nearly always there are none at all."""
    groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for position, item in enumerate(items):
        groups[tuple(sorted(set(item.task.withheld)))].append(position)
    answers: dict[int, Answer] = {}
    for categories, positions in groups.items():
        found = await run(categories, [items[p] for p in positions])
        answers.update(zip(positions, found, strict=True))
    return [answers[p] for p in range(len(items))]


def withholding(plan: Plan, categories: tuple[str, ...], *, has_key: bool) -> Plan:
    """The plan by which these categories stay. Kept with the plan: the same hold is on many people."""
    if not categories:
        return plan
    if categories not in plan.variants:
        plan.variants[categories] = _Reading(plan, categories, has_key=has_key).plan()
    return plan.variants[categories]


class _Reading:
    def __init__(self, plan: Plan, categories: tuple[str, ...], *, has_key: bool) -> None:
        self._old = plan
        self._categories = categories
        self._has_key = has_key
        self._kinds = plan.graph.kinds

    def plan(self) -> Plan:
        dataset = self._old.graph.dataset
        ruled = replace(dataset, collections=tuple(self._with_rule(c) for c in dataset.collections))
        graph = Graph(ruled, self._kinds)
        staying = {c.name for c in ruled.collections if _is_held(c)} | graph.anchors
        treated = tuple(self._treated(graph, c) if c.name in staying else c for c in ruled.collections)
        return bind(Graph(replace(ruled, collections=treated), self._kinds), self._old.catalog)

    def _covered(self, field: Field) -> str | None:
        """The category withheld to which the field belongs."""
        for withheld in self._categories:
            if any(c == withheld or c.startswith(withheld + ".") for c in field.categories):
                return withheld
        return None

    def _with_rule(self, collection: Collection) -> Collection:
        """Rows with something withheld stay, and keep whose they are: evidence of nobody would be none."""
        reached = collection.name in self._old.graph.reached
        found = dict.fromkeys(c for _, f in collection.leaves() for c in [self._covered(f)] if c is not None)
        if not reached or not found or collection.method is CollectionMethod.KEEP:
            return collection
        first, *also = found
        rule = Retain(ground=GROUND, article=ARTICLE, category=first, also=tuple(also))
        return replace(collection, method=CollectionMethod.DELETE, retain=rule)

    def _treated(self, graph: Graph, collection: Collection) -> Collection:
        """What becomes of each field of rows that stay for the hold alone."""
        before = self._old.graph.collections[collection.name]
        if graph.is_shared(collection.name) or before.retain is not None or collection.name not in self._old.bound:
            return collection  # other people's too, or rows of a rule that says itself what they keep
        fields = tuple(self._field(graph, collection, (f.name,), f) for f in collection.fields)
        return replace(collection, fields=fields)

    def _field(self, graph: Graph, collection: Collection, path: FieldPath, field: Field) -> Field:
        if field.nested:
            return self._container(graph, collection, path, field)
        category = self._covered(field)
        if category is None and field.retain is None and field.identity in self._kinds and not field.weak:
            # without it nobody could find what is withheld when the hold is over
            category = field.categories[0] if field.categories else "user"
        if category is not None:
            return _kept(field, category)
        # an internal key says nothing once everything else is gone
        is_key = len(path) == 1 and (collection.name, field.name) in graph.key_fields
        if is_key or not field.personal or field.method is not None or field.retain is not None:
            return field
        return self._with_default(collection, field) if len(path) == 1 else replace(field, method=FieldMethod.DELETE)

    def _container(self, graph: Graph, collection: Collection, path: FieldPath, field: Field) -> Field:
        if (field.method is not None or field.retain is not None) and not self._holds_any(field):
            return field  # what is said of the column covers the keys inside
        nested = tuple(self._field(graph, collection, (*path, n.name), n) for n in field.nested)
        return replace(field, method=None, nested=nested)

    def _holds_any(self, field: Field) -> bool:
        return self._covered(field) is not None or any(self._holds_any(n) for n in field.nested)

    def _with_default(self, collection: Collection, field: Field) -> Field:
        table = self._old.catalog.tables[collection.name]
        column = table.columns[field.name]
        if not column.not_null and not column.generated:
            return replace(field, method=FieldMethod.NULL)
        if self._has_key and not column.generated and _takes_pseudonym(table, field.name):
            return replace(field, method=FieldMethod.PSEUDONYMISE)
        return _kept(field, field.categories[0])  # it cannot be taken out of the row, and is told as kept


def _is_held(collection: Collection) -> bool:
    return collection.retain is not None and collection.retain.ground == GROUND


def _kept(field: Field, category: str) -> Field:
    return replace(field, retain=Retain(ground=GROUND, article=ARTICLE, category=category))


def _takes_pseudonym(table: Table, name: str) -> bool:
    column = table.columns[name]
    short = column.max_length is not None and column.max_length < SHORTEST_UNIQUE
    if table.is_key((name,)) and (short or column.family is Family.NUMERIC):
        return False
    return column.family in SUPPORTED

"""What in a dataset would make erasure, export or verification wrong. All of it, not the first."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from lethe_processors.dataset.check_methods import check_methods
from lethe_processors.dataset.graph import Graph

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lethe_processors.dataset.graph import Edge
    from lethe_processors.dataset.model import Collection, Dataset
    from lethe_processors.dataset.parse import Parsed
    from lethe_processors.problems import Problem

OTHERS = "others"
_ON_THE_WIRE = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")  # as lethe_events.models.Collection


def check_dataset(parsed: Parsed, dataset: Dataset, kinds: tuple[str, ...], *, erases: bool) -> list[Problem]:
    """Problems of the graph that begins at the identities `kinds`; methods are asked for only if it `erases`."""
    found = list(_references(parsed, dataset))
    if found:
        return found  # the graph cannot be built
    graph = Graph(dataset, kinds)
    found += _identities(parsed, graph)
    found += _recorded(parsed, dataset)
    found += _reach(parsed, graph)
    for name in sorted(graph.reached):
        collection = graph.collections[name]
        found += _names(parsed, collection)
        found += _keys(parsed, collection)
        found += _two_people(parsed, graph, collection)
        found += _about(parsed, collection)
    if erases:
        found += check_methods(parsed, graph)
    return found


def _references(parsed: Parsed, dataset: Dataset) -> Iterator[Problem]:
    for collection in dataset.collections:
        for path, field in collection.leaves():
            where = (collection.name, *path)
            if field.references and len(path) > 1:
                yield parsed.problem(
                    where, "a reference inside a JSON column is not followed.", "put the reference into a column."
                )
            if not field.owner and not field.references:
                yield parsed.problem(
                    where,
                    "`owner: false` is for a field that refers to something.",
                    "add its reference, or remove it.",
                )
            for reference in field.references:
                target = dataset.collection(reference.collection)
                if target is None or target.field(reference.field) is None:
                    yield parsed.problem(
                        where,
                        f"it refers to {reference.collection}.{reference.field}, which is not described.",
                        "correct the name, or describe that field.",
                    )


def _recorded(parsed: Parsed, dataset: Dataset) -> Iterator[Problem]:
    for collection in dataset.collections:
        if collection.recorded is not None and collection.field(collection.recorded) is None:
            yield parsed.problem(
                (collection.name,),
                f"`recorded: {collection.recorded}` is no field of this collection.",
                "name the column that tells when a row came, and describe it.",
            )


def _identities(parsed: Parsed, graph: Graph) -> Iterator[Problem]:
    described = {f.identity for c in graph.dataset.collections for _, f in c.leaves() if f.identity is not None}
    for kind in sorted(graph.kinds - described):
        yield parsed.problem(
            (),
            f"the register says people are found by {kind}, but no field has this identity.",
            f"give the field `fides_meta: {{identity: {kind}}}`, or take {kind} out of `identities`.",
        )
    for collection in graph.dataset.collections:
        for path, field in collection.leaves():
            if field.identity is not None and field.identity not in graph.kinds:
                yield parsed.problem(
                    (collection.name, *path),
                    f"people could be found by {field.identity}, but the register does not list it.",
                    f"add {field.identity} to `identities` of the processor, or remove this identity.",
                )


def _reach(parsed: Parsed, graph: Graph) -> Iterator[Problem]:
    for collection in graph.dataset.collections:
        if collection.skipped and collection.personal:
            yield parsed.problem(
                (collection.name,),
                "it is skipped although it holds personal data: nothing in it would ever be erased.",
                "remove `skip_processing`.",
            )
        if collection.name not in graph.reached and collection.personal:
            yield _unreachable(parsed, graph, collection)


def _unreachable(parsed: Parsed, graph: Graph, collection: Collection) -> Problem:
    into = [e for e in graph.edges if e.reached == collection.name and e.owner]
    behind = sorted({e.source for e in into if e.source in graph.reached})
    circle = _circle(graph, collection.name)
    if behind:
        return parsed.problem(
            (collection.name,),
            f"it is reached only through {', '.join(behind)}, whose rows several people may share.",
            "add a reference to the rows that belong to one person, or an identity.",
        )
    if circle:
        return parsed.problem(
            (collection.name,),
            f"{' and '.join(circle)} lead only to each other: no identity leads in, so the circle cannot be walked.",
            "give one of them an identity, or a reference to a collection that has one.",
        )
    return parsed.problem(
        (collection.name,),
        "it holds personal data, but no identity leads to it: nothing in it would be found.",
        "add `references` to the collection it belongs to (`direction: from`), or an identity.",
    )


def _circle(graph: Graph, name: str) -> list[str]:
    """Collections from which `name` is reached and which it reaches; empty when there is no circle."""

    def closure(forward: bool) -> set[str]:
        found: set[str] = set()
        frontier = [name]
        while frontier:
            at = frontier.pop()
            for edge in graph.edges:
                start, end = (edge.source, edge.reached) if forward else (edge.reached, edge.source)
                if edge.owner and start == at and end not in found:
                    found.add(end)
                    frontier.append(end)
        return found

    return sorted(closure(forward=True) & closure(forward=False))


def _names(parsed: Parsed, collection: Collection) -> Iterator[Problem]:
    if not _ON_THE_WIRE.match(collection.name):
        yield parsed.problem(
            (collection.name,),
            "its name cannot be told in an acknowledgement.",
            "rename the table: letters, digits, `_`, `.` and `-`.",
        )


def _keys(parsed: Parsed, collection: Collection) -> Iterator[Problem]:
    if not collection.primary_key:
        yield parsed.problem(
            (collection.name,),
            "no field is its primary key: its rows could not be told apart.",
            "give the key field `fides_meta: {primary_key: true}` (each field of a composite key).",
        )


def _two_people(parsed: Parsed, graph: Graph, collection: Collection) -> Iterator[Problem]:
    if graph.is_shared(collection.name):
        return
    owners = graph.owners(collection.name)
    targets = Counter(e.target for e in owners)
    people = sorted(t for t in targets if t in graph.seeded)
    kinds = Counter(i.kind for i in graph.identities if i.collection == collection.name)
    doubled = sorted(k for k, n in kinds.items() if n > 1)
    doubly = {t: [e for e in owners if e.target == t] for t, n in targets.items() if n > 1}
    ambiguous = [t for t, edges in doubly.items() if not _tells_a_row(graph, edges)]
    if ambiguous:
        yield parsed.problem(
            (collection.name,),
            f"it refers twice to {ambiguous[0]} by several fields: which belong together cannot be told.",
            "keep one of the two references, or mark the fields of the other one `lethe: {owner: false}`.",
        )
    elif doubly or len(people) > 1 or doubled:
        what = ", ".join(people or doubled or sorted(targets))
        yield parsed.problem(
            (collection.name,),
            f"a row may belong to two people (by {what}).",
            "say `lethe: {shared: true}` on the collection, or `{owner: false}` on a reference that only mentions.",
        )


def _tells_a_row(graph: Graph, edges: list[Edge]) -> bool:
    return all(e.target_fields == graph.collections[e.target].primary_key for e in edges)


def _about(parsed: Parsed, collection: Collection) -> Iterator[Problem]:
    slots = {f.name for f in collection.fields if f.references or f.identity is not None}
    for path, field in collection.leaves():
        if field.about is not None and field.about not in slots | {OTHERS}:
            yield parsed.problem(
                (collection.name, *path),
                f"`about` names {field.about}, which is neither a reference nor an identity of this collection.",
                f"name one of {', '.join(sorted(slots)) or 'its references'}, or `{OTHERS}`.",
            )

"""Whether everything that erasure reaches has a method that can be carried out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_processors.dataset.model import CollectionMethod, Direction, FieldMethod

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lethe_processors.dataset.graph import Graph
    from lethe_processors.dataset.model import Collection, Field, FieldPath
    from lethe_processors.dataset.parse import Parsed
    from lethe_processors.problems import Problem

_CHANGES = frozenset({FieldMethod.NULL, FieldMethod.PSEUDONYMISE, FieldMethod.DELETE})


def check_methods(parsed: Parsed, graph: Graph) -> Iterator[Problem]:
    for name in sorted(graph.reached):
        collection = graph.collections[name]
        yield from _collection(parsed, graph, collection)
        yield from _retain(parsed, graph, collection)
        for path, field in collection.leaves():
            yield from _field(parsed, graph, collection, path, field)
        yield from _rows_that_stay(parsed, graph, collection)


def _collection(parsed: Parsed, graph: Graph, collection: Collection) -> Iterator[Problem]:
    where = (collection.name,)
    if collection.method is None:
        yield parsed.problem(
            where,
            "nothing says what erasure does with its rows.",
            "add `lethe: {erase: delete}`, `{erase: fields}` with a method per field, or `{erase: keep}`.",
        )
    pointed_at = any(e.target == collection.name and e.direction is Direction.TO and e.owner for e in graph.edges)
    if collection.method is CollectionMethod.FIELDS and pointed_at:
        yield parsed.problem(
            where,
            "its rows are shared by whoever refers to them: emptying their fields would take them from the others.",
            "use `erase: delete`: a row then goes with the last who refers to it.",
        )
    if collection.method is CollectionMethod.KEEP:
        carried = {c.path for c in graph.carriers if c.collection == collection.name}
        personal = [".".join(p) for p, f in collection.leaves() if f.personal or p in carried]
        if personal:
            yield parsed.problem(
                where,
                f"it is kept as not personal, but {', '.join(personal)} is, by its category or by what it refers to.",
                "use `erase: delete`, `erase: fields`, or `retain` with the ground on which it is kept.",
            )


def _retain(parsed: Parsed, graph: Graph, collection: Collection) -> Iterator[Problem]:
    retain = collection.retain
    if retain is None:
        return
    where = (collection.name,)
    for column in [c.field for c in retain.when] + ([retain.until_field] if retain.until_field else []):
        if collection.field(column) is None:
            yield parsed.problem(
                where, f"`retain` uses the field {column}, which is not described.", "correct the name, or describe it."
            )
    if retain.like is not None and not _leads_to_retained(graph, collection.name, retain.like):
        yield parsed.problem(
            where,
            f"`retain: {{with: {retain.like}}}` names no reference to a collection that has `retain`.",
            "name the field that refers to the retained rows.",
        )
    if collection.method is not CollectionMethod.DELETE:
        yield parsed.problem(
            where,
            "`retain` says which rows are exempt from deletion, but its rows are not deleted.",
            "use `erase: delete` beside it; a field is retained by `lethe: {retain: …}` on the field.",
        )


def _field(parsed: Parsed, graph: Graph, collection: Collection, path: FieldPath, field: Field) -> Iterator[Problem]:
    where = (collection.name, *path)
    method = field.method
    if len(path) == 1 and (collection.name, path[0]) in graph.key_fields and method in _CHANGES:
        yield parsed.problem(
            where,
            f"`{method.value}` on a key: rows that refer by it would lose what they belong to.",
            "delete the row, or leave the key and treat the other fields.",
        )
    if method is FieldMethod.KEEP and field.personal:
        yield parsed.problem(
            where,
            "it is kept as not personal, but its category is one of personal data.",
            "use `null` or `pseudonymise`, or `retain` with its ground, or correct the category.",
        )
    if method is FieldMethod.DELETE and len(path) == 1:
        yield parsed.problem(where, "a column cannot be deleted from one row.", "use `null` or `pseudonymise`.")
    if method is FieldMethod.PSEUDONYMISE and len(path) > 1:
        yield parsed.problem(
            where, "a key inside a JSON column cannot be pseudonymised.", "use `delete` (the key goes) or `null`."
        )


def _rows_that_stay(parsed: Parsed, graph: Graph, collection: Collection) -> Iterator[Problem]:
    """A personal field of a row that is not deleted needs a method; without one it would silently survive."""
    if collection.method is CollectionMethod.FIELDS:
        why = "its rows stay"
    elif collection.method is CollectionMethod.DELETE and collection.name in graph.anchors:
        if graph.is_shared(collection.name) or collection.retain is not None:
            return
        holders = sorted({e.holder for e in graph.holders(collection.name) if _may_stay(graph, e.holder)})
        why = f"a row stays when rows of {', '.join(holders)} that the law keeps refer to it"
    else:
        return
    for path, field in collection.leaves():
        if not field.personal or field.method is not None or field.retain is not None or _covered(collection, path):
            continue
        if len(path) == 1 and (collection.name, path[0]) in graph.key_fields and field.identity is None:
            continue  # an internal key says nothing once everything else is gone
        yield parsed.problem(
            (collection.name, *path),
            f"{why}, and nothing says what then happens to this field.",
            "add `lethe: {erase: null}`, `{erase: pseudonymise}` or `{retain: {ground, article, category}}`.",
        )


def _covered(collection: Collection, path: FieldPath) -> bool:
    """A method of the JSON column covers the keys inside."""
    column = collection.field(path[0])
    return len(path) > 1 and column is not None and (column.method is not None or column.retain is not None)


def _may_stay(graph: Graph, name: str) -> bool:
    return name in graph.anchors or graph.collections[name].retain is not None


def _leads_to_retained(graph: Graph, name: str, field: str) -> bool:
    targets = {e.target for e in graph.walked if e.holder == name and field in e.fields}
    return any(graph.collections[t].retain is not None and t != name for t in targets)

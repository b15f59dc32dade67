"""Whether the dataset says how to carry out the rights beside erasure that its processor declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_events.words import Verb
from lethe_processors.dataset.graph import Graph
from lethe_processors.dataset.rights import RestrictBy, SuppressBy

if TYPE_CHECKING:
    from collections.abc import Collection as Some
    from collections.abc import Iterator

    from lethe_processors.dataset.model import Collection, Dataset
    from lethe_processors.dataset.parse import Parsed
    from lethe_processors.dataset.rights import Restrict, Suppress
    from lethe_processors.problems import Problem

_BY_VIEW = frozenset({RestrictBy.FLAG, RestrictBy.ACCESS, RestrictBy.WITH})


def check_rights(
    parsed: Parsed, dataset: Dataset, kinds: tuple[str, ...], verbs: Some[Verb], *, ordinary: bool
) -> list[Problem]:
    """`ordinary`: the connector has a credential of ordinary readers. Only for a dataset whose graph can be built."""
    graph = Graph(dataset, kinds)
    found: list[Problem] = []
    if {Verb.RESTRICT, Verb.LIFT} & set(verbs):
        for name in sorted(graph.reached):
            found += _restrict(parsed, graph, graph.collections[name], ordinary=ordinary)
    if Verb.SUPPRESS in verbs:
        for collection in dataset.collections:
            for rule in collection.suppress:
                found += _suppress(parsed, graph, collection, rule)
    return found


def restrict_targets(graph: Graph) -> frozenset[str]:
    """Collections that serve the rights of others' rows, and so need no method of their own."""
    methods = [c.restrict for c in graph.dataset.collections if c.restrict is not None]
    lists = {c.name for c in graph.dataset.collections if any(s.by is SuppressBy.INSERT for s in c.suppress)}
    return frozenset(m.name for m in methods if m.by in {RestrictBy.MOVE, RestrictBy.ACCESS}) | lists


def _restrict(parsed: Parsed, graph: Graph, collection: Collection, *, ordinary: bool) -> Iterator[Problem]:
    where, method = (collection.name,), collection.restrict
    if method is None:
        if (collection.personal or collection.name in graph.seeded) and collection.name not in restrict_targets(graph):
            yield parsed.problem(
                where,
                "nothing says how its rows are restricted.",
                "add `lethe: {restrict: …}` with flag, move, access or with; or drop the verb.",
            )
        return
    if graph.is_shared(collection.name) != (method.by is RestrictBy.NONE):
        yield parsed.problem(
            where,
            "rows of a shared collection are other people's too, and are not restricted; all others are.",
            "say `restrict: none` exactly where rows are shared.",
        )
        return
    if method.by in _BY_VIEW and method.view is None:
        yield parsed.problem(
            where,
            "nothing says what ordinary readers read: that they see it no longer could not be shown.",
            "add `view:` to `restrict`, with the view or table that they read.",
        )
    elif method.by in _BY_VIEW and method.view == collection.name and not ordinary:
        yield parsed.problem(
            where,
            "ordinary readers read the table itself, and no credential of theirs is named.",
            "add `ordinary: env:NAME` to the connector, or name another view.",
        )
    yield from _target(parsed, graph, collection, method)


def _target(parsed: Parsed, graph: Graph, collection: Collection, method: Restrict) -> Iterator[Problem]:
    where = (collection.name,)
    if method.by is RestrictBy.FLAG:
        flag = collection.field(method.name)
        if flag is None or flag.nested:
            yield parsed.problem(where, f"`flag` names {method.name}, which is not described.", "describe that column.")
        elif (collection.name, method.name) in graph.key_fields or flag.identity is not None:
            yield parsed.problem(where, f"`flag` names {method.name}, which is a key.", "use a column of its own.")
    if method.by is RestrictBy.WITH and not any(
        e.holder == collection.name and method.name in e.fields for e in graph.walked
    ):
        yield parsed.problem(
            where, f"`with` names {method.name}, which leads to no row of the person.", "name a reference that does."
        )
    if method.by not in {RestrictBy.MOVE, RestrictBy.ACCESS}:
        return
    target = graph.collections.get(method.name)
    wanted = [f.name for f in collection.fields] if method.by is RestrictBy.MOVE else list(collection.primary_key)
    missing = wanted if target is None else [f for f in wanted if target.field(f) is None]
    if missing or method.name == collection.name:
        yield parsed.problem(
            where,
            f"`{method.by.value}` names {method.name}, which is not described with {', '.join(missing) or 'its name'}.",
            "describe that table as a collection of its own, with these fields.",
        )
    elif method.by is RestrictBy.MOVE and method.name not in graph.reached:
        yield parsed.problem(
            where,
            f"rows are moved to {method.name}, to which no identity leads: they would never be found again.",
            "give it the identities and references of the collection they come from.",
        )


def _suppress(parsed: Parsed, graph: Graph, collection: Collection, rule: Suppress) -> Iterator[Problem]:
    where, field = (collection.name,), collection.field(rule.name)
    if collection.name not in graph.reached:
        yield parsed.problem(where, "no identity leads to it: nobody could be suppressed here.", "add an identity.")
    elif field is None or field.nested:
        yield parsed.problem(where, f"`suppress` names {rule.name}, which is not described.", "describe that column.")
    elif rule.by is SuppressBy.INSERT and field.identity not in graph.kinds:
        yield parsed.problem(
            where,
            f"`insert` names {rule.name}, which is no identity of this processor.",
            "name the field that holds the identifier.",
        )
    elif rule.by is SuppressBy.FLAG and (
        graph.is_shared(collection.name) or (collection.name, rule.name) in graph.key_fields
    ):
        yield parsed.problem(
            where,
            f"`flag` names {rule.name}, which is a key, or stands in rows that are other people's too.",
            "use a column of the person's own rows.",
        )
    if rule.purpose_field is not None and collection.field(rule.purpose_field) is None:
        yield parsed.problem(
            where, f"`purpose_field` names {rule.purpose_field}, which is not described.", "describe that column."
        )

"""What in the database does not fit the dataset. Pure: from a plan to what has to be put right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lethe_processors.dataset.model import CollectionMethod, FieldMethod
from lethe_processors.sql.catalog import Family
from lethe_processors.sql.plan import comparable, missing_columns
from lethe_processors.sql.pseudonym import SHORTEST_UNIQUE, SUPPORTED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lethe_processors.dataset import Edge
    from lethe_processors.dataset.model import Field
    from lethe_processors.sql.catalog import Column, Table
    from lethe_processors.sql.plan import Bound, Plan


@dataclass(frozen=True, slots=True)
class Fault:
    """`code` is what a task fails with. `reads`: not only erasure, looking too would be wrong."""

    code: str
    where: tuple[str, ...]
    message: str
    fix: str
    reads: bool = False


def faults(plan: Plan, *, has_key: bool) -> list[Fault]:
    """Everything that would make an erasure or a look wrong; empty for a database that fits."""
    found = [*_missing(plan)]
    for bound in plan.bound.values():
        if bound.name in plan.graph.reached:
            found += _keys(bound)
            found += _identities(plan, bound)
            found += _methods(plan, bound, has_key=has_key)
    for edge in plan.graph.edges:
        if edge.holder in plan.bound and edge.target in plan.bound:
            found += _references(plan, edge)
    for key in plan.order.unbreakable:
        found.append(
            Fault(
                "foreign_key_cycle",
                (key.source or "", *key.source_columns),
                "its foreign key is part of a circle, NOT NULL and not DEFERRABLE: no order of deletion is possible.",
                "make the constraint DEFERRABLE, or the column nullable.",
            )
        )
    return found


def _missing(plan: Plan) -> Iterator[Fault]:
    for name in sorted(plan.graph.reached):
        table = plan.catalog.tables.get(name)
        if table is None:
            yield Fault(
                "missing_table",
                (name,),
                "there is no such table, or the role may not see it.",
                "correct the name or `namespace.schema`, grant USAGE on the schema, or take the collection out.",
                reads=True,
            )
            continue
        for column in missing_columns(plan.graph.collections[name], table):
            yield Fault(
                "missing_column",
                (name, column),
                "there is no such column.",
                "correct the name, or take the field out of the dataset.",
                reads=True,
            )


def _keys(bound: Bound) -> Iterator[Fault]:
    if not bound.table.is_key(bound.collection.primary_key):
        yield Fault(
            "key_not_unique",
            (bound.name, *bound.collection.primary_key),
            "the described primary key is not unique in the database.",
            "describe the columns of a primary key or unique constraint.",
            reads=True,
        )
    retain = bound.collection.retain
    ends = bound.table.columns.get(retain.until_field) if retain is not None and retain.until_field else None
    if ends is not None and ends.family not in {Family.DATE, Family.MOMENT}:
        yield Fault(
            "no_date",
            (bound.name, ends.name),
            "`until_field` is neither a date nor a timestamp.",
            "name a date column.",
        )


def _identities(plan: Plan, bound: Bound) -> Iterator[Fault]:
    held = {s.carrier.path for s in bound.seeds}
    for identity in plan.graph.identities:
        if identity.collection == bound.name and identity.path not in held:
            column = bound.table.columns[identity.path[0]]
            yield Fault(
                "identity_type",
                (bound.name, *identity.path),
                f"a column of type {column.type} cannot hold an identifier.",
                "use a text, integer or uuid column.",
                reads=True,
            )


def _references(plan: Plan, edge: Edge) -> Iterator[Fault]:
    holder, target = plan.bound[edge.holder], plan.bound[edge.target]
    for mine, theirs in zip(edge.fields, edge.target_fields, strict=True):
        one, other = holder.table.columns[mine], target.table.columns[theirs]
        if not comparable(one, other):
            yield Fault(
                "reference_types_differ",
                (edge.holder, mine),
                f"it is {one.type}, what it refers to is {other.type}: they cannot be compared.",
                "correct the reference, or give both columns one type.",
                reads=True,
            )
    if holder.nullable(edge.fields) or edge.target not in plan.graph.reached:
        return
    message = None
    if not edge.owner and not target.shared:
        message = "it only mentions a person, and could not be emptied because it is NOT NULL."
    elif edge in plan.graph.walked and holder.method is not target.method is CollectionMethod.DELETE:
        message = "its rows stay, and could not let go of the deleted row because it is NOT NULL."
    if message is not None:
        yield Fault(
            "link_not_null", (edge.holder, *edge.fields), message, "make the column nullable, or delete the row."
        )


def _methods(plan: Plan, bound: Bound, *, has_key: bool) -> Iterator[Fault]:
    stays = bound.method is CollectionMethod.FIELDS or bound.name in plan.graph.anchors or bound.collection.retain
    for field in bound.collection.fields if stays else ():
        column = bound.table.columns[field.name]
        if field.method is FieldMethod.NULL and column.not_null:
            yield Fault(
                "column_not_null", (bound.name, field.name), "`null` on a NOT NULL column.", "use `pseudonymise`."
            )
        if field.method is FieldMethod.PSEUDONYMISE:
            yield from _pseudonym(bound.table, field, column, has_key=has_key)
        if field.method is None and field.nested and column.family is not Family.JSON and _treats(field):
            yield Fault(
                "not_json",
                (bound.name, field.name),
                "it has fields inside but is no json column.",
                "correct the dataset.",
            )
        if field.method is not None and column.generated and field.method is not FieldMethod.KEEP:
            yield Fault("generated", (bound.name, field.name), "a generated column cannot be changed.", "use `keep`.")
    for slot in bound.slots if bound.shared else ():
        for path, _ in slot.fields:
            if len(path) == 1 and bound.table.columns[path[0]].not_null:
                yield Fault(
                    "link_not_null",
                    (bound.name, path[0]),
                    "in a shared row it has to be emptied for the person who goes, but it is NOT NULL.",
                    "make the column nullable, or take it out of what is `about` one person.",
                )


def _treats(field: Field) -> bool:
    return any(n.method is not None or _treats(n) for n in field.nested)


def _pseudonym(table: Table, field: Field, column: Column, *, has_key: bool) -> Iterator[Fault]:
    where = (table.collection, field.name)
    if not has_key:
        yield Fault("key_missing", where, "pseudonyms need a key.", "add `key: env:NAME` to the connector.")
    unique = table.is_key((field.name,))
    short = column.max_length is not None and column.max_length < SHORTEST_UNIQUE
    if column.family not in SUPPORTED or (unique and (short or column.family is Family.NUMERIC)):
        yield Fault(
            "cannot_pseudonymise",
            where,
            f"no pseudonym fits a column of type {column.type}{' that is unique' if unique else ''}.",
            "use `null`, or delete the row.",
        )

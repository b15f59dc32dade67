"""Rows as JSON-serialisable records, without what is not the person's."""

from __future__ import annotations

import base64
import copy
import math
from collections import defaultdict
from datetime import date, datetime
from typing import TYPE_CHECKING

from lethe_processors.sql import names
from lethe_processors.sql.catalog import Family
from lethe_processors.sql.decide import is_filled, people_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lethe_processors.dataset import Edge
    from lethe_processors.dataset.model import Field, FieldPath
    from lethe_processors.sql.catalog import Column
    from lethe_processors.sql.keys import Value
    from lethe_processors.sql.plan import Bound
    from lethe_processors.sql.walk import Row, Walked

OTHERS = "others"


def column_reads(columns: Iterable[Column]) -> str:
    return ", ".join(_read(c) for c in columns)


def _read(column: Column) -> str:
    value = names.column(column.name)
    if column.type.endswith("[]"):
        return f"to_jsonb({value})"
    return f"{value}::text" if column.family is Family.OTHER else value


_PLAIN = frozenset({str, int, bool, type(None), dict, list})


def plain(value: object) -> object:
    """A value as JSON can hold it without loss: numbers of any length and moments as text."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, float) and math.isfinite(value):
        return value
    return str(value)


class Form:
    """Rows of one collection in which nobody else can stand: the same fields are left out of each."""

    def __init__(self, bound: Bound) -> None:
        self._fields = bound.collection.fields
        columns = [bound.table.columns[f.name] for f in self._fields]
        self.reads = column_reads(columns)
        self._hidden = never_given(bound)
        self._names = [f.name for f in self._fields]
        self._converted = [c.name for c in columns if c.family not in _GIVEN_AS_JSON and not c.type.endswith("[]")]

    def record(self, values: Sequence[object]) -> tuple[dict[str, object], set[str]]:
        """The record, and the names of fields that had something in them and were left out."""
        if self._hidden:
            return record_of(self._fields, values, self._hidden)
        record = dict(zip(self._names, values, strict=True))
        for name in self._converted:
            record[name] = plain(record[name])
        return record, _NOTHING


_GIVEN_AS_JSON = frozenset({Family.INTEGER, Family.TEXT, Family.BOOLEAN, Family.JSON, Family.OTHER})
"""Families that `column_reads` makes arrive as JSON holds them."""
_NOTHING: set[str] = set()


def never_given(bound: Bound) -> set[FieldPath]:
    """Fields that are about others in every row, or that the dataset keeps from exports."""
    return {p for p, f in bound.collection.leaves() if f.about == OTHERS or not f.export}


class Redaction:
    """Which fields of a row are left out for which person (Art. 15(4)), and why nothing else is."""

    def __init__(self, walked: Walked) -> None:
        self._walked = walked
        self._own: dict[Edge, dict[Value, set[int]]] = {}
        self._hidden: dict[str, set[FieldPath]] = {}

    def _always(self, bound: Bound) -> set[FieldPath]:
        if bound.name not in self._hidden:
            self._hidden[bound.name] = never_given(bound)
        return self._hidden[bound.name]

    def hidden(self, bound: Bound, row: Row, person: int) -> set[FieldPath]:
        hidden = self._always(bound)
        for slot in bound.slots:
            if (
                not bound.may_be_two_peoples
                or not is_filled(self._walked, bound, slot, row)
                or person in people_in(self._walked, bound, slot, row)
            ):
                continue
            if bound.shared:
                hidden = hidden | {p for p, _ in slot.fields}
            else:  # a row of two people that nobody expected: nothing personal is given away
                personal = {p for p, f in bound.collection.leaves() if f.personal}
                hidden = hidden | personal | {(f,) for e in slot.edges for f in e.fields}
        return hidden | self._mentioned(bound, row, person)

    def _mentioned(self, bound: Bound, row: Row, person: int) -> set[FieldPath]:
        """Other people whom the person's own row only mentions."""
        hidden: set[FieldPath] = set()
        for edge in self._walked.plan.graph.mentions:
            if edge.holder != bound.name or edge.target not in self._walked.plan.bound:
                continue
            value = self._walked.held(edge, row)
            if value is not None and person not in self._people(edge).get(value, set()):
                hidden |= {(f,) for f in edge.fields}
                hidden |= {p for p, f in bound.collection.leaves() if f.about in edge.fields}
        return hidden

    def _people(self, edge: Edge) -> Mapping[Value, set[int]]:
        if edge not in self._own:
            people: dict[Value, set[int]] = defaultdict(set)
            for target in self._walked.rows.get(edge.target, {}).values():
                value = self._walked.offered(edge, target)
                if value is not None:
                    people[value] |= target.items
            self._own[edge] = people
        return self._own[edge]


def record_of(
    fields: Sequence[Field], values: Sequence[object], hidden: set[FieldPath]
) -> tuple[dict[str, object], set[str]]:
    """The record without hidden fields, and the names of those that had something in them."""
    inside: dict[str, list[FieldPath]] = defaultdict(list)
    for path in hidden:
        inside[path[0]].append(path)
    record: dict[str, object] = {}
    left_out: set[str] = set()
    for field, value in zip(fields, values, strict=True):
        if field.name not in inside:
            record[field.name] = plain(value)
            continue
        paths = inside[field.name]
        if (field.name,) in paths or not isinstance(value, dict | list):
            left_out |= {field.name} if value is not None else set()
            continue
        content = copy.deepcopy(value)
        left_out |= {".".join(p) for p in paths if _remove(content, p[1:])}
        record[field.name] = content
    return record, left_out


def _remove(value: object, path: Sequence[str]) -> bool:
    """Take a key out, in every element of arrays on the way; whether it was there."""
    if isinstance(value, list):
        removed = [_remove(v, path) for v in value]  # all of them, where any() alone would stop at the first
        return any(removed)
    if not isinstance(value, dict) or path[0] not in value:
        return False
    if len(path) == 1:
        return value.pop(path[0]) is not None
    return _remove(value[path[0]], path[1:])

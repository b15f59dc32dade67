"""SQL that treats keys inside a JSON column and leaves the rest of it as it is."""

# ruff: noqa: S608 - names and literals are quoted by `names`, values are parameters
from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_processors.dataset.model import FieldMethod
from lethe_processors.sql import names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lethe_processors.dataset.model import Field

_TREATED = frozenset({FieldMethod.NULL, FieldMethod.DELETE})


def is_treated(field: Field) -> bool:
    """Whether something at or below this key has a method that changes it."""
    return field.method in _TREATED or any(is_treated(n) for n in field.nested)


def transformed(column: str, fields: Sequence[Field]) -> str:
    """An expression of type jsonb: the value of `column` (jsonb) after every method of `fields`.

    Arrays are treated element by element. A value of another shape than described, where personal keys were
    expected inside, becomes null: what is not understood does not survive. The result is stable when applied again.
    """
    return f"CASE WHEN {column} IS NULL THEN NULL ELSE {_value(column, fields, depth=0)} END"


def _value(value: str, fields: Sequence[Field], depth: int) -> str:
    element = f"e{depth}"
    inside = _object(value, fields, depth)
    each = _object(f"{element}.v", fields, depth)
    return (
        f"CASE jsonb_typeof({value}) WHEN 'object' THEN {inside} "
        f"WHEN 'array' THEN (SELECT coalesce(jsonb_agg(CASE jsonb_typeof({element}.v) WHEN 'object' THEN {each} "
        f"ELSE 'null'::jsonb END ORDER BY {element}.n), '[]'::jsonb) "
        f"FROM jsonb_array_elements({value}) WITH ORDINALITY AS {element} (v, n)) "
        f"ELSE 'null'::jsonb END"
    )


def _object(value: str, fields: Sequence[Field], depth: int) -> str:
    expression = value
    for field in fields:
        if not is_treated(field):
            continue
        key = names.literal(field.name)
        if field.method is FieldMethod.DELETE:
            expression = f"({expression} - {key})"
        elif field.method is FieldMethod.NULL:
            expression = f"jsonb_set({expression}, ARRAY[{key}], 'null'::jsonb, FALSE)"
        else:
            # the original value is read: `expression` differs from it in other keys only
            inner = _value(f"({value} -> {key})", field.nested, depth + 1)
            expression = (
                f"CASE WHEN {value} ? {key} THEN jsonb_set({expression}, ARRAY[{key}], {inner}) ELSE {expression} END"
            )
    return expression

"""Whether a field may be corrected at all, and whether a value fits what is said of it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_processors.dataset.model import CollectionMethod

if TYPE_CHECKING:
    from lethe_processors.corrections import Place
    from lethe_processors.dataset.model import Field
    from lethe_processors.sql.catalog import Column
    from lethe_processors.sql.plan import Plan

_PYTHON: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "float": (int, float),
    "boolean": (bool,),
}
"""fideslang's data types → JSON values; others are left to the database."""


def fault_of(plan: Plan, place: Place, value: object) -> str | None:
    """A code that docs/datasets.md explains; None if the database may be asked."""
    bound = plan.bound.get(place.collection)
    field = bound.collection.field(place.field) if bound is not None else None
    if bound is None or field is None or place.collection not in plan.graph.reached:
        return "correction_unknown_field"
    column = bound.table.columns[place.field]
    if (place.collection, place.field) in plan.graph.key_fields:
        return "correction_of_key"
    if bound.shared or field.about is not None:
        return "correction_shared_row"
    if field.nested or column.generated or isinstance(value, dict | list) or bound.method is CollectionMethod.KEEP:
        return "correction_not_possible"
    return _fits(field, column, value)


def _fits(field: Field, column: Column, value: object) -> str | None:
    if value is None:
        return "correction_not_null" if column.not_null else None
    expected = _PYTHON.get(field.data_type or "")
    if expected is not None and (not isinstance(value, expected) or (isinstance(value, bool) and bool not in expected)):
        return "correction_wrong_type"
    if column.max_length is not None and len(str(value)) > column.max_length:
        return "correction_too_long"
    if isinstance(value, str) and "\x00" in value:
        return "correction_wrong_type"  # PostgreSQL has no text that holds it
    return None

"""Names and literals in generated SQL. Every name comes from a register file and is quoted here, nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lethe_processors.dataset.model import FieldPath


def ident(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string literal that is safe whatever `standard_conforming_strings` says."""
    quoted = "'" + text.replace("'", "''").replace("\\", "\\\\") + "'"
    return f"E{quoted}" if "\\" in text else quoted


def table(collection: str, schema: str | None) -> str:
    """`schema.table` where the collection names its schema itself, else in `schema`, else on the search path."""
    if "." in collection:
        return ".".join(ident(p) for p in collection.split(".", 1))
    return f"{ident(schema)}.{ident(collection)}" if schema else ident(collection)


def column(name: str, alias: str = "t") -> str:
    return f"{alias}.{ident(name)}"


def json_keys(path: FieldPath) -> str:
    """The keys below the column as a text[] literal."""
    return "ARRAY[" + ", ".join(literal(p) for p in path[1:]) + "]::text[]"


def json_path(path: FieldPath, *, each: bool = False) -> str:
    """The keys below the column as a jsonpath in lax mode, which looks into arrays by itself.

    `each`: an array at the end gives its elements (anything else gives itself).
    """
    steps = "".join('."' + p.replace("\\", "\\\\").replace('"', '\\"') + '"' for p in path[1:])
    return literal("$" + steps + ("[*]" if each else "")) + "::jsonpath"

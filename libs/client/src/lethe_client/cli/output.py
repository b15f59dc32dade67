"""What commands print: tables and lines for people, one JSON document with `--json`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text for people.")]


def group(help_: str) -> typer.Typer:
    """A group of commands."""
    return typer.Typer(help=help_, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)


def print_json(value: object) -> None:
    if isinstance(value, BaseModel):
        print(value.model_dump_json(indent=2))
    else:
        print(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))


def print_pairs(pairs: Iterable[tuple[str, object]]) -> None:
    """One `name  value` a line; what is None or empty is left out."""
    kept = [(name, str(value)) for name, value in pairs if value not in (None, "", ())]
    width = max((len(name) for name, _ in kept), default=0)
    for name, value in kept:
        print(f"{name:<{width}}  {value}")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, nothing: str) -> None:
    """On a terminal a table; in a pipe one line a row, separated by tabs, without heading."""
    if not sys.stdout.isatty():
        for row in rows:
            print("\t".join("" if cell is None else str(cell) for cell in row))
        return
    if not rows:
        print(nothing)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    Console(highlight=False, markup=False).print(table)


def note(text: str) -> None:
    """A remark that is not the answer: on stderr."""
    print(text, file=sys.stderr)


def _plain(value: object) -> object:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)

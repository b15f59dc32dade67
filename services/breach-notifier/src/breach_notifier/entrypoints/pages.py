"""What people read: a notice and a year's register as pages, the register as CSV."""

from __future__ import annotations

import csv
import io
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import Response

from lethe_law.breach.template import TEMPLATE, Value, template

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from breach_notifier.application.views import Version

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@cache
def templates() -> Environment:
    found = Environment(loader=PackageLoader("breach_notifier.entrypoints"), autoescape=True, undefined=StrictUndefined)
    found.filters["words"] = lambda text: str(text).replace("_", " ")
    return found


def pdf(content: bytes, name: str) -> Response:
    return Response(
        content, media_type="application/pdf", headers={"Content-Disposition": f'attachment; filename="{name}.pdf"'}
    )


def rows_of(version: Version) -> list[dict[str, Any]]:
    """Every field that is answered or missing (`value` None), in the order of the form."""
    content = version.content
    return [
        {
            "number": n,
            "name": template()[n].name,
            "section": template()[n].section,
            "value": words(n, content.answers[n]) if n in content.answers else None,
        }
        for n in sorted({*content.answers, *content.gaps})
    ]


def notice(case_id: UUID, version: Version) -> str:
    status = version.content.status.value
    return templates().get_template("notice.html").render(
        case_id=case_id, version=version, rows=rows_of(version), template=TEMPLATE, status=status
    )  # fmt: skip


def words(number: int, value: Value) -> str:
    """An answer as a person reads it: the options' words instead of their letters."""
    options = template()[number].options
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(f"{v[0]}: {v[1]}" if isinstance(v, tuple) else options.get(v, v) for v in value)
    return options.get(str(value), str(value)).replace("_", " ") if options else str(value)


def register(controller: str, year: int, rows: Sequence[Mapping[str, str]]) -> str:
    return templates().get_template("register.html").render(controller=controller, year=year, rows=rows)


def as_csv(rows: Sequence[Mapping[str, str]]) -> str:
    """One row per case. What a spreadsheet would take for a formula is written as text."""
    out = io.StringIO()
    writer = csv.writer(out)
    if rows:
        writer.writerow(rows[0])
    for row in rows:
        writer.writerow([f"'{v}" if v.startswith(_FORMULA) else v for v in row.values()])
    return out.getvalue()


def render(name: str, **values: Any) -> str:
    return templates().get_template(name).render(**values)

"""The tables of `docs/simulation.md`, printed from the mutants and guarantees themselves."""

from __future__ import annotations

import re

from lethe_testkit.history import Guarantee
from lethe_testkit.simulation.mutants import HARMLESS, MUTANTS


def with_tables(page: str) -> str:
    """The page with everything between its markers as the code says it today."""
    tables = {"guarantees": _guarantees(), "mutants": _mutants(), "harmless": _harmless()}
    for name, table in tables.items():
        pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
        page = re.sub(pattern, lambda found, table=table: f"{found[1]}\n{table}\n{found[2]}", page, flags=re.DOTALL)  # type: ignore[misc]
    return page


def _guarantees() -> str:
    rows = "".join(f"| `{g.name}` | {g.value} |\n" for g in Guarantee)
    return f"| name | what is judged |\n|---|---|\n{rows}"


def _mutants() -> str:
    rows = "".join(f"| {n} | `{name}` | {what} |\n" for n, (name, what) in enumerate(MUTANTS.items(), 1))
    return f"| | mutant | the mistake |\n|---|---|---|\n{rows}"


def _harmless() -> str:
    rows = "".join(f"| `{name}` | {what} | {why} |\n" for name, (what, why) in HARMLESS.items())
    return f"| mistake | what it is | what makes it harmless |\n|---|---|---|\n{rows}"

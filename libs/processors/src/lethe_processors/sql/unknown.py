"""Foreign keys that the dataset does not describe: whose rows would be blocked by them, or change by themselves."""

# ruff: noqa: S608 - names and literals are quoted by `names`, values are parameters
from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from lethe_processors.sql import names
from lethe_processors.sql.decide import Fate
from lethe_processors.sql.keys import Value, pick

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lethe_postgres import Tx
    from lethe_processors.sql.catalog import ForeignKey
    from lethe_processors.sql.decide import Decision
    from lethe_processors.sql.walk import Walked

CODE = "undescribed_reference"


async def blocked_by_unknown(tx: Tx, walked: Walked, decision: Decision) -> dict[int, str]:
    """People whose rows something undescribed refers to: deleting would fail, or silently change those rows.

    A table that may not be read and would only fail is left to fail: the batch is then told apart by person.
    """
    blocked: dict[int, str] = {}
    for key in walked.plan.unknown:
        values = _values_to_go(walked, decision, key)
        if not values:
            continue
        if key.readable:
            found = await _referring(tx, walked, decision, key, values)
        else:
            found = set() if key.blocks else set(values)
        for value in found:
            blocked |= dict.fromkeys(values.get(value, ()), CODE)
    return blocked


def _values_to_go(walked: Walked, decision: Decision, key: ForeignKey) -> Mapping[Value, set[int]]:
    bound = walked.plan.bound[key.target]
    positions = bound.positions(key.target_columns)
    values: dict[Value, set[int]] = defaultdict(set)
    for row_key in decision.keys(key.target, Fate.DELETE):
        row = walked.rows[key.target][row_key]
        value = pick(row.values, positions)
        if value is not None:
            values[value] |= row.items
    return values


async def _referring(
    tx: Tx, walked: Walked, decision: Decision, key: ForeignKey, values: Mapping[Value, set[int]]
) -> set[Value]:
    """Values to which a row refers that does not go itself."""
    target = walked.plan.bound[key.target].of(key.target_columns)
    source = walked.plan.bound.get(key.source or "")
    aliases = [f"k{i}" for i in range(len(target.columns))]
    equal = [f"{names.column(f, 's')} = r.{a}" for f, a in zip(key.source_columns, aliases, strict=True)]
    own = f", {source.key.reads('s')}" if source is not None else ""
    sql = (
        f"SELECT {', '.join(f'r.{a}' for a in aliases)}{own} FROM {key.source_table} s "
        f"JOIN unnest({target.parameters(1)}) AS r ({', '.join(aliases)}) ON {' AND '.join(equal)}"
    )
    going = set(decision.keys(source.name, Fate.DELETE)) if source is not None else set()
    found: set[Value] = set()
    for record in await tx.fetch(sql, *target.arrays(values)):
        value, row_key = tuple(record)[: len(aliases)], tuple(record)[len(aliases) :]
        if source is None or row_key not in going:
            found.add(value)
    return found

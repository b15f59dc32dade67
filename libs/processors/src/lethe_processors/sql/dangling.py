"""References without a foreign key may point to nothing: then they name nobody."""

# ruff: noqa: S608 - names and literals are quoted by `names`, values are parameters
from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lethe_postgres import Tx
    from lethe_processors.dataset import Edge
    from lethe_processors.sql.keys import Value
    from lethe_processors.sql.walk import Walked


async def find_dangling(tx: Tx, walked: Walked) -> None:
    """Fill `walked.nowhere` for what looks like a second person's row. No statement where constraints hold."""
    for edge, values in _suspects(walked).items():
        target = walked.plan.bound[edge.target]
        key = target.of(edge.target_fields)
        sql = f"SELECT {key.reads()} FROM {target.table.quoted} t WHERE {key.condition(1)}"
        there = {tuple(r) for r in await tx.fetch(sql, *key.arrays(values))}
        walked.nowhere[edge] |= values - there


def _suspects(walked: Walked) -> dict[Edge, set[Value]]:
    found: dict[Edge, set[Value]] = defaultdict(set)
    for bound in walked.plan.bound.values():
        edges = [e for s in bound.slots for e in s.edges if not walked.plan.enforced(e)]
        if not edges or not (bound.shared or bound.may_be_two_peoples):
            continue
        for row in walked.rows.get(bound.name, {}).values():
            for edge in edges:
                value = walked.held(edge, row)
                if value is not None and value not in walked.links[edge]:
                    found[edge].add(value)
    return found

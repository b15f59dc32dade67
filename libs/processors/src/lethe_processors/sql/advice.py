"""What looking into a live database shows beside the faults: rights, slow look-ups, rows that already are orphans."""

# ruff: noqa: S608 - names and literals are quoted by `names`, values are parameters
from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lethe_processors.dataset.model import CollectionMethod, Direction
from lethe_processors.sql.matching import matcher
from lethe_processors.sql.orphans import orphan_probes
from lethe_processors.sql.probes import is_inside_array
from lethe_processors.sql.stays import may_stay, untreated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from lethe_postgres import Tx
    from lethe_processors.sql.plan import Bound, Plan

_ACTIONS = {"c": "would be deleted with it", "n": "would lose their reference", "d": "would be given another one"}


class Advice(NamedTuple):
    """`blocking` where erasure, export or verification would be wrong; otherwise only slow or open to doubt."""

    where: tuple[str, ...]
    message: str
    fix: str
    blocking: bool = True


def undescribed(plan: Plan) -> Iterator[Advice]:
    """References into described tables that the dataset does not know."""
    for key in plan.unknown:
        columns = ", ".join(key.source_columns)
        effect = "would block its deletion" if key.blocks else _ACTIONS[key.on_delete]
        yield Advice(
            (key.target,),
            f"{key.source_table} ({columns}) refers to it and is not described: its rows {effect}.",
            "describe that table, or add the reference to its field.",
        )


def rights_to_erase(plan: Plan) -> Iterator[Advice]:
    for bound in plan.bound.values():
        if bound.name not in plan.graph.reached or bound.method is CollectionMethod.KEEP:
            continue
        missing = [] if bound.table.can_select else ["SELECT"]
        if bound.method is CollectionMethod.DELETE and not bound.table.can_delete:
            missing.append("DELETE")
        # row locks need it as well
        if not any(c.can_update for c in bound.table.columns.values()):
            missing.append("UPDATE")
        if missing:
            rights = ", ".join(missing)
            yield Advice(
                (bound.name,), f"the `write` role lacks {rights}.", f"GRANT {rights} ON {bound.table.quoted} to it."
            )
        yield from _hidden(bound, "write")


def rights_to_read(plan: Plan) -> Iterator[Advice]:
    for bound in plan.bound.values():
        if bound.name not in plan.graph.reached:
            continue
        if not bound.table.can_select and not all(c.can_select for c in bound.table.columns.values()):
            yield Advice(
                (bound.name,), "the `read` role may not read it.", f"GRANT SELECT ON {bound.table.quoted} to it."
            )
        if bound.table.can_delete or bound.table.can_insert:
            yield Advice(
                (bound.name,),
                "the `read` role may also change it.",
                "use a role that may only SELECT: who verifies must not be able to erase.",
                blocking=False,
            )
        yield from _hidden(bound, "read")


def _hidden(bound: Bound, role: str) -> Iterator[Advice]:
    if bound.table.rows_hidden:
        yield Advice(
            (bound.name,),
            f"row security hides rows from the `{role}` role: what it does not see it takes for absent.",
            "give the role BYPASSRLS, or a policy that shows it every row.",
        )


def slow_lookups(plan: Plan) -> Iterator[Advice]:
    """Columns that are searched for values without an index: each batch reads the whole table."""
    wanted: dict[tuple[str, ...], tuple[Bound, str]] = {}
    for carrier in plan.graph.carriers:
        bound = plan.bound.get(carrier.collection)
        made = matcher(carrier, bound.table, alias="") if bound is not None else None
        if bound is not None and made is not None and not is_inside_array(bound, carrier):
            wanted[(bound.name, *carrier.path)] = (bound, made.expression.replace('."', '"'))
    for edge in plan.graph.walked:
        bound = plan.bound.get(edge.holder)
        if bound is None or edge.direction is Direction.TO or bound.table.index_heads & set(edge.fields):
            continue  # for several fields together an index that begins with one of them serves
        wanted.setdefault((bound.name, edge.fields[0]), (bound, edge.fields[0]))
    for where, (bound, expression) in wanted.items():
        if not any(_plain(h) == _plain(expression) for h in bound.table.index_heads):
            yield Advice(
                where,
                "it is searched for values, but no index begins with it: each batch reads the whole table.",
                f"CREATE INDEX ON {bound.table.quoted} ({_indexed(expression)}).",
                blocking=False,
            )


def _plain(expression: str) -> str:
    """An index head and a generated expression in one form: without quotes, casts, spaces and outer brackets."""
    text = expression.replace("ARRAY[", "").replace("]::text[]", "").replace("::text[]", "").replace("::text", "")
    return "".join(c for c in text if c not in "\"'(){} []")


def _indexed(expression: str) -> str:
    return expression if expression.isidentifier() or expression.endswith(")") else f"({expression})"


async def trial(tx: Tx, plan: Plan, now: datetime) -> list[Advice]:
    """Have the database read every generated rule once, over no rows: a value of the wrong type shows here."""
    import asyncpg

    found = []
    for bound in plan.bound.values():
        if bound.name not in plan.graph.reached:
            continue
        sql = f"SELECT {may_stay(plan, bound)}, {untreated(bound, now)} FROM {bound.table.quoted} t WHERE FALSE"
        try:
            async with tx.transaction():
                await tx.execute(sql)
        except asyncpg.InsufficientPrivilegeError:
            continue  # told with the rights
        except asyncpg.PostgresError as error:
            code = getattr(error, "sqlstate", None) or "unknown"
            message = f"its `retain` or field methods do not fit its columns (SQLSTATE {code})."
            found.append(
                Advice((bound.name,), message, "compare the values in `when` and `until_field` with the types.")
            )
    return found


async def existing_orphans(tx: Tx, plan: Plan) -> list[Advice]:
    """Rows that would make every verification say that something is left."""
    found = []
    for probe in orphan_probes(plan)[0]:
        bound = plan.bound[probe.collection]
        rows = await tx.fetchval(f"SELECT count(*) FROM {bound.table.quoted} t WHERE {probe.condition}")
        if rows:
            found.append(
                Advice(
                    (probe.collection,),
                    f"{rows} row(s) belong to nobody ({probe.name}): every verification would find them.",
                    "delete them, add a foreign key, or say `lethe: {orphans: ignored}` on the reference.",
                )
            )
    return found

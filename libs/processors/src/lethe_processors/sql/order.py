"""In which order rows go, so that no foreign key is hurt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lethe_processors.dataset.ordering import components

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lethe_processors.dataset import Edge
    from lethe_processors.sql.catalog import ForeignKey


class _Nullable(Protocol):
    def nullable(self, columns: tuple[str, ...]) -> bool: ...


@dataclass(frozen=True, slots=True)
class Order:
    """Referring rows go before those they refer to.

    A circle is opened by nulling a reference first (`nulled`) or by checking it at the end (`deferred`, quoted
    constraint names). With an `unbreakable` one nothing can be erased.
    """

    collections: tuple[str, ...]
    nulled: tuple[Edge, ...] = ()
    deferred: tuple[str, ...] = ()
    unbreakable: tuple[ForeignKey, ...] = ()


def deletion_order(edges: Iterable[Edge], keys: Iterable[ForeignKey], tables: Mapping[str, _Nullable]) -> Order:
    """Constraints decide; a reference without one counts where it makes no circle: shared rows go last."""
    real = [k for k in keys if k.source in tables and k.target in tables and k.source != k.target]
    soft = [(e.holder, e.target) for e in edges if e.owner and e.holder in tables and e.holder != e.target]
    soft = [s for s in soft if s[1] in tables]
    for circle in _circles(tables, real, soft):
        soft = [(h, t) for h, t in soft if not (h in circle and t in circle)]
    nulled: list[Edge] = []
    deferred: list[str] = []
    by_columns = {(e.holder, frozenset(e.fields), e.target): e for e in edges}
    for key in sorted(real, key=lambda k: k.quoted_name):
        if not any(key.source in c and key.target in c for c in _circles(tables, real, soft)):
            continue  # an earlier one has already opened its circle
        edge = by_columns.get((key.source or "", frozenset(key.source_columns), key.target))
        if edge is not None and tables[edge.holder].nullable(edge.fields):
            nulled.append(edge)
        elif key.deferrable:
            deferred.append(key.quoted_name)
        else:
            continue
        real.remove(key)
    closed = _circles(tables, real, soft)
    left = tuple(k for k in real if any(k.source in c and k.target in c for c in closed))
    # `components` puts what is referred to first: deletion goes the other way round
    found = reversed(components(tables, _arrows(tables, real, soft)))
    return Order(tuple(name for part in found for name in part), tuple(nulled), tuple(deferred), left)


def _circles(
    tables: Mapping[str, object], real: Sequence[ForeignKey], soft: Sequence[tuple[str, str]]
) -> list[tuple[str, ...]]:
    return [c for c in components(tables, _arrows(tables, real, soft)) if len(c) > 1]


def _arrows(
    tables: Mapping[str, object], real: Sequence[ForeignKey], soft: Sequence[tuple[str, str]]
) -> dict[str, set[str]]:
    arrows: dict[str, set[str]] = {name: set() for name in tables}
    for key in real:
        if key.source is not None:
            arrows[key.source].add(key.target)
    for holder, target in soft:
        arrows[holder].add(target)
    return arrows

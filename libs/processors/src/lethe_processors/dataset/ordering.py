"""Order in a directed graph that may have circles."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping


def components(nodes: Iterable[str], arrows: Mapping[str, Collection[str]]) -> tuple[tuple[str, ...], ...]:
    """Strongly connected components, each after those it has arrows to; deterministic (nodes by name).

    With arrows from a row's collection to what it depends on, the dependencies come first.
    """
    order: list[tuple[str, ...]] = []
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []

    for start in sorted(nodes):
        work = [(start, iter(sorted(arrows.get(start, ()))))] if start not in index else []
        if work:
            index[start] = low[start] = len(index)
            stack.append(start)
        while work:
            node, following = work[-1]
            for other in following:
                if other not in index:
                    index[other] = low[other] = len(index)
                    stack.append(other)
                    work.append((other, iter(sorted(arrows.get(other, ())))))
                    break
                if other in stack:
                    low[node] = min(low[node], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    at = stack.index(node)
                    order.append(tuple(sorted(stack[at:])))
                    del stack[at:]
    return tuple(order)

"""Which spans of stored signals are read for new ones: disjoint, so that a burst is read once, not per signal."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from breach_notifier.domain.correlation import Rule, Signal

Group = tuple[str, str, str]
"""Controller, asset, actor: what the signals of one burst have in common."""


class Window(NamedTuple):
    """Signals called `rule` of one group, from `since` to `until`; which ends belong to it, says whoever reads."""

    controller_id: str
    asset: str
    actor: str
    rule: str
    since: datetime
    until: datetime


def moments(signals: Iterable[Signal], names: Iterable[str]) -> dict[Group, list[datetime]]:
    """Per group, when signals of these names were seen: in order, each instant once."""
    wanted = frozenset(names)
    found: dict[Group, set[datetime]] = {}
    for s in signals:
        if s.rule in wanted:
            found.setdefault((s.controller_id, s.asset, s.actor), set()).add(s.at)
    return {group: sorted(times) for group, times in found.items()}


def ahead(rule: Rule, parts: Mapping[Group, Sequence[datetime]]) -> list[Window]:
    """[since, until): where ends of bursts may stand that these parts belong to.

    The first n ends of each window are, together, at least the first n ends after each part.
    """
    windows = []
    for group, times in parts.items():
        for at, following in zip(times, [*times[1:], None], strict=True):
            end = at + rule.within
            windows.append(Window(*group, rule.then, at, end if following is None else min(end, following)))
    return windows


def behind(rule: Rule, ends: Mapping[Group, Sequence[datetime]]) -> list[Window]:
    """(since, until]: where the parts of bursts stand that these ends may close.

    The newest n parts of each window are, together, at least the newest n parts before each end.
    """
    windows = []
    for group, times in ends.items():
        for before, at in zip([None, *times[:-1]], times, strict=True):
            begin = at - rule.within
            since = begin if before is None else max(begin, before)
            windows += [Window(*group, name, since, at) for name in sorted(rule.signals)]
    return windows

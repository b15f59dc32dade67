"""What happens to each walked row. Pure: from rows and rules to fates, before anything is changed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from lethe_processors.dataset.model import CollectionMethod, Direction
from lethe_processors.sql.walk import like_edge

if TYPE_CHECKING:
    from datetime import datetime

    from lethe_processors.dataset import Edge
    from lethe_processors.dataset.model import Retain
    from lethe_processors.sql.keys import Value
    from lethe_processors.sql.plan import Bound, Slot
    from lethe_processors.sql.walk import Row, Walked


class Fate(StrEnum):
    DELETE = "delete"
    SHARED = "shared"  # deleted if, once the person's own rows are gone, nobody else refers to it
    CUT = "cut"  # somebody else's as well: only what concerns the person goes
    RETAINED = "retained"  # the law keeps it
    ANCHORED = "anchored"  # a row that stays needs it; its personal fields are treated
    FIELDS = "fields"  # stays by design; its personal fields are treated
    KEEP = "keep"  # not personal


_BY_DESIGN = frozenset({Fate.FIELDS, Fate.KEEP})
_STAYS = frozenset({Fate.RETAINED, Fate.ANCHORED}) | _BY_DESIGN


class Reason(NamedTuple):
    """The rule by which a row is kept, and its end as far as it is known."""

    retain: Retain
    until: datetime | None


@dataclass(slots=True)
class Decision:
    """`links`: rows (by key) whose reference is nulled. `slots`: shared rows in which one person's place is emptied.

    `reasons`: why anchored rows stay, where a retained row is behind it.
    """

    fates: dict[str, dict[Value, Fate]] = field(default_factory=lambda: defaultdict(dict))
    links: dict[Edge, set[Value]] = field(default_factory=lambda: defaultdict(set))
    slots: dict[tuple[str, str], set[Value]] = field(default_factory=lambda: defaultdict(set))
    reasons: dict[str, dict[Value, Reason]] = field(default_factory=lambda: defaultdict(dict))

    def keys(self, name: str, *fates: Fate) -> list[Value]:
        return [k for k, f in self.fates.get(name, {}).items() if f in fates]


def rows_of_two_people(walked: Walked) -> set[int]:
    """People with a row that by another reference belongs to somebody else, where the dataset does not expect it."""
    found: set[int] = set()
    for bound in walked.plan.bound.values():
        if bound.shared or not bound.may_be_two_peoples:
            continue
        for row in walked.rows.get(bound.name, {}).values():
            for slot in bound.slots:
                found |= {p for p in row.items if is_filled(walked, bound, slot, row)} - people_in(
                    walked, bound, slot, row
                )
    return found


def decide(walked: Walked) -> Decision:
    """Rows that refer are decided before those they refer to; repeated while a circle anchors something new."""
    anchored: dict[str, set[Value]] = defaultdict(set)
    while True:
        before = sum(len(a) for a in anchored.values())
        decision = Decision()
        for name in walked.plan.order.collections:
            bound = walked.plan.bound[name]
            if _is_plain(bound) and not anchored[name]:
                decision.fates[name] = dict.fromkeys(walked.rows.get(name, ()), Fate.DELETE)
                continue
            for row in walked.rows.get(name, {}).values():
                fate = _fate(walked, bound, row, anchored)
                decision.fates[name][row.key] = fate
                _consequences(walked, bound, row, decision, anchored)
        if sum(len(a) for a in anchored.values()) == before:
            _let_go(walked, decision)
            return decision


def _is_plain(bound: Bound) -> bool:
    """Every row goes, whatever it holds, unless one that stays refers to it. Most rows are of this kind."""
    return bound.method is CollectionMethod.DELETE and not bound.shared and bound.collection.retain is None


def _fate(walked: Walked, bound: Bound, row: Row, anchored: dict[str, set[Value]]) -> Fate:
    if bound.method is CollectionMethod.KEEP:
        return Fate.KEEP
    if row.retained:
        return Fate.RETAINED
    if bound.shared and any(_is_others(walked, bound, slot, row) for slot in bound.slots):
        return Fate.CUT
    if bound.method is CollectionMethod.FIELDS:
        return Fate.FIELDS
    if row.key in anchored[bound.name]:
        return Fate.ANCHORED
    return Fate.SHARED if bound.shared else Fate.DELETE


def _consequences(walked: Walked, bound: Bound, row: Row, decision: Decision, anchored: dict[str, set[Value]]) -> None:
    fate = decision.fates[bound.name][row.key]
    if fate is Fate.CUT:
        for slot in bound.slots:
            if people_in(walked, bound, slot, row) & row.items:
                decision.slots[bound.name, slot.name].add(row.key)
    if fate in _STAYS:
        for edge in walked.plan.held_by[bound.name]:
            _hold_on(walked, edge, row, decision, anchored)


def _hold_on(walked: Walked, edge: Edge, row: Row, decision: Decision, anchored: dict[str, set[Value]]) -> None:
    """A row that stays keeps what it refers to, unless the reference can be nulled."""
    bound = walked.plan.bound[edge.holder]
    targets = walked.referred(edge, row)
    if targets and _may_be_cut(bound, edge, decision.fates[bound.name][row.key]):
        if edge.direction is Direction.TO:
            decision.links[edge].add(row.key)
        return
    reason = _reason(walked, bound, row, decision)
    for target in targets:
        anchored[edge.target].add(target.key)
        if reason is not None:
            decision.reasons[edge.target].setdefault(target.key, reason)


def _may_be_cut(bound: Bound, edge: Edge, fate: Fate) -> bool:
    if fate is Fate.RETAINED or not bound.nullable(edge.fields):
        return False
    return fate in _BY_DESIGN or edge.direction is Direction.TO


def _let_go(walked: Walked, decision: Decision) -> None:
    """Rows that stay by design let go of the person's own rows, even of those that stay for the law's sake."""
    for edge in walked.plan.graph.walked:
        holder = walked.plan.bound.get(edge.holder)
        if edge.direction is Direction.TO or holder is None or holder.method is CollectionMethod.DELETE:
            continue
        for row in walked.rows.get(edge.holder, {}).values():
            if decision.fates[edge.holder][row.key] not in _BY_DESIGN:
                continue
            fates = decision.fates.get(edge.target, {})
            if any(fates.get(t.key) not in _BY_DESIGN for t in walked.referred(edge, row)):
                decision.links[edge].add(row.key)


def _reason(walked: Walked, bound: Bound, row: Row, decision: Decision) -> Reason | None:
    retain = rule(walked, bound)
    if retain is not None and row.retained:
        return Reason(retain, row.until)
    return decision.reasons.get(bound.name, {}).get(row.key)


def rule(walked: Walked, bound: Bound) -> Retain | None:
    """The retention rule of a collection, or of the one whose rows it follows."""
    seen: set[str] = set()
    while bound.collection.retain is not None and bound.collection.retain.like is not None:
        edge = like_edge(walked.plan, bound)
        if edge is None or edge.target in seen or edge.target not in walked.plan.bound:
            return None
        seen.add(edge.target)
        bound = walked.plan.bound[edge.target]
    return bound.collection.retain


def people_in(walked: Walked, bound: Bound, slot: Slot, row: Row) -> set[int]:
    """Whose the slot is, among the people of the batch."""
    found: set[int] = set()
    for edge in slot.edges:
        value = walked.held(edge, row)
        if value is not None:
            found |= walked.links[edge].get(value, set())
    for i in slot.seeds:
        value_ = row.values[len(bound.selected) + i]
        seed = bound.seeds[i]
        found |= {p for p in row.items if value_ in seed.convert(walked.people[p].get(seed.carrier.kind, ()))}
    return found


def is_filled(walked: Walked, bound: Bound, slot: Slot, row: Row) -> bool:
    """Whether somebody is named there, be it one of the batch or not."""
    for edge in slot.edges:
        value = walked.held(edge, row)
        if value is not None and value not in walked.nowhere[edge]:
            return True
    return any(row.values[len(bound.selected) + i] is not None for i in slot.seeds)


def _is_others(walked: Walked, bound: Bound, slot: Slot, row: Row) -> bool:
    return is_filled(walked, bound, slot, row) and not people_in(walked, bound, slot, row)

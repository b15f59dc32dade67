"""Who should own which slots: a pure decision from what the lease table says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class Lease:
    """One row of the lease table; `running` by the clock of the database."""

    slot: int
    owner: UUID | None
    epoch: int
    running: bool


@dataclass(frozen=True, slots=True)
class Member:
    """Another instance: `alive` while its session holds its lock, `sharing` while it also wants slots and is seen."""

    instance_id: UUID
    alive: bool
    sharing: bool


@dataclass(frozen=True, slots=True)
class Plan:
    claim: tuple[int, ...]
    release: tuple[int, ...]


def plan(me: UUID, held: Collection[int], leases: Iterable[Lease], members: Iterable[Member]) -> Plan:
    """What this instance claims and releases to come to its fair share, ceil(slots / sharing instances).

    A slot is free if nobody owns it, its lease ran out, its owner is not alive, or the row names us although we do
    not hold it. Claims of different instances start at different slots, so that they rarely meet.
    """
    rows = sorted(leases, key=lambda lease: lease.slot)
    others = list(members)
    alive = {member.instance_id for member in others if member.alive}
    sharing = 1 + sum(member.alive and member.sharing for member in others)
    share = -(-len(rows) // sharing)
    surplus = len(held) - share
    if surplus >= 0:
        return Plan((), tuple(sorted(held, reverse=True)[:surplus]))
    free = [
        lease.slot
        for lease in rows
        if lease.slot not in held and (lease.owner is None or not lease.running or lease.owner not in alive)
    ]
    turn = me.int % len(free) if free else 0
    return Plan(tuple((free[turn:] + free[:turn])[:-surplus]), ())

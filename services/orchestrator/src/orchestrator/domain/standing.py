"""Holds of a whole controller, across its requests: whom they cover, and the four eyes. GDPR Art. 17(3).

A person is named by subject tokens under a key of this purpose alone, never by personal data: see the decision record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from orchestrator.domain.beside import Hold  # noqa: TC001 - msgspec reads the annotations
from orchestrator.domain.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from orchestrator.domain.saga import Saga

PURPOSE = "lethe-holds"
"""Names the key of the tokens, with the controller; no processor of a register is called so."""


class StandingHold(Struct, frozen=True):
    """`people`: tokens of the one person that it is about; None: everybody's requests."""

    controller_id: str
    hold: Hold
    people: frozenset[str] | None = None

    def names(self, tokens: Collection[str]) -> bool:
        """Whether it is about the person with these tokens. One identifier in common is enough."""
        return self.people is None or not self.people.isdisjoint(tokens)


class Standing(Struct, frozen=True):
    """Every hold in force. `version` grows with every change of what is in force."""

    version: int
    holds: Mapping[str, tuple[StandingHold, ...]]
    """By controller."""

    def of(self, controller_id: str) -> tuple[StandingHold, ...]:
        return self.holds.get(controller_id, ())

    def about_people(self, controller_id: str) -> bool:
        return any(h.people is not None for h in self.of(controller_id))


NOTHING_HELD = Standing(0, {})


def key_name(controller_id: str) -> str:
    return f"{PURPOSE}.{controller_id}"


def missing(standing: Standing, saga: Saga, tokens: Collection[str] | None) -> list[Hold]:
    """Holds in force that cover this saga and are not on it. `tokens` None: who it is about is not looked at."""
    on_it = set() if saga.beside is None else {h.id for h in saga.beside.holds}
    return [
        h.hold
        for h in standing.of(saga.controller_id)
        if h.hold.id not in on_it and (h.people is None or (tokens is not None and h.names(tokens)))
    ]


def propose_lift(hold: Hold, by: str) -> Hold:
    """Raises Refused unless it is in force."""
    if not hold.in_force:
        raise Refused("not_in_force", "this hold is not in force: there is nothing to lift")
    return replace(hold, lifting_by=by)


def approve(hold: Hold, by: str, at: datetime) -> Hold:
    """The second person's word, to place it or to lift it. Raises Refused for the person who proposed it."""
    proposed_by = hold.placed_by if hold.since is None else hold.lifting_by
    if hold.until is not None or proposed_by is None:
        raise Refused("nothing_proposed", "nothing waits for a second person: propose to lift it first")
    if proposed_by == by:
        raise Refused("same_person", "the person who proposed it cannot approve it: ask another one")
    if hold.since is None:
        return replace(hold, approved_by=by, since=at)
    return replace(hold, lifted_by=by, until=at)


def standing_of(version: int, holds: Iterable[StandingHold]) -> Standing:
    found: dict[str, tuple[StandingHold, ...]] = {}
    for hold in holds:
        found[hold.controller_id] = (*found.get(hold.controller_id, ()), hold)
    return Standing(version, found)

"""From what product services told of a person to the times at which they held data. Pure.

The index is a set of distinct facts; what follows from it does not depend on the order in which they arrived, nor on
how often. Of updates only the first and the last are kept.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - fields of a named tuple
from typing import TYPE_CHECKING, NamedTuple

from breach_notifier.domain.affected import Held

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

CREATED, UPDATED, ERASED, RESTORED = "created", "updated", "erased", "restored"


class Fact(NamedTuple):
    """`category` empty: not told; for an erasure: all of them. `first_at`, `last_at`: equal but for updates."""

    subject: str
    category: str
    kind: str
    first_at: datetime
    last_at: datetime


class _Point(NamedTuple):
    at: datetime
    held: bool
    """Data was there from then on; otherwise it was gone from then on."""
    kind: str


def held_of(processor_id: str, facts: Sequence[Fact]) -> Iterator[Held]:
    """Rows of one person, from all facts of that person at that processor."""
    gone = [(f.category, _Point(f.first_at, held=False, kind=ERASED)) for f in facts if f.kind == ERASED]
    found: dict[str, list[_Point]] = {}
    for fact in facts:
        if fact.kind != ERASED:
            points = found.setdefault(fact.category, [])
            points += [_Point(at, held=True, kind=fact.kind) for at in {fact.first_at, fact.last_at}]
    if not found:
        found = {category: [] for category, _ in gone}
    for category, points in found.items():
        ended = [point for of, point in gone if of in {"", category} or not category]
        # at one instant what came counts after what went: an erasure ends what was there before it
        yield from _spans(processor_id, facts[0].subject, category, sorted([*points, *ended]))


def _spans(processor_id: str, subject: str, category: str, points: Iterable[_Point]) -> Iterator[Held]:
    since: datetime | None = None
    known = False
    for point in points:
        if point.held:
            if since is not None:
                # a span of its own: it is there again after a look that found nothing in between
                yield Held(subject, processor_id, category, since, point.at)
            elif point.kind != CREATED:
                # it had been there before, nobody knows since when
                yield Held(subject, processor_id, category, None, point.at)
            since = point.at
        elif since is not None:
            yield Held(subject, processor_id, category, since, point.at)
            since = None
        elif not known:
            yield Held(subject, processor_id, category, point.at, point.at)
            yield Held(subject, processor_id, category, None, point.at)
        known = True
    if since is not None:
        yield Held(subject, processor_id, category, since)

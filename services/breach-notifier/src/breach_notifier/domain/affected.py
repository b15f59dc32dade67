"""Who is concerned by an incident: pure set algebra over the subject index.

A person is concerned if a processor in scope held data of a category in scope at some time within [start, end], unless
the erasure at that processor was *verified* before `start` and nothing came back since. Where the index does not know
when data came or whether a processor was indexed at all, the people are possible, not certain: the bounds say so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from breach_notifier.domain.errors import ImpossibleScope

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

Key = str
"""An opaque reference of one person in the index: a token, never an identifier."""


class Held(NamedTuple):
    """A row of the subject index. `since` None: not known. `until` None: held to this day.

    `category` empty: not told which. `sure` False: only possible, whatever the times say.
    """

    subject: Key
    processor_id: str
    category: str
    since: datetime | None
    until: datetime | None = None
    sure: bool = True


class Erased(NamedTuple):
    """An erasure that was verified: looked again, and found absent."""

    subject: Key
    processor_id: str
    verified_at: datetime


@dataclass(frozen=True, slots=True)
class Scope:
    """`processors`: processor → categories concerned; an empty set means all of its categories.

    `indexed_since`: processor → from when its index is complete; a processor that is missing was never indexed.
    `population`: processor → how many people it held at most, where that is known otherwise.
    Raises ImpossibleScope for a window that ends before it starts or has no zone.
    """

    start: datetime
    end: datetime
    processors: Mapping[str, frozenset[str]]
    indexed_since: Mapping[str, datetime] = field(default_factory=dict)
    population: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ImpossibleScope("both ends of the window need an offset from UTC")
        if self.end < self.start:
            raise ImpossibleScope("the window ends before it starts")

    @property
    def incomplete(self) -> tuple[str, ...]:
        """Processors in scope whose index does not cover the whole window, in order."""
        return tuple(
            sorted(p for p in self.processors if p not in self.indexed_since or self.indexed_since[p] > self.start)
        )


@dataclass(frozen=True, slots=True)
class Affected:
    """`certain` and `possible` share nobody. `unindexed`: how many more at most; None: nobody can tell."""

    certain: frozenset[Key]
    possible: frozenset[Key]
    unindexed: int | None

    @property
    def lower(self) -> int:
        return len(self.certain)

    @property
    def upper(self) -> int | None:
        return None if self.unindexed is None else len(self.certain) + len(self.possible) + self.unindexed

    def digest(self) -> str:
        """SHA-256 over the sorted references: tells whether two sets are the same without telling whose."""
        hashed = sha256()
        for mark, keys in ((b"+", self.certain), (b"?", self.possible)):
            for key in sorted(keys):
                hashed.update(mark + key.encode() + b"\n")
        return hashed.hexdigest()


@dataclass(frozen=True, slots=True)
class Delta:
    """What a new scope changes: who has to be told in addition, and who came out."""

    added: frozenset[Key]
    removed: frozenset[Key]


def affected(rows: Iterable[Held], erasures: Iterable[Erased], scope: Scope) -> Affected:
    """One pass over the rows; memory is that of the result and of the erasures."""
    counting = Counting(erasures, scope)
    counting.add(rows)
    return counting.result()


class Counting:
    """The same a group of rows at a time, for an index that is not to be in memory as a whole."""

    def __init__(self, erasures: Iterable[Erased], scope: Scope) -> None:
        self._scope = scope
        self._erased = _erased_before(erasures, scope.start)
        self._certain: set[Key] = set()
        self._possible: set[Key] = set()
        self._seen: dict[str, set[Key]] = {processor: set() for processor in scope.incomplete}
        self._meant: dict[tuple[str, str], bool | None] = {}

    def add(self, rows: Iterable[Held]) -> None:
        start, end = self._scope.start, self._scope.end
        certain, possible, seen, erased, meant = self._certain, self._possible, self._seen, self._erased, self._meant
        for subject, processor, category, since, until, sure in rows:
            pair = (processor, category)
            fits = meant[pair] if pair in meant else meant.setdefault(pair, self._fits(processor, category))
            if fits is False or (since is not None and since > end) or (until is not None and until < start):
                continue
            if erased:
                gone = erased.get((subject, processor))
                # what came after the look that found nothing is there again
                if gone is not None and (since is None or since <= gone):
                    continue
            (certain if since is not None and sure and fits else possible).add(subject)
            if processor in seen:
                seen[processor].add(subject)

    def _fits(self, processor: str, category: str) -> bool | None:
        """Whether data of this category is in scope; None: nobody told which it was."""
        wanted = self._scope.processors.get(processor)
        if wanted is None:
            return False
        if not wanted or any(category == w or category.startswith(w + ".") for w in wanted):
            return True
        return None if not category else False

    def result(self) -> Affected:
        more = _unindexed(self._scope, self._seen)
        return Affected(frozenset(self._certain), frozenset(self._possible - self._certain), more)


@dataclass(frozen=True, slots=True)
class Bounds:
    lower: int
    upper: int | None


def bounds(parts: Sequence[Affected]) -> Bounds:
    """How many people, from parts that share no references: the same person may be in each of them."""
    uppers = [part.upper for part in parts]
    upper = None if None in uppers else sum(u for u in uppers if u is not None)
    return Bounds(max((part.lower for part in parts), default=0), upper)


def _erased_before(erasures: Iterable[Erased], start: datetime) -> dict[tuple[Key, str], datetime]:
    found: dict[tuple[Key, str], datetime] = {}
    for subject, processor, verified_at in erasures:
        if verified_at >= start:
            continue
        pair = (subject, processor)
        if pair not in found or found[pair] < verified_at:
            found[pair] = verified_at
    return found


def _unindexed(scope: Scope, seen: Mapping[str, set[Key]]) -> int | None:
    """People that processors hold beside those in the index; an upper bound, the same person may count twice."""
    more = 0
    for processor in scope.incomplete:
        if processor not in scope.population:
            return None
        more += max(0, scope.population[processor] - len(seen[processor]))
    return more


def delta(before: Affected, after: Affected) -> Delta:
    """Exact on the people that the index names, certain or possible."""
    old, new = before.certain | before.possible, after.certain | after.possible
    return Delta(new - old, old - new)

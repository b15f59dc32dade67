"""What a person says an incident reaches: a window of time, and which data of which processors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from breach_notifier.domain.affected import Affected, Counting, Held, Scope
from breach_notifier.domain.errors import ImpossibleScope

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Reached:
    """`categories`: none means all. `complete_since`: from when on the processor's subject events name everybody.

    `population`: how many people it held at most, where somebody knows.
    """

    categories: tuple[str, ...] = ()
    complete_since: datetime | None = None
    population: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """Raises ImpossibleScope for a window that makes none, lies in the future, or reaches no processor."""

    start: datetime
    end: datetime
    processors: Mapping[str, Reached]

    def check(self, now: datetime) -> None:
        if not self.processors:
            raise ImpossibleScope("name at least one processor: from the register, what the incident reached")
        if self.start > now:
            raise ImpossibleScope("the window begins in the future")
        Scope(self.start, self.end, {})


def to_json(asked: Asked) -> dict[str, Any]:
    return {
        "start": asked.start.isoformat(),
        "end": asked.end.isoformat(),
        "processors": {
            p: {
                "categories": list(r.categories),
                "complete_since": None if r.complete_since is None else r.complete_since.isoformat(),
                "population": r.population,
            }
            for p, r in sorted(asked.processors.items())
        },
    }


def from_json(found: Mapping[str, Any]) -> Asked:
    processors = {
        p: Reached(tuple(r["categories"]), _at(r["complete_since"]), r["population"])
        for p, r in found["processors"].items()
    }
    return Asked(datetime.fromisoformat(found["start"]), datetime.fromisoformat(found["end"]), processors)


def _at(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def indexed(asked: Asked, processor: str) -> Scope:
    """For a processor whose subject events are the index: complete from when somebody says so."""
    reached = asked.processors[processor]
    since = {} if reached.complete_since is None else {processor: reached.complete_since}
    known = {} if reached.population is None else {processor: reached.population}
    return Scope(asked.start, asked.end, {processor: frozenset(reached.categories)}, since, known)


@dataclass(frozen=True, slots=True)
class Looked:
    """A processor that was searched: sealed lines of what it holds now. `failed`: it could not be asked."""

    processor_id: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class GoneSince:
    """An erasure that was verified, by every reference of the person. `erased`: rows had been there."""

    processor_id: str
    refs: tuple[str, ...]
    at: datetime
    erased: bool


class Linked:
    """People of searched processors, under references that are the same in all of them.

    What is there now was held in the window if it was recorded by its end; if nobody knows when it came, it may have.
    Who was erased since is not there any more, and was.
    """

    def __init__(self, asked: Asked, looked: Iterable[Looked], erasures: Sequence[GoneSince]) -> None:
        looked = list(looked)
        processors = {one.processor_id: frozenset[str]() for one in looked}
        known = {p: n for p in processors if (n := asked.processors[p].population) is not None}
        complete = {one.processor_id: asked.start for one in looked if not one.failed}
        self._asked = asked
        self._counting = Counting((), Scope(asked.start, asked.end, processors, complete, known))
        self._before = {
            (e.processor_id, ref): e.at for e in erasures if e.at < asked.start for ref in e.refs
        }  # fmt: skip
        self._since = [e for e in erasures if e.at >= asked.start and e.erased and e.processor_id in processors]
        self._alias: dict[str, str] = {}

    def lines(self, processor: str, lines: Iterable[bytes]) -> None:
        """Each line: a sign for what is known, then the references of one row, the best one first."""
        self._counting.add(self._rows(processor, lines))

    def _rows(self, processor: str, lines: Iterable[bytes]) -> Iterable[Held]:
        start, before = self._asked.start, self._before
        for line in lines:
            text = line.decode()
            best, *others = text[1:].split()
            for other in others:
                self._alias.setdefault(other, best)
            # it came back after somebody saw that it was gone, and nobody knows when
            again = bool(before) and any((processor, ref) in before for ref in (best, *others))
            yield Held(best, processor, "", start if text[0] == "+" else None, None, not again)

    def result(self) -> Affected:
        found = self._counting.result()
        known = found.certain | found.possible
        self._counting.add(self._gone(known))
        found = self._counting.result()
        alias = self._alias
        certain = frozenset(alias.get(key, key) for key in found.certain)
        possible = frozenset(alias.get(key, key) for key in found.possible)
        return Affected(certain, possible - certain, found.unindexed)

    def _gone(self, known: Collection[str]) -> Iterable[Held]:
        for one in self._since:
            best = next((r for r in one.refs if r in known or r in self._alias), one.refs[0] if one.refs else None)
            if best is not None:
                sure = not self._asked.processors[one.processor_id].categories
                yield Held(best, one.processor_id, "", one.at, one.at, sure)
                yield Held(best, one.processor_id, "", None, one.at)

"""What the page for people says: what was found where, and what Art. 15(1) promises to be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from export_worker.domain.facts import Decision, ProcessorFacts
    from export_worker.domain.package import Section


@dataclass(frozen=True, slots=True)
class Table:
    """One collection: its file, how many records, and the fields left out for the sake of other people.

    `path` is empty if there are no records: all of them were left out.
    """

    name: str
    path: str
    records: int
    masked_fields: tuple[str, ...]
    masked_rows: int


@dataclass(frozen=True, slots=True)
class Place:
    """One processor. No tables: nothing of the person was found there."""

    facts: ProcessorFacts
    json_path: str
    tables: tuple[Table, ...]

    @property
    def records(self) -> int:
        return sum(table.records for table in self.tables)

    @property
    def masked_rows(self) -> int:
        return sum(table.masked_rows for table in self.tables)


@dataclass(frozen=True, slots=True)
class Page:
    """`found`: places with records, most first. `empty`: places that were searched and hold nothing."""

    dsr_id: str
    controller_id: str
    made_at: datetime
    found: tuple[Place, ...]
    empty: tuple[Place, ...]

    @property
    def records(self) -> int:
        return sum(place.records for place in self.found)

    @property
    def masked_rows(self) -> int:
        return sum(place.masked_rows for place in self.found)

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """Decisions by automated means alone that rest on data found here, each once (Art. 15(1)(h))."""
        return tuple(dict.fromkeys(d for place in self.found for d in place.facts.decisions))

    @property
    def recipients(self) -> tuple[ProcessorFacts, ...]:
        """Those outside the controller who hold or get the data (Art. 4(9), 15(1)(c))."""
        return tuple(p.facts for p in (*self.found, *self.empty) if p.facts.external)


def lay_out(
    dsr_id: str,
    controller_id: str,
    made_at: datetime,
    sections: Sequence[Section],
    facts: Mapping[str, ProcessorFacts],
) -> Page:
    """Order what was found for reading. `facts` has every processor of `sections`."""
    places = [_place(section, facts[section.processor_id]) for section in sections]
    found = sorted((p for p in places if p.tables), key=lambda p: (-p.records, p.facts.name))
    empty = sorted((p for p in places if not p.tables), key=lambda p: p.facts.name)
    return Page(dsr_id, controller_id, made_at, tuple(found), tuple(empty))


def _place(section: Section, facts: ProcessorFacts) -> Place:
    tables = tuple(
        Table(
            name,
            section.csv_path(name) if summary.records else "",
            summary.records,
            tuple(summary.masked_fields),
            summary.masked_rows,
        )
        for name, summary in section.summary.collections.items()
    )
    return Place(facts, section.json_path, tables)

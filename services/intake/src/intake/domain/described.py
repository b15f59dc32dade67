"""What the register says about a controller's data, as far as a request can be checked by it. Pure data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Described:
    """Of one controller.

    `fields`: `collection.field` and `processor:collection.field` → fideslang's data types of all that are called so.
    `by_category`: data category → places that hold such data of one person alone. `processors`: id → whether its data
    are described field by field. `held`: a name as in `fields` → the categories it holds. `purposes`, `categories`: all
    that the register names.
    """

    fields: Mapping[str, frozenset[str | None]] = field(default_factory=dict)
    by_category: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    processors: Mapping[str, bool] = field(default_factory=dict)
    held: Mapping[str, frozenset[str]] = field(default_factory=dict)
    purposes: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()

    def holds(self, category: str) -> bool:
        """Whether the register names it, something in it, or something that it is in. Whole segments count."""
        return any(
            known == category or known.startswith(f"{category}.") or category.startswith(f"{known}.")
            for known in self.categories
        )

    def held_by(self, places: Iterable[str]) -> frozenset[str]:
        """Every category that these places hold; empty if one of them holds none that is known."""
        found = [self.held.get(place, frozenset()) for place in places]
        return frozenset().union(*found) if found and all(found) else frozenset()

"""What the register says of a processor that a data subject has to be told (GDPR Art. 15(1), (2))."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Purpose:
    """Why data is used, in words, and by which lawful basis of Art. 6(1)."""

    use: str
    lawful_basis: str


@dataclass(frozen=True, slots=True)
class Retention:
    """How long a category is kept, in the words of the register."""

    category: str
    until: str


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision by automated means alone: what it weighs, and what it leads to (Art. 15(1)(h))."""

    name: str
    logic: str
    consequences: str


@dataclass(frozen=True, slots=True)
class ProcessorFacts:
    """All texts are from the register.

    `external`: not the controller itself. `transfer`: third country and safeguard; empty if there is none.
    """

    processor_id: str
    name: str
    external: bool = False
    role: str = ""
    contact: str = ""
    purposes: tuple[Purpose, ...] = ()
    categories: tuple[str, ...] = ()
    retention: tuple[Retention, ...] = ()
    transfer: str = ""
    sources: tuple[str, ...] = ()
    """Where data comes from that was not collected from the person (Art. 15(1)(g))."""
    decisions: tuple[Decision, ...] = ()

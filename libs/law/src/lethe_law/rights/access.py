"""What Art. 15(1)(a) to (h) and 15(2) ask to be told, filled from entries of the register."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lethe_law.rights.letters import When

if TYPE_CHECKING:
    from collections.abc import Iterable

RIGHTS = ("GDPR Art. 16", "GDPR Art. 17", "GDPR Art. 18", "GDPR Art. 21")
"""Art. 15(1)(e)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One processing as the register knows it. `period`: a period or the criteria that determine it.

    `source`: None where all of it comes from the person. `safeguard`: the mechanism of a transfer to `third_country`.
    """

    purpose: str
    basis: str
    categories: tuple[str, ...]
    recipient: str
    period: str
    source: str | None = None
    third_country: str | None = None
    safeguard: str | None = None
    automated_logic: str | None = None
    automated_consequences: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """Contents by point, each value once, in the order of the register. `gaps`: points that it leaves open."""

    purposes: tuple[str, ...]  # (a)
    categories: tuple[str, ...]  # (b)
    recipients: tuple[str, ...]  # (c): named, not only their categories (CJEU C-154/21)
    periods: tuple[str, ...]  # (d)
    rights: tuple[str, ...]  # (e)
    authority: str  # (f)
    sources: tuple[str, ...]  # (g)
    automated: tuple[tuple[str, str], ...]  # (h): logic and consequences
    safeguards: tuple[tuple[str, str], ...]  # 15(2): country and mechanism
    gaps: tuple[str, ...]

    @property
    def holds(self) -> frozenset[When]:
        """The conditions of a letter's parts that apply."""
        found = {When.NOT_FROM_SUBJECT: self.sources, When.AUTOMATED: self.automated}
        found[When.THIRD_COUNTRY] = tuple(self.safeguards)
        return frozenset(when for when, values in found.items() if values)


def told(entries: Iterable[Entry], authority: str) -> Told:
    """The contents of an access answer beside the copy. Nothing is made up: what the register lacks is a gap."""
    listed = tuple(entries)
    return Told(
        purposes=_once(e.purpose for e in listed),
        categories=_once(c for e in listed for c in e.categories),
        recipients=_once(e.recipient for e in listed),
        periods=_once(e.period for e in listed),
        rights=RIGHTS,
        authority=authority,
        sources=_once(e.source or "" for e in listed),
        automated=tuple(
            dict.fromkeys((e.automated_logic, e.automated_consequences or "") for e in listed if e.automated_logic)
        ),
        safeguards=tuple(
            dict.fromkeys((e.third_country, e.safeguard) for e in listed if e.third_country and e.safeguard)
        ),
        gaps=tuple(_gaps(listed, authority)),
    )


def _once(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value.strip()))


def _gaps(listed: tuple[Entry, ...], authority: str) -> Iterable[str]:
    if not authority.strip():
        yield "15(1)(f): no authority"
    for entry in listed:
        missing = (
            ("15(1)(a): no purpose", not entry.purpose.strip()),
            ("15(1)(b): no categories", not entry.categories),
            ("15(1)(c): no recipient", not entry.recipient.strip()),
            ("15(1)(d): no period", not entry.period.strip()),
            ("15(1)(h): no consequences", bool(entry.automated_logic) and not entry.automated_consequences),
            ("15(2): no safeguard", bool(entry.third_country) and not entry.safeguard),
        )
        yield from (f"{what} ({entry.recipient or 'unnamed'})" for what, lacks in missing if lacks)

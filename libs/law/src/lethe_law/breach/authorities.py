"""The supervisory authorities of the 30 EEA states, the United Kingdom and Switzerland, and which of them to tell."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from lethe_law.breach.errors import ImpossibleFacts
from lethe_law.places import EEA

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

SOURCE = "names: EDPB breach notification template v1.0, field 118, and the authorities' own sites; sites not fetched"
AS_OF = date(2026, 11, 23)


class Door(StrEnum):
    """How an authority takes notifications, to be looked up on its site before filing."""

    FORM = "form"
    PORTAL = "portal"  # an account or an electronic identity is needed beforehand
    SITE = "site"  # its site says how


@dataclass(frozen=True, slots=True)
class Authority:
    """`code`: the country, or country and region where a country has several authorities (`DE-BE`)."""

    code: str
    country: str
    name: str
    site: str
    channel: Door
    regime: str
    source: str = SOURCE
    as_of: date = AS_OF


@cache
def authorities() -> Mapping[str, Authority]:
    """All by code. A deployer puts right what has changed by `{**authorities(), code: …}`."""
    text = (files(__package__) / "data" / "authorities.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return {r["code"]: Authority(**(r | {"channel": Door(r["channel"])})) for r in rows}  # type: ignore[arg-type]


class Role(StrEnum):
    LEAD = "lead"  # Art. 56(1): the one address of a cross-border controller
    COMPETENT = "competent"  # Art. 55: of the establishment
    CONCERNED = "concerned"  # where people live, and no one-stop shop


@dataclass(frozen=True, slots=True)
class Told:
    """One notification that is owed, and why."""

    authority: Authority
    role: Role
    article: str
    why: str


@dataclass(frozen=True, slots=True)
class Presence:
    """Where a controller is and where the affected people live.

    `main`: code of the authority at its main or single establishment in the EEA (`FR`, `DE-BE`), None without one.
    `establishments`: countries. `subjects_in`: countries of affected people; empty means not known yet.
    `representative`: country of a representative (Art. 27), if any. `cross_border`: Art. 4(23).
    """

    main: str | None
    establishments: Collection[str] = ()
    subjects_in: Collection[str] = ()
    representative: str | None = None
    cross_border: bool = False


def authorities_to_tell(presence: Presence, known: Mapping[str, Authority] | None = None) -> tuple[Told, ...]:
    """Every authority that a notifiable breach goes to, in order of code.

    A representative opens no one-stop shop (EDPB Guidelines 9/2022 §73): a controller without establishment in the EEA
    notifies the authority of every state where affected people live. The United Kingdom and Switzerland are told
    beside, under their own laws. Raises ImpossibleFacts when nobody can be named.
    """
    registry = authorities() if known is None else known
    told = [*_in_the_eea(presence, registry), *_beside(presence, registry)]
    if not told:
        raise ImpossibleFacts("subjects_in: without an establishment in the EEA, name the countries of the people")
    return tuple(sorted(told, key=lambda t: t.authority.code))


def _in_the_eea(presence: Presence, registry: Mapping[str, Authority]) -> list[Told]:
    if presence.main is not None and presence.main not in {"GB", "CH"}:
        authority = _of(presence.main, registry)
        if authority.country not in EEA:
            raise ImpossibleFacts("main: the authority of an establishment in the EEA, or none")
        if presence.cross_border:
            return [Told(authority, Role.LEAD, "GDPR Art. 56(1)", "main establishment; the processing is cross-border")]
        return [Told(authority, Role.COMPETENT, "GDPR Art. 55(1)", "the controller is established there")]
    why = "affected people live there and the controller has no establishment in the EEA"
    if presence.representative is not None:
        why += "; its representative is no one-stop shop"
    return [
        Told(_of(country, registry), Role.CONCERNED, "GDPR Art. 3(2), 33(1), 55(1)", why)
        for country in sorted(set(presence.subjects_in) & set(EEA))
    ]


def _beside(presence: Presence, registry: Mapping[str, Authority]) -> list[Told]:
    found = []
    for country, article in (("GB", "UK GDPR Art. 33(1)"), ("CH", "FADP Art. 24(1)")):
        here = {c.split("-")[0] for c in (*presence.establishments, presence.main or "")}
        if country in here or country in {c.split("-")[0] for c in presence.subjects_in}:
            role = Role.COMPETENT if country in here else Role.CONCERNED
            found.append(Told(_of(country, registry), role, article, "its own law, beside the GDPR"))
    return found


def _of(code: str, registry: Mapping[str, Authority]) -> Authority:
    if code not in registry:
        raise ImpossibleFacts(f"no authority is known for {code!r}; there are: {', '.join(sorted(registry))}")
    return registry[code]

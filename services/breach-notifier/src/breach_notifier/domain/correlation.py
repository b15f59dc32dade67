"""From security signals to suspicions: which sets of distinct signals are a hit, and which incident a hit belongs to.

A hit is a function of the set of signals alone: neither their order nor how often one is delivered matters. So it can
be found again from the topic at any time.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID, uuid5

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

LATEST_EVIDENCE: Final = 64
"""Signals named as evidence of one hit; the others are counted."""
QUIET: Final = timedelta(hours=24)
"""Hits of one rule on one asset within this time of the first one are one incident."""
FLOOD: Final = "flood"
"""The rule of the one incident that takes in what exceeds the number of incidents a controller gets in an hour."""
ALL_ASSETS: Final = "many"
AHEAD: Final = timedelta(minutes=5)
"""How far a clock of a source may be ahead."""
_NAMESPACE = UUID("6f1c6f0e-8f0b-5b53-9a51-1e7e00000b01")


class Signal(NamedTuple):
    """`actor`: an opaque token, empty if unknown."""

    id: UUID
    controller_id: str
    asset: str
    actor: str
    rule: str
    at: datetime
    severity: int = 0
    records: int | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """A hit is one of `signals` (empty: any) that is grave enough, unless `then` is given.

    With `then`: a signal of that name which at least `at_least` of `signals` by the same actor on the same asset
    precede within `within`.
    """

    name: str
    signals: frozenset[str]
    least_severity: int = 0
    then: str = ""
    at_least: int = 1
    within: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        if not self.then and self.at_least != 1:
            raise ValueError(f"the rule {self.name} counts signals: name the one that has to follow them")


RULES: tuple[Rule, ...] = (
    Rule(
        "failed_then_succeeded",
        frozenset({"login.failed"}),
        then="login.succeeded",
        at_least=10,
        within=timedelta(minutes=10),
    ),
    Rule("mass_export", frozenset({"export.mass"})),
    Rule("unusual_reader", frozenset({"reader.unusual"})),
    Rule("device_lost", frozenset({"device.lost"})),
    Rule("public_bucket", frozenset({"bucket.public"})),
    Rule("critical_finding", frozenset(), least_severity=5),
)
"""What OCSF and Falco findings, and product services, are mapped to. A signal is a hit of the first rule that fits."""


class Hit(NamedTuple):
    """`anchor`: the signal that made it one. `evidence`: ids, the anchor last."""

    rule: str
    controller_id: str
    asset: str
    at: datetime
    anchor: UUID
    evidence: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Suppression:
    """Signals that are stored and open nothing. `asset`: a pattern with `*`. `until`: from then on they count again."""

    controller_id: str
    rule: str
    asset: str
    until: datetime
    reason: str

    def covers(self, signal: Signal, now: datetime) -> bool:
        return (
            now < self.until
            and self.controller_id == signal.controller_id
            and self.rule in {signal.rule, "*"}
            and fnmatchcase(signal.asset, self.asset)
        )


def hits(signals: Iterable[Signal], rules: Sequence[Rule] = RULES) -> tuple[Hit, ...]:
    """Every hit among distinct signals, in order of time and id of their anchors."""
    distinct = {s.id: s for s in signals}.values()
    counted = {rule.name: _by_actor(distinct, rule) for rule in rules if rule.then}
    table = _candidates(tuple(rules))
    found = []
    for signal in distinct:
        for rule in table.get(signal.rule, table[_ANY]):
            evidence = _evidence(signal, rule, counted.get(rule.name, {}))
            if evidence:
                found.append(Hit(rule.name, signal.controller_id, signal.asset, signal.at, signal.id, evidence))
                break
    found.sort(key=lambda h: (h.at, h.anchor))
    return tuple(found)


_Key = tuple[str, str, str]
_ANY: Final = ""


@lru_cache(maxsize=8)
def _candidates(rules: tuple[Rule, ...]) -> Mapping[str, tuple[Rule, ...]]:
    """Which rules a signal of a name can be a hit of, in their order; under no name: of all other names."""
    names = {name for rule in rules for name in (rule.signals if not rule.then else {rule.then})}
    return {
        name: tuple(r for r in rules if (name == r.then if r.then else not r.signals or name in r.signals))
        for name in (*names, _ANY)
    }


def _key(signal: Signal) -> _Key:
    return signal.controller_id, signal.asset, signal.actor


def _by_actor(signals: Iterable[Signal], rule: Rule) -> dict[_Key, list[Signal]]:
    """In order of time and id."""
    ends = {_key(s) for s in signals if s.rule == rule.then}
    found: dict[_Key, list[Signal]] = {}
    for signal in signals:
        if signal.rule in rule.signals and _key(signal) in ends:
            found.setdefault(_key(signal), []).append(signal)
    for same in found.values():
        same.sort(key=lambda s: (s.at, s.id))
    return found


def _evidence(signal: Signal, rule: Rule, counted: dict[_Key, list[Signal]]) -> tuple[UUID, ...]:
    """`rule` is one of the candidates for the signal's name."""
    if not rule.then:
        return (signal.id,) if signal.severity >= rule.least_severity else ()
    before = counted.get(_key(signal), [])
    end = bisect_right(before, signal.at, key=lambda s: s.at)
    start = bisect_right(before, signal.at - rule.within, key=lambda s: s.at)
    if end - start < rule.at_least:
        return ()
    return (*(s.id for s in before[max(start, end - LATEST_EVIDENCE) : end]), signal.id)


def incident_of(hit: Hit) -> UUID:
    """Of the incident that a hit opens; the same however often it is found."""
    return uuid5(_NAMESPACE, f"{hit.controller_id}/{hit.rule}/{hit.asset}/{hit.anchor}")


@dataclass(frozen=True, slots=True)
class Incident:
    """Hits of one rule on one asset, told as one. `first_at`: of its first hit. `hits`: counted before."""

    id: UUID
    controller_id: str
    rule: str
    asset: str
    first_at: datetime
    hits: int = 0
    case_id: UUID | None = None
    """Where it is looked at; None: in a case of its own, not there yet."""

    def takes(self, hit: Hit) -> bool:
        same = (self.controller_id, self.rule, self.asset) == (hit.controller_id, hit.rule, hit.asset)
        return same and abs(hit.at - self.first_at) <= QUIET


class Placed(NamedTuple):
    incident: Incident
    hit: Hit
    opens: bool


def place(found: Iterable[Hit], open_: Iterable[Incident], room: int) -> tuple[Placed, ...]:
    """Each hit with its incident: one that is open, a new one while there is `room`, or the controller's flood.

    All hits are of one controller. `open_`: its incidents whose case is neither dismissed nor closed.
    """
    known: dict[tuple[str, str], list[Incident]] = {}
    for incident in open_:
        known.setdefault((incident.rule, incident.asset), []).append(incident)
    placed = []
    for each in found:
        hit = each
        at_home = _home(known, hit)
        if at_home is None and room <= 0:
            hit = each._replace(rule=FLOOD, asset=ALL_ASSETS)
            at_home = _home(known, hit)
        opens = at_home is None
        if at_home is None:
            at_home = Incident(incident_of(hit), hit.controller_id, hit.rule, hit.asset, hit.at)
            known.setdefault((hit.rule, hit.asset), []).append(at_home)
            room -= 1
        placed.append(Placed(at_home, hit, opens))
    return tuple(placed)


def _home(known: Mapping[tuple[str, str], Sequence[Incident]], hit: Hit) -> Incident | None:
    return next((i for i in known.get((hit.rule, hit.asset), ()) if i.takes(hit)), None)

"""Events as JSON and back, and the chain over them: the documentation of every case (GDPR Art. 33(5)).

A link holds the event as it came in, so that everything can be decided once more, and what it led to. The form and
the hash are `lethe_events.canonical`'s. Values never hold personal data of the people affected: events have no place
for it.
"""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum, IntEnum
from functools import cache
from types import UnionType
from typing import TYPE_CHECKING, Any, NamedTuple, get_args, get_origin, get_type_hints
from uuid import UUID

from breach_notifier.domain.decide import decide
from breach_notifier.domain.decision import Disposition
from breach_notifier.domain.errors import HistoryBroken
from breach_notifier.domain.events import EVENTS
from breach_notifier.domain.words import Party, State, Status
from lethe_events.canonical import GENESIS, canonical, sha256_hex
from lethe_law.breach.assess import Proposal
from lethe_law.breach.clock import BreachClock
from lethe_law.breach.exemptions import Evidence, Exemption
from lethe_law.breach.facts import BreachFacts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from breach_notifier.domain.case import Case
    from breach_notifier.domain.decision import Decision
    from breach_notifier.domain.events import Event

_WORD = re.compile(r"(?<!^)(?=[A-Z])")
_NAMES = {
    t.__name__: t
    for t in (datetime, UUID, BreachClock, BreachFacts, Evidence, Exemption, Proposal, Party, State, Status)
}
"""What the modules of cases name for type checkers only."""


class Link(NamedTuple):
    """`content` is canonical JSON; `hash` (hex) is over the hash before, a line feed and `content`."""

    case_id: UUID
    seq: int
    hash: str
    content: str


def kind_of(event: type) -> str:
    """The recorded name of an event: never changed once recorded."""
    return _WORD.sub("_", event.__name__).lower()


def to_json(value: object) -> Any:  # noqa: PLR0911 - one per kind of value
    """Strings, integers, booleans, null, lists and members; instants in UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, IntEnum):
        return value.name.lower()
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value):
        return {f.name: to_json(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, frozenset):
        return sorted(to_json(item) for item in value)
    if isinstance(value, tuple | list):
        return [to_json(item) for item in value]
    return str(value) if isinstance(value, UUID) else value


def from_json(kind: Any, found: Any) -> Any:  # noqa: PLR0911 - one per kind of value
    """The value of a type from what `to_json` wrote. Raises KeyError, ValueError or TypeError for anything else."""
    if isinstance(kind, UnionType):
        return None if found is None else from_json(next(k for k in get_args(kind) if k is not type(None)), found)
    if get_origin(kind) in {tuple, frozenset}:
        return get_origin(kind)(from_json(get_args(kind)[0], item) for item in found)
    if kind is datetime:
        return datetime.fromisoformat(found)
    if kind is UUID:
        return UUID(found)
    if isinstance(kind, type) and issubclass(kind, IntEnum):
        return kind[found.upper()]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(found)
    if is_dataclass(kind):
        members = {
            name: from_json(hint, found[name])
            for name, hint in _hints(kind).items()  # type: ignore[arg-type]
            if name in found or name not in _optional(kind)  # type: ignore[arg-type]
        }
        return kind(**members)  # type: ignore[operator]
    return found


@cache
def _optional(kind: Any) -> frozenset[str]:
    """Fields that came later: what was recorded without them has their defaults."""
    return frozenset(f.name for f in fields(kind) if f.default is not MISSING or f.default_factory is not MISSING)


@cache
def _hints(kind: Any) -> Mapping[str, Any]:
    found = get_type_hints(kind, localns=_NAMES)
    return {f.name: found[f.name] for f in fields(kind)}


def link_of(event: Event, decision: Decision, seq: int, previous: str) -> Link:
    """The next link of a case's chain. Only what was applied is recorded."""
    case = decision.case
    assert case is not None
    assert decision.disposition is Disposition.APPLIED
    content = {
        "case": str(case.id),
        "seq": seq,
        "at": to_json(event.at),
        "kind": kind_of(type(event)),
        "event": to_json(event),
        "effect": {
            "state": case.state.value,
            "article": decision.article,
            "alerts": list(case.alerts),
            "commands": [f"{c.do}:{c.about}" if c.about else c.do.value for c in decision.commands],
        },
    }
    return _forged(case.id, seq, previous, content)


def _forged(case_id: UUID, seq: int, previous: str, content: Mapping[str, object]) -> Link:
    body = canonical(content)
    return Link(case_id, seq, sha256_hex(previous.encode() + b"\n" + body), body.decode())


def check(links: Iterable[Link]) -> str:
    """The head of a whole chain, in order. Raises HistoryBroken at the first link that does not fit."""
    head = GENESIS
    for expected, link in enumerate(links, start=1):
        content = json.loads(link.content)
        if link.seq != expected or content["seq"] != expected or content["case"] != str(link.case_id):
            raise HistoryBroken(f"link {expected}: another one stands in its place")
        if _forged(link.case_id, link.seq, head, content).hash != link.hash:
            raise HistoryBroken(f"link {expected}: its content or the one before was changed")
        head = link.hash
    return head


def replay(links: Iterable[Link]) -> Case | None:
    """The case as its recorded events make it. Raises HistoryBroken where this code would now decide otherwise."""
    case: Case | None = None
    for link in links:
        content = json.loads(link.content)
        kind = _kinds().get(content["kind"])
        if kind is None:
            raise HistoryBroken(f"link {link.seq}: no event is called {content['kind']}")
        decision = decide(case, from_json(kind, content["event"]))
        case = decision.case
        if decision.disposition is not Disposition.APPLIED or case is None:
            raise HistoryBroken(f"link {link.seq}: {content['kind']} would be {decision.disposition} now")
        if case.state.value != content["effect"]["state"]:
            raise HistoryBroken(f"link {link.seq}: {case.state} instead of {content['effect']['state']}")
    return case


@cache
def _kinds() -> Mapping[str, type]:
    return {kind_of(event): event for event in EVENTS}

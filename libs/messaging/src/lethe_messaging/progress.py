"""Whether partitions that have records get on. No I/O, no clock."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lethe_messaging.reader import Place


class Verdict(Enum):
    FINE = "fine"
    RENEW = "renew"
    """The client reads nothing: make it anew."""
    HOPELESS = "hopeless"
    """New clients read nothing either."""


class _Seen(NamedTuple):
    fetched: int
    since: float


class Progress:
    """Judges by what was fetched, not by what the client says of itself, however often it is assigned anew."""

    def __init__(self, patience: float, clients: int) -> None:
        """`patience`: seconds without a record although there are some; `clients`: new ones tried in vain."""
        self._patience = patience
        self._clients = clients
        self._seen: dict[Place, _Seen] = {}
        self._suspects: dict[Place, int] = {}
        self._renewals = 0

    def look(self, behind: Iterable[tuple[Place, int]], now: float) -> Verdict:
        """`behind`: partitions being read whose broker has more, with the offset up to which each was fetched.

        Ask only while the broker answers: one that is away is not the client's fault.
        """
        fetched = dict(behind)
        if any(fetched.get(place, offset + 1) > offset for place, offset in self._suspects.items()):
            self._suspects, self._renewals = {}, 0
        self._seen = {
            place: seen
            if (seen := self._seen.get(place)) is not None and seen.fetched == offset
            else _Seen(offset, now)
            for place, offset in fetched.items()
        }
        late = [place for place, seen in self._seen.items() if now > seen.since + self._patience]
        if not late:
            return Verdict.FINE
        if self._renewals >= self._clients:
            return Verdict.HOPELESS
        self._renewals += 1
        self._suspects = {place: fetched[place] for place in late}
        self._seen = {place: _Seen(offset, now) for place, offset in fetched.items()}
        return Verdict.RENEW

    def forget(self) -> None:
        """The broker was away, or nothing is read: begin anew."""
        self._seen = {}

"""Letters of sagas in the making: notices that are ordered, and what becomes of letters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lethe_events as wire
from lethe_events.ids import message_id
from lethe_testkit.sagas import RETENTION, Given
from orchestrator.application.correspondence import reported
from orchestrator.domain.clock import extended
from orchestrator.domain.letter_acts import letter_id
from orchestrator.domain.letter_events import ExtensionAsked
from orchestrator.domain.letters import letters

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from lethe_events import LetterRequested
    from orchestrator.domain.events import Event


class Writing(Given):
    """Collects every letter that what happens gives rise to."""

    def __init__(self) -> None:
        super().__init__()
        self.letters: list[LetterRequested] = []

    def _decide(self, event: Event) -> None:
        before = self.saga
        super()._decide(event)
        if self.saga is not None and self.saga is not before:
            self.letters += letters(before, self.saga, event, RETENTION)

    @property
    def kinds(self) -> list[str]:
        return [letter.kind for letter in self.letters]


def ask_extension(given: Given, further: int = 2, reasons: Sequence[str] = ("complexity",), by: str = "kim") -> Given:
    """Raises ClockError where the law library refuses."""
    assert given.saga is not None
    clock = extended(given.saga, further, reasons, given.now, by=by, now=given.now)
    return given.happens(ExtensionAsked(given.now, further, tuple(reasons), by, clock))


def told(given: Given, kind: str = "extension", state: str = "sent", n: int = 1, at: datetime | None = None) -> Given:
    """What intake says of the n-th letter of this kind; handed over at `at`, or now."""
    saga = given.saga
    assert saga is not None
    letter = letter_id(saga, kind, n)
    body = wire.LetterReported(
        letter_id=letter,
        dsr_id=saga.id,
        controller_id=saga.controller_id,
        kind=kind,
        state=wire.LetterState(state),
        at=at or given.now,
        language="de",
        sha256="d" * 64 if state == "sent" else None,
        reason=None if state == "sent" else "refused",
    )
    cause = message_id(letter, 1, list(wire.LetterState).index(body.state))
    return given.happens(reported(saga, body, given.now, cause))

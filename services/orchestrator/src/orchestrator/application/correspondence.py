"""Letters of sagas: asking for them, in the transaction of the decision, and taking in what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

import lethe_events as wire
from lethe_events import LetterState
from lethe_events.ids import message_id
from lethe_law import ClockError
from orchestrator.domain.clock import extended
from orchestrator.domain.letter_acts import EXTENSION, void_extension
from orchestrator.domain.letter_events import LetterReported
from orchestrator.domain.letters import letters

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from uuid import UUID

    from lethe_events import Record, Stamp
    from orchestrator.domain.deadlines import Deadlines
    from orchestrator.domain.events import Event
    from orchestrator.domain.saga import Saga

LIFT_NOTICE = 7
"""Days, where the controller's policy says nothing: the law asks for notice and names no time."""


class Correspondence:
    """`controllers`: those whose data subjects Lethe writes to, each with its days of notice before a lifting.

    Of others nothing is asked, saga by saga.

    `retention`: how long after the end of a saga its package can be fetched.
    """

    def __init__(
        self,
        topic: str,
        controllers: Mapping[str, int] | Collection[str] = (),
        retention: timedelta = timedelta(days=30),
    ) -> None:
        self._topic = topic
        self.controllers = frozenset(controllers)
        self._notices: Mapping[str, int] = controllers if isinstance(controllers, Mapping) else {}
        self._retention = retention

    def lift_notice(self, controller_id: str) -> int:
        """Days between the letter that a restriction ends and its lifting."""
        return self._notices.get(controller_id, LIFT_NOTICE)

    def asked(self, before: Saga | None, saga: Saga, event: Event, stamp: Stamp) -> list[Record]:
        """What has to be written because of `event`; the same letter has the same id for ever."""
        return [
            stamp.record(self._topic, letter, message_id(letter.letter_id, 0, 0))
            for letter in letters(before, saga, event, self._retention)
        ]


def reported(saga: Saga | None, body: wire.LetterReported, now: datetime, message: UUID) -> LetterReported:
    """The event of a report, with the dates that follow if it is the proof of a notice of extension."""
    return LetterReported(
        now,
        message,
        body.letter_id,
        body.controller_id,
        body.kind,
        body.state,
        body.at,
        body.language,
        body.sha256,
        body.reason,
        None if saga is None else _clock(saga, body, now),
    )


def _clock(saga: Saga, body: wire.LetterReported, now: datetime) -> Deadlines | None:
    extending = None if saga.beside is None else saga.beside.extending
    if extending is None or extending.letter_id != body.letter_id or body.state is not LetterState.SENT:
        return None
    sent_at = min(body.at, now)
    try:
        return extended(saga, extending.further, extending.reasons, sent_at, by=extending.by, now=now)
    except ClockError:
        return None


def trouble(saga: Saga, event: LetterReported) -> str | None:
    """What a person has to look at after a report: which letter, and why; None where all is well."""
    if event.state is not LetterState.SENT:
        return f"{event.kind}: {event.reason or event.state.value}"
    return f"{EXTENSION}: it extends nothing, the first dates stand" if void_extension(saga, event) else None

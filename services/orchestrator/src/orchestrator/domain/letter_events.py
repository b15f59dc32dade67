"""What can happen to a saga's letters: a notice is to go out, or it is known what became of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from lethe_events import LetterState
    from orchestrator.domain.deadlines import Deadlines


class ExtensionAsked(Struct, frozen=True):
    """A person wants a notice of extension sent. Nothing moves before it has gone out (Art. 12(3)).

    `further` and `reasons` as for Extended; `clock`: the dates that the notice names.
    """

    at: datetime
    further: int
    reasons: tuple[str, ...]
    by: str
    clock: Deadlines


class LetterReported(Struct, frozen=True):
    """What became of a letter at `happened_at`. `sha256`: of the message that was handed over.

    `clock`: for a notice of extension that went out, the dates that follow; None where the law does not accept it.
    """

    at: datetime
    message_id: UUID
    letter_id: UUID
    controller_id: str
    kind: str
    state: LetterState
    happened_at: datetime
    language: str | None = None
    sha256: str | None = None
    reason: str | None = None
    clock: Deadlines | None = None

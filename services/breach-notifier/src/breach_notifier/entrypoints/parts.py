"""What the endpoints translate for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from breach_notifier.application.acts import Acts
    from breach_notifier.application.joining import Joining
    from breach_notifier.application.people import People
    from breach_notifier.application.views import LetterReading, PeopleReading, Reading
    from lethe_chassis import MessagingOperations


@dataclass(frozen=True, slots=True)
class Parts:
    """The wired application."""

    reading: Reading
    acts: Acts
    joining: Joining
    operations: MessagingOperations
    people: People | None = None
    """None: there is no vault, so nobody can be looked for."""
    people_reading: PeopleReading | None = None
    letters: LetterReading | None = None
    """None: no server takes e-mail, so nobody can be written to."""

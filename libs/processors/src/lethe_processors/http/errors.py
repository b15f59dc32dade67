"""What can go wrong with a vendor; each becomes an answer. None carries text of the vendor: it may hold personal data.

Trouble
├── Unavailable   transient: no answer, or one that says later
├── Nonsense      transient until the tries are used up: an answer in another shape than the profile promises
└── Refused       permanent: the vendor understood and said no

ProfileUnsafe     a NoConnector, for who configures: personal data would travel in clear
"""

from __future__ import annotations

from lethe_processors.connector import Answer
from lethe_processors.errors import NoConnector
from lethe_processors.failures import NONSENSE


class Trouble(Exception):
    """Base. `answer` is what the worker is told."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.failure.code if answer.failure else answer.outcome.value)
        self.answer = answer


class Unavailable(Trouble):
    """`retry_after`: seconds that the vendor asked to wait."""

    def __init__(self, code: str, retry_after: float | None = None) -> None:
        super().__init__(Answer.transient(code, retry_after=retry_after))


class Nonsense(Trouble):
    """Not JSON, too large, or of another shape."""

    def __init__(self) -> None:
        super().__init__(Answer.transient(NONSENSE))


class Refused(Trouble):
    """Asking the same again brings the same."""

    def __init__(self, code: str) -> None:
        super().__init__(Answer.permanent(code))


class ProfileUnsafe(NoConnector):
    """The text says what to write into the profile."""

"""What may happen to a request beside its tasks, as values. Most sagas have none of it.

They are stored and recorded as JSON; a member is never renamed.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - msgspec reads the annotations

from msgspec import Struct

from lethe_events.words import Result  # noqa: TC001 - as above


class Ending(Struct, frozen=True, omit_defaults=True):
    """The request came to an end that is no carrying-out. Nothing new is asked after `at`.

    `said_at`: when the person or the controller said so; `by`: who recorded it (None: it came from intake).
    """

    result: Result
    at: datetime
    said_at: datetime
    by: str | None = None


class Beside(Struct, frozen=True, omit_defaults=True):
    """All of it. `ended` is there from the end of the request on, although answers may still be waited for."""

    ended: Ending | None = None

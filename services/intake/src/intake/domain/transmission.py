"""Sending a portable copy straight to another controller (Art. 20(2)): to whom, how often, what is final."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=6)
MOST_ATTEMPTS = 24
"""About five days. After them a person has to look; the person who asked can fetch the copy all along."""
_LATER = frozenset({408, 425, 429})
_SERVER = 500


class TransmissionState(StrEnum):
    WAITING = "waiting"  # for the copy, or for the next attempt
    TRANSMITTED = "transmitted"  # the other controller took it; what it answered is kept as a hash
    REFUSED = "refused"  # it will not take it, or could not be reached: a person has to look
    NONE = "none"  # there is no copy, or the request was taken back


@dataclass(frozen=True, slots=True)
class Target:
    """Another controller that copies may be sent to. `endpoint`: https, without user, query and fragment."""

    target: str
    name: str
    endpoint: str
    controllers: frozenset[str]
    """Whose copies it may get."""
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said. `status` None: nothing. `receipt_sha256`: over the body of its answer, hex."""

    status: int | None
    receipt_sha256: str | None = None


def judge(answer: Answer, attempts: int) -> tuple[TransmissionState, str | None]:
    """The state after this attempt, and a code for what is wrong."""
    status = answer.status
    if status is not None and 200 <= status < 300:  # noqa: PLR2004 - successful (RFC 9110 §15.3)
        return TransmissionState.TRANSMITTED, None
    again = status is None or status in _LATER or status >= _SERVER
    problem = "unreachable" if status is None else f"http_{status}"
    if again and attempts < MOST_ATTEMPTS:
        return TransmissionState.WAITING, problem
    return TransmissionState.REFUSED, problem


def pause_after(attempts: int) -> timedelta:
    """Doubles from FIRST_PAUSE to LONGEST_PAUSE."""
    doublings: int = 2 ** min(attempts - 1, 20)
    return min(FIRST_PAUSE * doublings, LONGEST_PAUSE)

"""Answers as they are stored, and which of them end a task for good. Pure."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import TypeAdapter

from lethe_events.words import FailureKind, Outcome, Verb
from lethe_processors.connector import Answer

if TYPE_CHECKING:
    from datetime import datetime

    from lethe_events.models import TaskRequested

_ALWAYS_FINAL = frozenset({Outcome.DONE, Outcome.NOTHING_FOUND, Outcome.RETAINED})


class Settled(NamedTuple):
    """A task and the answer to ack, with the attempt that was asked last.

    `at`: when the answer was stored, so that acking it again says the same as the first time.
    """

    task: TaskRequested
    answer: Answer
    at: datetime


def is_final(verb: Verb, answer: Answer) -> bool:
    """Whether asking again must bring the same answer instead of doing the work again.

    What was done stays done. What failed, needs a person or was still there runs again under a higher attempt;
    so does a look (verify, export) that a vendor only accepted, but not a change that it accepted.
    """
    if answer.outcome in _ALWAYS_FINAL:
        return True
    return answer.outcome is Outcome.ACCEPTED and verb is Verb.ERASE


def is_transient(answer: Answer) -> bool:
    return answer.failure is not None and answer.failure.kind is FailureKind.TRANSIENT


def to_json(answer: Answer) -> str:
    return _adapter().dump_json(answer, exclude_defaults=True).decode()


def to_value(answer: Answer) -> dict[str, Any]:
    """What `to_json` writes, as a value of JSON."""
    value: dict[str, Any] = _adapter().dump_python(answer, mode="json", exclude_defaults=True)
    return value


def from_json(stored: str) -> Answer:
    return _adapter().validate_json(stored)


@cache
def _adapter() -> TypeAdapter[Answer]:
    return TypeAdapter(Answer)

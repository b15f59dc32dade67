"""Answers as they are stored, and which of them end a task for good. Pure."""

from __future__ import annotations

from dataclasses import MISSING, fields
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from lethe_events.words import FailureKind, Outcome
from lethe_processors.connector import Answer
from lethe_processors.verbs import CHANGES

if TYPE_CHECKING:
    from datetime import datetime

    from lethe_events.models import TaskRequested
    from lethe_events.words import Verb

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
    return answer.outcome is Outcome.ACCEPTED and verb in CHANGES


def is_transient(answer: Answer) -> bool:
    return answer.failure is not None and answer.failure.kind is FailureKind.TRANSIENT


def to_json(answer: Answer) -> str:
    return msgspec.json.encode(to_value(answer)).decode()


def to_value(answer: Answer) -> dict[str, Any]:
    """What `to_json` writes, as a value of JSON: without what has its default."""
    usual = _defaults()
    return {name: value for name, value in msgspec.to_builtins(answer).items() if value != usual.get(name)}


def from_json(stored: str) -> Answer:
    return msgspec.json.decode(stored, type=Answer)


@cache
def _defaults() -> dict[str, Any]:
    return {f.name: msgspec.to_builtins(f.default) for f in fields(Answer) if f.default is not MISSING}

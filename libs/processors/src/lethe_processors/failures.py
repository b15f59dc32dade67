"""Failure codes that more than one part of this library has to know."""

from __future__ import annotations

from lethe_processors.connector import Answer

NONSENSE = "nonsense_answer"
"""A processor answered, but not in the shape that its description promises."""

_PERMANENT_WHEN_USED_UP = frozenset({NONSENSE})


def when_tries_are_used_up(answer: Answer) -> Answer:
    """What a transient failure means after the last try: nonsense to the end is not an outage; a person must look."""
    if answer.failure is not None and answer.failure.code in _PERMANENT_WHEN_USED_UP:
        return Answer.permanent(answer.failure.code)
    return answer

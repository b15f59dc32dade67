"""What happened between two looks at a saga, as lines for a person. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uuid import UUID

    from lethe_client.sagas import Saga, Task

STYLES = {
    "done": "green",
    "accepted": "yellow",
    "issued": "cyan",
    "retrying": "yellow",
    "incident": "bold red",
    "excepted": "magenta",
    "blocked": "dim",
}
GRADES = {
    "attested": "on the processor's word",
    "confirmed_by_api": "confirmed by its API",
    "reread_absent": "looked again: absent",
    "crypto_shredded": "crypto-shredded",
}
VERBS = {"export": "export", "erase": "erase", "verify": "look again", "package": "put the package together"}


@dataclass(frozen=True, slots=True)
class Moment:
    """`seconds` since the request was accepted; `style` is a colour of the terminal."""

    seconds: float
    text: str
    style: str = ""


@dataclass(slots=True)
class Follower:
    """Remembers what it has seen of one saga."""

    _seen: dict[UUID, tuple[str, int]] = field(default_factory=dict)
    _state: str = ""

    def look(self, saga: Saga, seconds: float) -> list[Moment]:
        """What is new since the last look, tasks first."""
        moments = [
            Moment(seconds, text(task), STYLES.get(task.status, "")) for task in saga.tasks if self._is_new(task)
        ]
        if saga.state != self._state:
            self._state = saga.state
            moments.append(Moment(seconds, f"the request is {saga.state}", "bold"))
        return moments

    def _is_new(self, task: Task) -> bool:
        now = (task.status, task.attempt)
        before = self._seen.get(task.task_id)
        self._seen[task.task_id] = now
        return now != before and not (before is None and task.status == "blocked")


def text(task: Task) -> str:
    """One line: who is asked what, and what it answered."""
    again = f" (round {task.round})" if task.round > 1 else ""
    head = f"{who(task.processor_id):<12} {VERBS.get(task.verb, task.verb)}{again}"
    if task.status == "issued":
        return f"{head}: asked" + (f", attempt {task.attempt}" if task.attempt > 1 else "")
    if task.status in {"done", "accepted"} and task.outcome:
        return f"{head}: {task.outcome.replace('_', ' ')}{_evidence(task)}"
    return f"{head}: {task.status}" + (f" ({task.code})" if task.code else "")


def who(processor_id: str) -> str:
    return "Lethe" if processor_id == "lethe-package" else processor_id


def _evidence(task: Task) -> str:
    grade = GRADES.get(task.grade or "", "")
    return f" · {grade}" if grade and task.verb in {"erase", "verify"} else ""


def settled(saga: Saga) -> tuple[int, int]:
    """How many tasks have come to an end, and how many there are."""
    ended = sum(task.status in {"done", "excepted"} for task in saga.tasks)
    return ended, len(saga.tasks)

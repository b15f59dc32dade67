"""What happened between two looks at a saga, as lines for a person. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
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
    "reread_absent": "by reading again",
    "crypto_shredded": "crypto-shredded",
}
DONE_TO_ROWS = {"erased", "nulled", "pseudonymised", "exported"}
ANSWERS = {
    ("export", "done"): "exported",
    ("package", "done"): "ready",
    ("erase", "done"): "erased",
    ("erase", "retained"): "erased, except what the law keeps",
    ("erase", "accepted"): "promised",
    ("rectify", "done"): "corrected",
    ("verify", "nothing_found"): "absent",
    ("verify", "retained"): "absent, except what the law keeps",
    ("verify", "residual"): "still there",
}
VERBS = {
    "export": "export",
    "erase": "erase",
    "rectify": "correct",
    "verify": "look again",
    "package": "put the package together",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """`seconds` since the request was received; `style` is a colour of the terminal."""

    seconds: float
    text: str
    style: str = ""


@dataclass(slots=True)
class Follower:
    """Remembers what it has seen of one saga."""

    _seen: dict[UUID, tuple[str, int]] = field(default_factory=dict)
    _state: str = ""

    def look(self, saga: Saga, now: datetime) -> list[Moment]:
        """What is new since the last look, in the order in which it happened."""

        def since(at: datetime | None) -> float:
            return ((at or now) - saga.received_at).total_seconds()

        fresh = [task for task in saga.tasks if self._is_new(task)]
        moments = [
            Moment(since(task.settled_at), text(task, saga.right), STYLES.get(task.status, "")) for task in fresh
        ]
        moments.sort(key=lambda moment: moment.seconds)
        if saga.state != self._state:
            self._state = saga.state
            moments.append(Moment(since(saga.closed_at), f"the request is {saga.state}", "bold"))
        return moments

    def _is_new(self, task: Task) -> bool:
        now = (task.status, task.attempt)
        before = self._seen.get(task.task_id)
        self._seen[task.task_id] = now
        return now != before and not (before is None and task.status == "blocked")


def text(task: Task, right: str = "") -> str:
    """One line: who is asked what, and what it answered."""
    again = f" (round {task.round})" if task.round > 1 else ""
    head = f"{who(task.processor_id):<12} {VERBS.get(task.verb, task.verb)}{again}"
    if task.status == "issued":
        return f"{head}: asked" + (f", attempt {task.attempt}" if task.attempt > 1 else "")
    if task.status in {"done", "accepted"} and task.outcome:
        return f"{head}: {answer(task, right)}{_rows(task)}{_evidence(task)}"
    return f"{head}: {task.status.replace('_', ' ')}" + (f" ({task.code})" if task.code else "")


def answer(task: Task, right: str = "") -> str:
    outcome = task.outcome or ""
    if right == "rectification" and (task.verb, outcome) == ("verify", "nothing_found"):
        return "as asked"  # nothing was found that differs
    return ANSWERS.get((task.verb, outcome), outcome.replace("_", " "))


def who(processor_id: str) -> str:
    return "Lethe" if processor_id == "lethe-package" else processor_id


def _rows(task: Task) -> str:
    """How many rows the answer counts, but for those it kept."""
    told = (task.model_extra or {}).get("answer") or {}
    rows = sum(count["rows"] for count in told.get("counts", ()) if count["method"] in DONE_TO_ROWS)
    return f", {rows} rows" if rows else ""


def _evidence(task: Task) -> str:
    grade = GRADES.get(task.grade or "", "")
    return f" · {grade}" if grade and task.verb in {"erase", "verify"} and task.status == "done" else ""


def settled(saga: Saga) -> tuple[int, int]:
    """How many tasks have come to an end, and how many there are."""
    ended = sum(task.status in {"done", "excepted", "not_concerned"} for task in saga.tasks)
    return ended, len(saga.tasks)

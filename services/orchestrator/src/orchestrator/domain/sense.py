"""Which acknowledgements make sense at all. What does not is parked and shown to a person; it never changes a saga."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_events.words import FailureKind, Outcome, Verb
from orchestrator.domain.decision import Rejected
from orchestrator.domain.saga import GOOD
from orchestrator.domain.words import Happening

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lethe_events import TaskAcknowledged
    from orchestrator.domain.draft import Draft
    from orchestrator.domain.saga import Saga, Task

_READS = frozenset({Verb.EXPORT, Verb.PACKAGE})


def nonsense(draft: Draft, task: Task, ack: TaskAcknowledged) -> Rejected | None:
    """Why this acknowledgement cannot be meant for this task; None when it can."""
    if ack.controller_id != draft.saga.controller_id:
        return Rejected("wrong_controller", "the acknowledgement names another controller than the saga's")
    if ack.processor_id != task.processor_id or ack.verb is not task.verb:
        return Rejected("wrong_processor", f"the task is {task.name}; the acknowledgement names another one")
    if ack.attempt > task.attempt:
        return Rejected("never_asked", f"attempt {ack.attempt} of {task.name} was never asked for")
    why = _contradiction(draft, task, ack)
    return None if why is None else Rejected(why, f"{task.name}: {_WHY[why]}")


_WHY = {
    "accepted_without_date": "'accepted' needs expected_by, or nobody knows when to look",
    "not_accepted": "packaging is Lethe's own and cannot be promised for later",
    "residual_of_a_change": "only a verification can find data left",
    "verified_how": "a verification answers nothing_found, retained or residual; 'done' does not say what was seen",
    "retained_without_rows": "'retained' has to name what is kept, by which ground and until when (Art. 12(4))",
    "retained_by_a_reading": "an export or package keeps nothing from erasure",
    "part_missing": "'done' has to name the part, or it cannot be in the package",
    "package_empty": "there are exported parts, so there has to be a package",
    "failed_without_code": "'failed' has to say whether and why, as a code",
}


def _contradiction(draft: Draft, task: Task, ack: TaskAcknowledged) -> str | None:
    check = _CHECKS.get(ack.outcome)
    return None if check is None else check(draft, task.verb, ack)


def _promised(_draft: Draft, verb: Verb, ack: TaskAcknowledged) -> str | None:
    if ack.expected_by is None:
        return "accepted_without_date"
    return "not_accepted" if verb is Verb.PACKAGE else None


def _residual(_draft: Draft, verb: Verb, _ack: TaskAcknowledged) -> str | None:
    return None if verb is Verb.VERIFY else "residual_of_a_change"


def _retained(_draft: Draft, verb: Verb, ack: TaskAcknowledged) -> str | None:
    if verb in _READS:
        return "retained_by_a_reading"
    return None if ack.retained else "retained_without_rows"


def _failed(_draft: Draft, _verb: Verb, ack: TaskAcknowledged) -> str | None:
    return None if ack.failure is not None else "failed_without_code"


def _done(_draft: Draft, verb: Verb, ack: TaskAcknowledged) -> str | None:
    if verb is Verb.VERIFY:
        return "verified_how"
    return "part_missing" if verb in _READS and ack.part is None else None


def _nothing(draft: Draft, verb: Verb, _ack: TaskAcknowledged) -> str | None:
    return "package_empty" if verb is Verb.PACKAGE and _has_parts(draft) else None


_CHECKS: Mapping[Outcome, Callable[[Draft, Verb, TaskAcknowledged], str | None]] = {
    Outcome.ACCEPTED: _promised,
    Outcome.RESIDUAL: _residual,
    Outcome.RETAINED: _retained,
    Outcome.FAILED: _failed,
    Outcome.DONE: _done,
    Outcome.NOTHING_FOUND: _nothing,
}


def _has_parts(draft: Draft) -> bool:
    return any(
        t.verb is Verb.EXPORT and t.answer is not None and t.answer.part is not None for t in draft.tasks.values()
    )


def happening(ack: TaskAcknowledged) -> Happening:
    """What an acknowledgement that makes sense means for its task."""
    outcome = ack.outcome
    if outcome in GOOD:
        return Happening.GOOD
    if outcome is Outcome.ACCEPTED:
        return Happening.PROMISED
    if outcome is Outcome.RESIDUAL:
        return Happening.RESIDUAL
    if outcome is Outcome.NEEDS_PERSON:
        return Happening.NEEDS_PERSON
    transient = ack.failure is not None and ack.failure.kind is FailureKind.TRANSIENT
    return Happening.TRANSIENT if transient else Happening.PERMANENT


def contradicts(saga: Saga | None, ack: TaskAcknowledged) -> bool:
    """Whether a look that nobody had counted found data after the saga had closed: a person has to know."""
    if saga is None or saga.closed_at is None or ack.outcome is not Outcome.RESIDUAL:
        return False
    task = saga.tasks.get(ack.task_id)
    return task is not None and ack.attempt > task.answered

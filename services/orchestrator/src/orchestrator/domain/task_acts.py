"""What happens to one task. Each act changes the draft, or says why the happening counts for nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_events.words import Outcome, Verb
from orchestrator.domain.decision import Ignored, IncidentOpened, Rejected, Verdictless
from orchestrator.domain.holding import broken
from orchestrator.domain.plan import MAX_ROUNDS, again, rounds_of
from orchestrator.domain.retry import relook_at
from orchestrator.domain.saga import CHANGES, LawfulException, Proposal
from orchestrator.domain.words import Code, TaskStatus

if TYPE_CHECKING:
    from orchestrator.domain.draft import Draft
    from orchestrator.domain.events import (
        AckOverdue,
        ExceptionApproved,
        ExceptionProposed,
        RetryDue,
        TaskAcked,
        TaskRetryRequested,
        VerifyDue,
    )
    from orchestrator.domain.saga import Task

_MOVED = Ignored("the moment was moved; the timer raced")
_REFUTED = frozenset({Code.ACKED_WITHOUT_ERASING.value, Code.ACKED_WITHOUT_EFFECT.value})


def settle(draft: Draft, task: Task, event: TaskAcked) -> Verdictless:
    """Art. 5(2): the answer is kept as it was given. Absence seen also settles an erasure that was only promised."""
    draft.put(
        task,
        status=TaskStatus.DONE,
        answered=event.ack.attempt,
        answer=event.ack,
        tries=0,
        due_at=None,
        settled_at=draft.at,
        gone_by=max(task.gone_by or draft.at, draft.at + task.rules.deletion_lag),
    )
    if task.verb is Verb.VERIFY:
        acted = draft.acted(task)
        if acted is not None and acted.status is TaskStatus.ACCEPTED:
            draft.put(acted, status=TaskStatus.DONE, due_at=None, settled_at=draft.at)
    if draft.saga.beside is not None:
        _told_of_hold(draft, task, event)
    return None


def _told_of_hold(draft: Draft, task: Task, event: TaskAcked) -> None:
    """An erasure that was asked before a hold and done under it: recorded as it is, and a person has to know."""
    if event.ack.outcome is not Outcome.NOTHING_FOUND and broken(draft.saga.beside, task):
        draft.opened.append(IncidentOpened(Code.ERASED_UNDER_HOLD.value, task.id))


def record_although_excepted(draft: Draft, task: Task, event: TaskAcked) -> Verdictless:
    """What was done in spite of an exception is not dropped: it is in the record, and on the certificate."""
    draft.put(task, answered=event.ack.attempt, answer=event.ack)
    return None


def hold_to_promise(draft: Draft, task: Task, event: TaskAcked) -> Verdictless:
    """An asynchronous vendor: look at `expected_by`, and again until the deletion lag of the register is over."""
    expected_by = event.ack.expected_by
    assert expected_by is not None, "checked by sense.nonsense"
    draft.put(
        task,
        status=TaskStatus.ACCEPTED,
        answered=event.ack.attempt,
        answer=event.ack,
        tries=0,
        due_at=expected_by,
        expected_by=expected_by,
        gone_by=max(expected_by, draft.at + task.rules.deletion_lag),
    )
    _told_of_hold(draft, task, event)
    return None


def look_refuted(draft: Draft, task: Task, event: TaskAcked) -> Verdictless:
    """Data is still there: look again while the register allows a lag, then erase anew, then call a person."""
    if draft.superseded(task):
        return Ignored("a later round has taken the place of this look")
    ack = event.ack
    acted = draft.acted(task)
    if acted is not None and acted.verb is Verb.RESTRICT and _lifted(draft):
        return Ignored("the restriction is being lifted: what this look sees is meant to be so")
    gone_by = draft.at if acted is None or acted.gone_by is None else acted.gone_by
    again_at = relook_at(draft.at, task.looks, task.rules.retries, gone_by)
    if again_at is not None:
        draft.put(
            task,
            status=TaskStatus.RETRYING,
            answered=ack.attempt,
            answer=ack,
            tries=0,
            looks=task.looks + 1,
            due_at=again_at,
            settled_at=None,
        )
        return None
    refuted = draft.put(task, answered=ack.attempt, answer=ack)
    if rounds_of(draft, task) < MAX_ROUNDS:
        next_round(draft, refuted)
    else:
        erased = acted is None or acted.verb is Verb.ERASE
        code = Code.ACKED_WITHOUT_ERASING if erased else Code.ACKED_WITHOUT_EFFECT
        draft.raise_incident(refuted, code, settled_at=None)
    return None


def _lifted(draft: Draft) -> bool:
    beside = draft.saga.beside
    return beside is not None and beside.lifting is not None


def next_round(draft: Draft, look: Task) -> None:
    """End this round as refuted and begin another one."""
    draft.put(look, status=TaskStatus.DONE, due_at=None, settled_at=draft.at)
    acted = draft.acted(look)
    if acted is not None and acted.status is not TaskStatus.DONE:
        draft.put(acted, status=TaskStatus.DONE, due_at=None, settled_at=draft.at)
    again(draft, look)


def back_off(draft: Draft, task: Task, event: TaskAcked) -> Verdictless:
    ack = event.ack
    retries = task.rules.retries
    if retries.exhausted(task.tries):
        draft.raise_incident(task, Code.ATTEMPTS_EXHAUSTED, answered=ack.attempt, answer=ack)
    else:
        due_at = draft.at + retries.delay(max(task.tries, 1), task.id)
        draft.put(task, status=TaskStatus.RETRYING, answered=ack.attempt, answer=ack, due_at=due_at)
    return None


def fail(draft: Draft, task: Task, event: TaskAcked) -> Verdictless:
    promised = task.status is TaskStatus.ACCEPTED
    code = Code.PROMISE_BROKEN if promised else Code.FAILED_PERMANENTLY
    draft.raise_incident(task, code, answered=event.ack.attempt, answer=event.ack)
    return None


def call_person(draft: Draft, task: Task, event: TaskAcked) -> Verdictless:
    draft.raise_incident(task, Code.NEEDS_PERSON, answered=event.ack.attempt, answer=event.ack)
    return None


def ask_overdue(draft: Draft, task: Task, event: AckOverdue) -> Verdictless:
    """No answer: ask again under a higher attempt. A late answer to an earlier one still counts."""
    if task.due_at is None or event.at < task.due_at:
        return _MOVED
    if task.rules.retries.exhausted(task.tries) or draft.held(task):
        draft.raise_incident(task, Code.NO_ANSWER)
    else:
        draft.issue(task)
    return None


def ask_after_back_off(draft: Draft, task: Task, event: RetryDue) -> Verdictless:
    if task.due_at is None or event.at < task.due_at:
        return _MOVED
    draft.issue(task)
    return None


def look_at_promise(draft: Draft, task: Task, event: VerifyDue) -> Verdictless:
    """The promised moment has come: look whether the data is gone; what is no erasure is asked again."""
    if task.due_at is None or event.at < task.due_at:
        return _MOVED
    keep_promise(draft, task)
    return None


def keep_promise(draft: Draft, task: Task) -> None:
    if task.verb not in CHANGES:
        late = task.gone_by is None or draft.at > task.gone_by
        if late and task.looks >= task.rules.retries.max_attempts:
            draft.raise_incident(task, Code.PROMISE_BROKEN)
        else:
            draft.issue(draft.put(task, looks=task.looks + 1))
        return
    look = draft.sibling(task, Verb.VERIFY)
    if look is None or look.status is TaskStatus.EXCEPTED:
        draft.put(task, status=TaskStatus.DONE, due_at=None, settled_at=draft.at)
        return
    draft.put(task, due_at=None)
    if look.status is TaskStatus.BLOCKED:
        draft.issue(look)


def retry(draft: Draft, task: Task, event: TaskRetryRequested) -> Verdictless:
    """A person on call. Where a change was acknowledged and is not seen, what has to be done again is the change."""
    if draft.superseded(task):
        return Rejected("superseded", "a later round has taken the place of this task: retry that one")
    if draft.held(task) and task.status is not TaskStatus.ACCEPTED:
        return Rejected("on_hold", "a legal hold is on this erasure: lift the hold first")
    if event.rules is not None:
        task = draft.put(task, rules=event.rules, tokens=event.tokens or task.tokens)
    if task.code in _REFUTED:
        next_round(draft, task)
    elif task.status is TaskStatus.ACCEPTED and task.verb in CHANGES:
        return _look_now(draft, task)
    else:
        draft.issue(draft.put(task, tries=0))
    return None


def _look_now(draft: Draft, task: Task) -> Verdictless:
    """A person may look before the promised moment, but not take the promise for kept."""
    look = draft.sibling(task, Verb.VERIFY)
    if look is None or look.status is TaskStatus.EXCEPTED:
        return Rejected("promised", "nobody can look at this processor: wait for the promised moment")
    if look.status is not TaskStatus.BLOCKED:
        return Rejected("looking", "its verification is under way: retry that one")
    draft.issue(look)
    return None


def propose(draft: Draft, task: Task, event: ExceptionProposed) -> Verdictless:
    if task.verb is Verb.PACKAGE:
        return Rejected("package", "the package cannot be excepted: except the exports that cannot be in it")
    if draft.superseded(task):
        return Rejected("superseded", "a later round has taken the place of this task: propose it for that one")
    draft.put(task, proposal=Proposal(event.ground, event.article, event.reason, event.by, event.at))
    return None


def approve(draft: Draft, task: Task, event: ExceptionApproved) -> Verdictless:
    """Art. 17(3), 15(4) need a ground; four eyes make it more than an escape hatch.

    Excepting a change excepts its verification: there is nothing whose effect could be seen.
    """
    proposal = task.proposal
    if proposal is None:
        return Rejected("nothing_proposed", "propose the exception first; another person then approves it")
    if proposal.by == event.by:
        return Rejected("same_person", "the person who proposed an exception cannot approve it: ask another one")
    lawful = LawfulException(proposal.ground, proposal.article, proposal.reason, proposal.by, event.by, event.at)
    changes = {"status": TaskStatus.EXCEPTED, "exception": lawful, "due_at": None, "settled_at": draft.at}
    draft.put(task, **changes)
    if task.verb in CHANGES:
        look = draft.sibling(task, Verb.VERIFY)
        if look is not None and not look.settled:
            draft.put(look, **changes)
    elif task.verb is Verb.VERIFY:
        acted = draft.acted(task)
        if acted is not None and acted.status is TaskStatus.ACCEPTED and acted.due_at is None:
            draft.put(acted, status=TaskStatus.DONE, settled_at=draft.at)
    return None

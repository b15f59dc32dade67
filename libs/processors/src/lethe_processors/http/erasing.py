"""Erase at a vendor: look the person up, ask for the deletion, look shortly how the job stands.

Safe to repeat: a try whose answer was lost is found again by the lookup, by `already` rules or by an idempotency key.
A job that takes longer is not remembered: absence is looked for later, by verify and by another path, so a vendor that
says done and is not gains nothing by its lie.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, assert_never
from uuid import uuid5

from lethe_events.models import Count
from lethe_events.words import Grade, Method, Outcome
from lethe_postgres import crashpoint
from lethe_processors.connector import Answer
from lethe_processors.http.client import meaning
from lethe_processors.http.errors import Nonsense, Trouble
from lethe_processors.http.paths import find, one, optional
from lethe_processors.http.reading import Inquiry, Trail, look_up, subjects
from lethe_processors.http.steps import JOB, JobState, Rule

if TYPE_CHECKING:
    from datetime import datetime

    from lethe_processors.connector import WorkItem
    from lethe_processors.http.client import Reply, Timing, Vendor
    from lethe_processors.http.profile import Erase
    from lethe_processors.http.steps import Poll, Submit

_OK = 200
_NOT_FOUND = 404
_LONGEST_JOB_ID = 256


class _Said(StrEnum):
    """What a vendor said to a submit."""

    YES = "yes"  # done, if the API is synchronous
    LATER = "later"  # accepted now, or by a try whose answer was lost
    GONE = "gone"


async def erase_one(vendor: Vendor, erase: Erase, item: WorkItem, timing: Timing) -> Answer:
    """Raises Trouble; whatever was already asked for may be asked again."""
    inquiry = Inquiry(vendor, item, Trail())
    trail = inquiry.trail
    ids = await look_up(inquiry, erase.lookups) if erase.lookups else ()
    people = subjects(erase.submits[0], item, ids)
    if not people:
        asked = ids is not None and erase.lookups
        grade = Grade.CONFIRMED_BY_API if asked else Grade.ATTESTED
        return Answer(Outcome.NOTHING_FOUND, grade=grade, evidence=trail.evidence())
    states = [await _erase_person(inquiry, erase, person, timing) for person in people]
    return _answer(states, erase, timing.now(), trail)


async def _erase_person(inquiry: Inquiry, erase: Erase, person: dict[str, str], timing: Timing) -> JobState:
    values = dict(person)
    said: set[_Said] = set()
    for number, submit in enumerate(erase.submits):
        already = {rule.status if isinstance(rule, Rule) else rule for rule in submit.already}
        reply = await inquiry.vendor.call(
            submit,
            values,
            accepts={*submit.ok, *submit.accepted, *submit.absent, *already},
            idempotency_key=str(uuid5(inquiry.item.task.task_id, f"{number}/{sorted(person.items())}")),
        )
        crashpoint("http.submitted")
        inquiry.trail.add(submit, reply.status, 1)
        said.add(_said(reply, submit))
        job = _job(reply, submit)
        if job is not None:
            values[JOB] = job
    if said == {_Said.GONE}:
        return JobState.DONE
    if erase.poll is None:
        return JobState.RUNNING if _Said.LATER in said else JobState.DONE
    if erase.poll.holes <= values.keys():
        return await _poll(inquiry.vendor, erase.poll, values, timing)
    return JobState.RUNNING


def _said(reply: Reply, submit: Submit) -> _Said:
    for rule in submit.already:
        if isinstance(rule, Rule):
            if rule.status == reply.status and _equals(rule, reply):
                return _Said.LATER
        elif rule == reply.status:
            return _Said.LATER
    if reply.status in submit.absent:
        return _Said.GONE
    if reply.status in submit.accepted:
        return _Said.LATER
    if reply.status in submit.ok:
        return _Said.YES
    raise meaning(reply.status)


def _equals(rule: Rule, reply: Reply) -> bool:
    try:
        return optional(rule.at, reply.json()) == rule.equals
    except Nonsense:
        return False


def _job(reply: Reply, submit: Submit) -> str | None:
    """The vendor's id of the job, if the answer holds one; a vendor that gives none is looked at by verify alone."""
    if not submit.job_id or not reply.body:
        return None
    try:
        document = reply.json()
    except Nonsense:
        return None
    for path in submit.job_id:
        job = optional(path, document)
        if isinstance(job, str | int) and not isinstance(job, bool) and 0 < len(str(job)) <= _LONGEST_JOB_ID:
            return str(job)
    return None


async def _poll(vendor: Vendor, poll: Poll, values: dict[str, str], timing: Timing) -> JobState:
    """How the job stands within `poll.within`. Trouble here is not trouble of the submit: the job is still running."""
    end = timing.monotonic() + poll.within.total_seconds()
    every = poll.every.total_seconds()
    while True:
        try:
            reply = await vendor.call(poll, values, accepts={_OK, _NOT_FOUND})
            crashpoint("http.polled")
            state = JobState.LOST if reply.status == _NOT_FOUND else _state(poll, reply)
        except Trouble:
            state = JobState.RUNNING
        if state is not JobState.RUNNING or timing.monotonic() + every > end:
            return state
        await timing.sleep(every)


def _state(poll: Poll, reply: Reply) -> JobState:
    named = {status: state for state, statuses in poll.map.items() for status in statuses}
    told = _told(poll, reply.json())
    states = [named.get(s, JobState.RUNNING) if isinstance(s, str) else JobState.RUNNING for s in told]
    return _together(states[-1:] if poll.reduce == "last" else states)


def _told(poll: Poll, document: object) -> list[object]:
    if poll.each is None:
        return find(poll.status, document)
    last = {
        str(one(poll.per, element)) if poll.per else str(number): one(poll.status, element)
        for number, element in enumerate(find(poll.each, document))
    }
    return list(last.values())


def _together(states: list[JobState]) -> JobState:
    """Done only if there is something and all of it is done; trouble outweighs waiting."""
    for state in (JobState.FAILED, JobState.CANCELLED, JobState.LOST, JobState.PARTIAL, JobState.RUNNING):
        if state in states:
            return state
    return JobState.DONE if states else JobState.RUNNING


def _answer(states: list[JobState], erase: Erase, now: datetime, trail: Trail) -> Answer:
    state = _together(states)
    evidence = trail.evidence()
    match state:
        case JobState.DONE:
            count = Count(collection=erase.collection, method=Method.ERASED, rows=len(states))
            return Answer(Outcome.DONE, grade=Grade.CONFIRMED_BY_API, counts=(count,), evidence=evidence)
        case JobState.RUNNING:
            return Answer(Outcome.ACCEPTED, expected_by=now + erase.done_within, evidence=evidence)
        case JobState.PARTIAL:
            return Answer(Outcome.NEEDS_PERSON, evidence=evidence)
        case JobState.FAILED | JobState.CANCELLED | JobState.LOST:
            return Answer.transient(f"vendor_job_{state.value}")
    assert_never(state)

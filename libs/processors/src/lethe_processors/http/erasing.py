"""Erase at a vendor: look the person up, ask for the deletion, confirm it, look shortly how the job stands, read back.

Safe to repeat: a try whose answer was lost is found again by the lookup, by `already` rules or by an idempotency key.
A job that takes longer is not remembered, but for a hash of its id where the vendor calls back: absence is looked for
later, by verify and by another path, so a vendor that says done and is not gains nothing by its lie.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, assert_never
from uuid import uuid5

from lethe_events.models import Count
from lethe_events.words import Grade, Method, Outcome
from lethe_postgres import crashpoint
from lethe_processors.connector import Answer
from lethe_processors.http.callback import LONGEST_JOB_ID, reference_of
from lethe_processors.http.errors import Nonsense, Trouble, Unavailable
from lethe_processors.http.masking import holds, mask_of
from lethe_processors.http.paths import find, one, optional
from lethe_processors.http.reading import Inquiry, Trail, look_up, subjects
from lethe_processors.http.replies import meaning
from lethe_processors.http.steps import CALLBACK, JOB, MASKED, JobState, Rule, Submit

if TYPE_CHECKING:
    from datetime import datetime

    from lethe_events.models import Evidence
    from lethe_processors.connector import WorkItem
    from lethe_processors.http.client import Timing, Vendor
    from lethe_processors.http.profile import Erase
    from lethe_processors.http.replies import Reply
    from lethe_processors.http.steps import Asking, Poll, ReadBack

_OK = 200
_NOT_FOUND = 404


class _Said(StrEnum):
    """What a vendor said to a submit."""

    YES = "yes"  # done, if the API is synchronous
    LATER = "later"  # accepted now, or by a try whose answer was lost
    GONE = "gone"


class _Stands(NamedTuple):
    """How one record of the person stands; `job`: the vendor's id of what is still to be done."""

    state: JobState
    job: str | None = None


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
    found = [await _erase_person(inquiry, erase, person, timing) for person in people]
    return _answer(found, erase, timing.now(), inquiry)


async def _erase_person(inquiry: Inquiry, erase: Erase, person: dict[str, str], timing: Timing) -> _Stands:
    values = {**person, MASKED: mask_of(inquiry.item), CALLBACK: inquiry.vendor.callback_url}
    who = sorted(person.items())
    said = {await _ask(inquiry, submit, f"{n}/{who}", values) for n, submit in enumerate(erase.submits)}
    if said == {_Said.GONE}:
        return _Stands(JobState.DONE)
    for n, confirm in enumerate(erase.confirms):
        if not confirm.holes <= values.keys():
            # nobody knows whether the try whose answer was lost had got as far as this
            raise Unavailable("vendor_job_unconfirmed")
        said.add(await _ask(inquiry, confirm, f"confirm/{n}/{who}", values))
    state = JobState.RUNNING if erase.poll is not None or _Said.LATER in said else JobState.DONE
    if erase.poll is not None and erase.poll.holes <= values.keys():
        state = await _poll(inquiry.vendor, erase.poll, values, timing)
    if state is JobState.DONE and erase.read_back is not None:
        await _read_back(inquiry, erase.read_back, values)
    return _Stands(state, values.get(JOB))


async def _ask(inquiry: Inquiry, asking: Asking, key: str, values: dict[str, str]) -> _Said:
    """Make a call that changes something; puts what it gave into `values`."""
    already = {rule.status if isinstance(rule, Rule) else rule for rule in asking.already}
    reply = await inquiry.vendor.call(
        asking,
        values,
        accepts={*asking.ok, *asking.accepted, *asking.absent, *already},
        idempotency_key=str(uuid5(inquiry.item.task.task_id, key)),
    )
    crashpoint("http.submitted")
    inquiry.trail.add(asking, reply.status, 1)
    said = _said(reply, asking)
    if isinstance(asking, Submit) and said is not _Said.GONE:
        values |= _taken(reply, asking)
    return said


async def _read_back(inquiry: Inquiry, read_back: ReadBack, values: dict[str, str]) -> None:
    """Raises Unavailable if something else stands there than was written."""
    reply = await inquiry.vendor.call(read_back, values, accepts={_OK, *read_back.absent})
    gone = reply.status in read_back.absent
    inquiry.trail.add(read_back, reply.status, 0 if gone else 1)
    if not gone and not holds(reply.json(), read_back.holds, values):
        raise Unavailable("vendor_not_masked")


def _said(reply: Reply, submit: Asking) -> _Said:
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


def _taken(reply: Reply, submit: Submit) -> dict[str, str]:
    """The vendor's id of the job and what else it gave; what is not there is left out.

    A vendor that gives no job is looked at by verify alone.
    """
    if not (submit.job_id or submit.take) or not reply.body:
        return {}
    try:
        document = reply.json()
    except Nonsense:
        return {}
    wanted = [(JOB, path) for path in reversed(submit.job_id)] + list(submit.take.items())
    told = ((name, optional(path, document)) for name, path in wanted)
    return {
        name: str(value)
        for name, value in told
        if isinstance(value, str | int) and not isinstance(value, bool) and 0 < len(str(value)) <= LONGEST_JOB_ID
    }


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
    return together(states[-1:] if poll.reduce == "last" else states)


def _told(poll: Poll, document: object) -> list[object]:
    if poll.each is None:
        return find(poll.status, document)
    last = {
        str(one(poll.per, element)) if poll.per else str(number): one(poll.status, element)
        for number, element in enumerate(find(poll.each, document))
    }
    return list(last.values())


def together(states: list[JobState]) -> JobState:
    """Done only if there is something and all of it is done; trouble outweighs waiting."""
    for state in (JobState.FAILED, JobState.CANCELLED, JobState.LOST, JobState.PARTIAL, JobState.RUNNING):
        if state in states:
            return state
    return JobState.DONE if states else JobState.RUNNING


def _answer(found: list[_Stands], erase: Erase, now: datetime, inquiry: Inquiry) -> Answer:
    state = together([one.state for one in found])
    evidence = inquiry.trail.evidence()
    match state:
        case JobState.DONE:
            count = Count(collection=erase.collection, method=Method(erase.method), rows=len(found))
            return Answer(Outcome.DONE, grade=Grade.CONFIRMED_BY_API, counts=(count,), evidence=evidence)
        case JobState.RUNNING:
            awaits = _awaits(found, inquiry)
            return Answer(Outcome.ACCEPTED, expected_by=now + erase.done_within, evidence=evidence, awaits=awaits)
        case JobState.PARTIAL | JobState.FAILED | JobState.CANCELLED | JobState.LOST:
            return ended_otherwise(state, evidence)
    assert_never(state)


def _awaits(found: list[_Stands], inquiry: Inquiry) -> tuple[str, ...]:
    """Of which jobs the vendor will call back; none if of one of them nobody would know it."""
    running = [one.job for one in found if one.state is JobState.RUNNING]
    if not inquiry.vendor.calls_back or None in running:
        return ()
    processor_id = inquiry.item.task.processor_id
    return tuple(sorted({reference_of(processor_id, job) for job in running if job is not None}))


def ended_otherwise(state: JobState, evidence: tuple[Evidence, ...]) -> Answer:
    """The answer to a job that ended, and not by doing what it was asked."""
    if state is JobState.PARTIAL:
        return Answer(Outcome.NEEDS_PERSON, evidence=evidence)
    return Answer.transient(f"vendor_job_{state.value}")

"""Words that only this service uses. Values are stored; a new meaning gets a new value."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from lethe_events.words import SagaState

if TYPE_CHECKING:
    from collections.abc import Mapping


class TaskStatus(StrEnum):
    """Where a task stands. The comments name what may follow; `tables.TASK_STEPS` says by which happening."""

    BLOCKED = "blocked"  # → issued, excepted: a task before it is not settled
    ISSUED = "issued"  # → issued, retrying, accepted, done, excepted, incident
    RETRYING = "retrying"  # → issued, excepted: asked again at `due_at`
    ACCEPTED = "accepted"  # → issued, retrying, done, excepted, incident: an asynchronous vendor promised
    DONE = "done"  # → done, incident: answered (a verification that found data left is answered too)
    EXCEPTED = "excepted"  # final: lawfully not done
    INCIDENT = "incident"  # → issued, accepted, done, excepted: a person has to look
    ON_HOLD = "on_hold"  # → issued, excepted, cancelled: a legal hold keeps this erasure from being asked
    CANCELLED = "cancelled"  # final: the request ended before it was done
    NOT_CONCERNED = "not_concerned"  # final: the right reaches nothing at this processor, so it is never asked


State = SagaState | str
"""Where a saga is in the tables: its state, or a place that is told to others as another one."""

ENDING: Final = "ending"
"""Where a saga is in the tables whose request has ended while answers are owed; told to others as fulfilling."""


RESTRICTED: Final = "restricted"
"""Where a saga is in the tables that was answered and whose restriction is in force; told to others as answered."""

IN_DOUBT: Final = "in_doubt"
"""The `identity` of a request whose person has yet to show who they are (Art. 12(6))."""


class Standing(StrEnum):
    """What is still owed in a saga; `closing.standing` tells it, and it alone decides the saga's state."""

    SCOPE_UNKNOWN = "no processor is in scope"
    WORK_OWED = "a processor still has to act"
    LOOK_OWED = "only verification is owed"
    ABSENCE_OWED = "only what asynchronous vendors promised is owed"
    NOTHING_OWED = "the closing equation holds"
    IDENTITY_OWED = "who asks is in doubt; nothing is asked before that is settled"
    ANSWERS_OWED = "the request has ended; only answers to what was asked are owed"
    DECISION_OWED = "a person has to decide"
    LIFT_OWED = "the restriction is in force; a person lifts it, having told the data subject"


class Happening(StrEnum):
    """What can happen to one task."""

    GOOD = "answered: done, nothing_found or retained"
    PROMISED = "answered: accepted"
    RESIDUAL = "answered: residual"
    TRANSIENT = "answered: failed, transient"
    PERMANENT = "answered: failed, permanent"
    NEEDS_PERSON = "answered: needs_person"
    ACK_OVERDUE = "no answer within ack_within"
    RETRY_DUE = "its back-off is over"
    VERIFY_DUE = "expected_by has come"
    RETRY_REQUESTED = "a person asks for another attempt"
    EXCEPTION_PROPOSED = "a person proposes an exception"
    EXCEPTION_APPROVED = "another person approves the exception"


class Code(StrEnum):
    """Why a person has to look; also the code of the incident."""

    ATTEMPTS_EXHAUSTED = "attempts_exhausted"
    NO_ANSWER = "no_answer"
    FAILED_PERMANENTLY = "failed_permanently"
    NEEDS_PERSON = "needs_person"
    ACKED_WITHOUT_ERASING = "acked_without_erasing"
    PROMISE_BROKEN = "promise_broken"
    VERB_MISSING = "verb_missing"
    TOKEN_MISSING = "token_missing"  # noqa: S105 - a word, not a secret
    SCOPE_EMPTY = "scope_empty"
    CLOCK_UNSURE = "clock_unsure"
    DEADLINE_NEAR = "deadline_near"
    DEADLINE_PASSED = "deadline_passed"
    DEADLINE_MISSED = "deadline_missed"
    REJECTED = "rejected"
    CONTRADICTED = "contradicted"
    REAPPEARED = "reappeared"
    ERASED_UNDER_HOLD = "erased_under_hold"
    LETTER_FAILED = "letter_failed"
    CONSENT_UNSERVED = "consent_unserved"
    KEPT_PAST_ITS_DATE = "kept_past_its_date"
    ACKED_WITHOUT_EFFECT = "acked_without_effect"
    NOTHING_CONCERNED = "nothing_concerned"
    LIFT_WANTED = "lift_wanted"


MEANING: Final[Mapping[Code, str]] = {
    Code.ATTEMPTS_EXHAUSTED: "every attempt failed with a transient error: mend the processor, then retry the task",
    Code.NO_ANSWER: "no acknowledgement after every attempt: look at the worker and its queue, then retry the task",
    Code.FAILED_PERMANENTLY: "the processor refused: see the failure code in its runbook, then retry the task",
    Code.NEEDS_PERSON: "the processor asks for a person: do what its owner says, then retry the task",
    Code.ACKED_WITHOUT_ERASING: "it acknowledged the erasure, verification still finds the data: call its owner",
    Code.PROMISE_BROKEN: "a vendor did not deliver what it accepted: call the vendor, then retry the task",
    Code.VERB_MISSING: "the register gives this processor no such verb: add a connector, or propose an exception",
    Code.TOKEN_MISSING: "the vault gave no subject token for a Kafka-native processor: check its key, then retry",
    Code.SCOPE_EMPTY: "the register names no processor for this controller: add one and load the register",
    Code.CLOCK_UNSURE: "no calendar for this country: 28 days are counted; check the date by hand",
    Code.DEADLINE_NEAR: "72 hours are left until the strict date: settle what is open",
    Code.DEADLINE_PASSED: "the strict date has passed: answer now",
    Code.DEADLINE_MISSED: "the legal date has passed: answer now and document the delay",
    Code.REJECTED: "a message that makes no sense was parked: see its detail, mend the sender, retry or discard it",
    Code.CONTRADICTED: "data was found after the saga had closed: open a new request and call the processor's owner",
    Code.ERASED_UNDER_HOLD: "an erasure that was asked before a legal hold was carried out under it: tell counsel",
    Code.KEPT_PAST_ITS_DATE: "it is still kept after the date it was kept to: look at the processor's rule and clock",
    Code.LETTER_FAILED: "a letter did not reach the person: send it by another way, then resolve this; nothing changes",
    Code.CONSENT_UNSERVED: "a consent was withdrawn at one processor, no request tells the others: submit one for it",
    Code.ACKED_WITHOUT_EFFECT: "it acknowledged the change, verification does not see it: call its owner, then retry",
    Code.NOTHING_CONCERNED: "the register knows none of the purposes or categories named: correct it, or refuse",
    Code.LIFT_WANTED: "the person took the request back: tell them before the restriction is lifted, then lift it",
    Code.REAPPEARED: "a person's data came back after its verified erasure: find out who wrote it",
}
"""What to do next, for whoever is on call."""

"""The words of a case. A value is stable once cases were recorded with it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class State(StrEnum):
    """How far a case is. The name of a state is persisted."""

    SUSPECTED = "suspected"  # a signal is not yet a breach (Art. 4(12)); no clock runs
    DISMISSED = "dismissed"  # not a personal data breach; documented all the same
    AWARE = "aware"  # the clock runs, nothing is decided
    ASSESSED = "assessed"  # decided; an authority or a controller has not been told
    NOTIFIED = "notified"  # told in a first phase; something is still owed
    SETTLED = "settled"  # nothing more is owed: notices complete, data subjects told or exempt
    CLOSED = "closed"
    MERGED = "merged"  # the same incident as another case, which goes on with both


class Party(StrEnum):
    """As what the party of this case acts: the whole procedure, or telling the controller (Art. 33(2))."""

    CONTROLLER = "controller"
    PROCESSOR = "processor"


class Status(StrEnum):
    """Of one version of a notice to an authority, as the template names them."""

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    WITHDRAWN = "withdrawn"


class Code(StrEnum):
    """Why somebody has to look at a case."""

    UNASSESSED = "unassessed"
    CLOCK_RUNS = "clock_runs"
    DEADLINE_NEAR = "deadline_near"
    DEADLINE_PASSED = "deadline_passed"
    FACTS_CHANGED = "facts_changed"
    FOLLOW_UP_OWED = "follow_up_owed"
    ORDERED = "ordered"


MEANING: Mapping[Code, str] = {
    Code.UNASSESSED: "a suspicion is older than the policy allows: declare awareness, or have it dismissed by two",
    Code.CLOCK_RUNS: "the controller is aware: a rung of its ladder has come; state the facts and decide",
    Code.DEADLINE_NEAR: "hours are left: file what is known as an incomplete notice, the rest follows (Art. 33(4))",
    Code.DEADLINE_PASSED: "the 72 hours are over: file at once, with the reasons for the delay (Art. 33(1))",
    Code.FACTS_CHANGED: "new facts lead to other answers: decide again",
    Code.FOLLOW_UP_OWED: "what was filed is no longer right: draft, sign and file a follow-up (Art. 33(4))",
    Code.ORDERED: "the authority has ordered that data subjects are told (Art. 34(4)): send the letters",
}

"""docs/sagas.md, printed from the tables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orchestrator.domain.certificate import NOT_PROVEN
from orchestrator.domain.clock import LADDER
from orchestrator.domain.courses import NEVER, STAGES
from orchestrator.domain.decision_acts import AGAINST, OUTCOMES
from orchestrator.domain.ending_tables import ENDING_IGNORED, ENDING_REJECTED, ENDING_STEPS
from orchestrator.domain.places import ABSENT, STATES
from orchestrator.domain.plan import MAX_ROUNDS
from orchestrator.domain.tables import IGNORED, REJECTED, STEPS
from orchestrator.domain.task_tables import TASK_IGNORED, TASK_REJECTED, TASK_STEPS
from orchestrator.domain.terms import UNCONCERNED
from orchestrator.domain.words import MEANING, Standing, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import timedelta

    from orchestrator.domain.tables import Step
    from orchestrator.domain.task_tables import TaskIgnore, TaskReject, TaskStep
    from orchestrator.domain.words import State

_WORD = re.compile(r"(?<!^)(?=[A-Z])")


def sagas_page() -> str:
    """Markdown, with mermaid diagrams. The same tables give the same page."""
    return "\n".join([*_head(), *_rights(), *_saga(), *_tasks(), *_time(), *_people(), *_proof()]) + "\n"


def _head() -> Iterator[str]:
    yield "# Sagas"
    yield ""
    yield "Printed by `python -m orchestrator sagas-doc` from the tables that the service runs; do not edit."
    yield ""
    yield "A saga carries out one request of one data subject. `decide(saga, event)` is a pure function; every pair"
    yield "of state and event stands in exactly one of three tables: steps (with the article they serve), ignored (with"
    yield "the reason), rejected (parked, and a person has to look). Anything else cannot happen; a test says so."
    yield ""
    yield "**Closing equation.** A saga is closed if and only if every processor in scope is acknowledged *and*"
    yield "verified, or lawfully excepted with its ground (by the register for verification, by two people otherwise),"
    yield "and the package is there where one was asked for. A processor that is registered while the saga is open"
    yield "joins its scope. There is no skip."


def _rights() -> Iterator[str]:
    yield from ("", "## What each right asks", "")
    yield "A stage is carried out at every processor that it concerns, all at once; `or` names the verb that stands in"
    yield "where the register does not give the first. Where a right reaches nothing at a processor, its task is"
    yield "`not_concerned`, with one of the reasons below. What is decided against the person needs two people."
    yield ""
    yield from _table(
        ("case", "phase", "asked", "of", "looked at again", "owed then", "article"),
        (
            (
                s.case.value,
                s.phase.value,
                " or ".join(s.verbs) or "nothing",
                s.whom.value,
                "yes" if s.look else "no",
                s.then.value,
                s.article,
            )
            for s in STAGES
        ),
    )
    yield from ("", "### Never", "")
    yield from _table(("case", "phase", "because"), ((n.case.value, n.phase.value, n.reason) for n in NEVER))
    yield from ("", "### What a person may decide", "")
    yield from _table(
        ("case", "for the person", "against, by two people", "on one of these grounds"),
        (
            (
                case.value,
                *(" or ".join(o for o, upheld in outcomes.items() if upheld is said) for said in (True, False)),
                ", ".join(f"{g} ({a})" for g, a in AGAINST.get(case, {}).items()) or "reasons alone",
            )
            for case, outcomes in OUTCOMES.items()
        ),
    )
    yield from ("", "### Where a right reaches nothing", "")
    yield from _table(("code", "meaning"), UNCONCERNED.items())


def _saga() -> Iterator[str]:
    yield from ("", "## States", "", "```mermaid", "stateDiagram-v2")
    yield from _diagram(STEPS)
    yield from ("```", "", "| state | what is still owed |", "|---|---|")
    yield from (f"| {s} | {_when(s)} |" for s in STATES if s != ABSENT)
    yield from (
        "",
        "`ending` is told to others as `fulfilling`, with the result of the end.",
    )
    yield from ("", "### Steps", "")
    yield from _table(
        ("in", "event", "leads to", "when then", "article"),
        ((s.state, _event(s.event), s.target, s.when.value, s.article) for s in STEPS),
    )
    yield from ("", "### Ignored", "")
    yield from _table(("in", "event", "because"), ((i.state, _event(i.event), i.reason) for i in IGNORED))
    yield from ("", "### Rejected", "")
    yield from _table(
        ("in", "event", "code", "what it means"), ((r.state, _event(r.event), r.code, r.detail) for r in REJECTED)
    )


def _tasks() -> Iterator[str]:
    yield from ("", "## Tasks", "", "```mermaid", "stateDiagram-v2", "    [*] --> blocked", "    blocked --> issued")
    drawn = {(s.status, t) for s in TASK_STEPS for t in s.targets if s.status is not t}
    yield from (f"    {a.value} --> {b.value}" for a, b in sorted(drawn))
    yield from ("```", "")
    yield "A task is issued as soon as every task before it is settled. An answer counts once per attempt; a late"
    yield "answer to an earlier attempt counts unless a newer one was answered. Data that verification finds after the"
    yield f"deletion lag of the register is erased anew, {MAX_ROUNDS} rounds in all; then a person is called."
    yield from _task_rows(TASK_STEPS, TASK_IGNORED, TASK_REJECTED)
    yield from ("", "## Tasks of a request that has ended", "")
    yield "When a request is withdrawn, what was never asked and what would be asked again is cancelled; what was asked"
    yield "is waited for. These tables then take the place of those above."
    yield from _task_rows(ENDING_STEPS, ENDING_IGNORED, ENDING_REJECTED)


def _task_rows(
    steps: Iterable[TaskStep], ignored: Iterable[TaskIgnore], rejected: Iterable[TaskReject]
) -> Iterator[str]:
    yield from ("", "### Steps", "")
    yield from _table(
        ("in", "what happens", "leads to", "article"),
        ((s.status.value, s.happening.value, _or(s.targets), s.article) for s in steps),
    )
    yield from ("", "### Ignored", "")
    yield from _table(
        ("in", "what happens", "because"), ((i.status.value, i.happening.value, i.reason) for i in ignored)
    )
    yield from ("", "### Rejected", "")
    yield from _table(
        ("in", "what happens", "code", "what it means"),
        ((r.status.value, r.happening.value, r.code, r.detail) for r in rejected),
    )


def _time() -> Iterator[str]:
    yield from ("", "## Alarms", "")
    yield "Alarms go by the strict date, lateness is judged by the legal date (GDPR Art. 12(3), Regulation 1182/71)."
    yield "Each rung rings once per saga, never early; after an outage it rings late and says so."
    yield ""
    yield from _table(
        ("rung", "when", "incident"),
        ((r.name, _before(r.before, legal=r.legal), "none" if r.code is None else r.code.value) for r in LADDER),
    )


def _people() -> Iterator[str]:
    yield from ("", "## Incidents", "")
    yield from _table(("code", "what to do next"), ((c.value, m) for c, m in MEANING.items()))


def _proof() -> Iterator[str]:
    yield from ("", "## What a certificate says it does not prove", "")
    yield from _table(("code", "meaning"), NOT_PROVEN.items())


def _diagram(steps: Iterable[Step]) -> Iterator[str]:
    events: dict[tuple[str, str], list[str]] = {}
    for step in steps:
        source = "[*]" if step.state == ABSENT else str(step.state)
        if source != str(step.target):
            events.setdefault((source, str(step.target)), []).append(_event(step.event))
    for (source, target), names in events.items():
        yield f"    {source} --> {target}: {', '.join(dict.fromkeys(names))}"
    yield "    closed --> [*]"


def _event(kind: type) -> str:
    return _WORD.sub(" ", kind.__name__).lower()


def _when(state: State) -> str:
    whens = {s.target: s.when for s in STEPS}
    return whens.get(state, Standing.NOTHING_OWED).value


def _or(targets: Sequence[TaskStatus]) -> str:
    return " or ".join(t.value for t in targets)


def _before(before: timedelta, *, legal: bool) -> str:
    date = "legal date" if legal else "strict date"
    return f"the {date} has passed" if not before else f"{before.days} days before the {date}"


def _table(titles: Sequence[str], lines: Iterable[Sequence[object]]) -> Iterator[str]:
    yield f"| {' | '.join(titles)} |"
    yield f"|{'---|' * len(titles)}"
    for line in lines:
        yield f"| {' | '.join(str(cell) for cell in line)} |"

"""The judge of histories, on histories made by hand: a good one holds, and each broken guarantee is seen as itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from lethe_testkit.history import (
    Accepted,
    AckEnd,
    Answered,
    Asked,
    Backlog,
    ChainLink,
    Claimed,
    Effect,
    Guarantee,
    History,
    Hold,
    IncidentEnd,
    SagaEnd,
    TaskEnd,
    TimerEnd,
    Written,
    check,
)
from lethe_testkit.history.check import rules
from lethe_testkit.history.model import PACKAGE

T0 = datetime(2026, 3, 5, 10, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def chained(*links: ChainLink) -> tuple[ChainLink, ...]:
    """The same links with numbers and hashes that fit."""
    found: list[ChainLink] = []
    head = "0" * 64
    for seq, link in enumerate(links, 1):
        head = sha256(f"{head}\n{link.content}".encode()).hexdigest()
        found.append(replace(link, seq=seq, hash=head))
    return tuple(found)


def link(kind: str, seconds: float, state: str | None, **more: object) -> ChainLink:
    return ChainLink("s", 0, "", f"{kind} {seconds}", kind, at(seconds), state, **more)


LINKS = chained(
    link("dsr_received", 0, "received"),
    link("scope_planned", 0, "fulfilling"),
    link("alarm_due", 1, "fulfilling", due_at=at(1), subject="0"),
    link("task_acked", 2, "verifying"),
    link("task_acked", 3, "closed"),
    link("certificate_issued", 3, None),
    link("retention_over", 4, "closed", due_at=at(4)),
)
ERASE = TaskEnd("s", "e", "shop", "erase", 1, "done", 1, 1, "done", at(2))
VERIFY = TaskEnd("s", "v", "shop", "verify", 1, "done", 1, 1, "nothing_found", at(3))
SAGA = SagaEnd("s", "closed", at(3), at(3), at(4), 7, LINKS[-1].hash, submission="wish")
GOOD = History(
    ended_at=at(60),
    accepted=(Accepted("s", "wish"),),
    sagas=(SAGA,),
    tasks=(ERASE, VERIFY),
    asked=(Asked("s", "e", "shop", 1, at(0)), Asked("s", "e", "shop", 1, at(0)), Asked("s", "v", "shop", 1, at(2))),
    effects=(Effect("s", "shop", "e", at(1.5)),),
    observes_effects=frozenset({"shop"}),
    answered=(Answered("s", "e", 1, False, "a"), Answered("s", "e", 1, False, "a")),
    acks=(AckEnd("s", "e", 1, False, "m1", at(2)), AckEnd("s", "v", 1, False, "m2", at(3))),
    links=LINKS,
    timers=(TimerEnd("s", None, None),),
    backlog=(Backlog("outbox", "sagas", 0), Backlog("lag", "acks/0", 0)),
    undecodable=frozenset({("acks", 0, 7)}),
    parked=frozenset({("acks", 0, 7)}),
    claims=(Claimed("slot 0", 1, "a", False), Claimed("slot 0", 2, "b", False)),
    written=(Written("a", "s", 100), Written("a", "s", 101)),
)
OPEN = replace(SAGA, state="fulfilling", closed_at=None, answered_at=None, shredded_at=None)


def relinked(*links: ChainLink) -> History:
    """The good history with another chain, which fits in itself and to its saga's row."""
    made = chained(*links)
    return replace(GOOD, links=made, sagas=(replace(SAGA, audit_seq=len(made), audit_head=made[-1].hash),))


def with_tasks(*tasks: TaskEnd, **saga: object) -> History:
    """A closed saga of which only these tasks are known."""
    bare = relinked(LINKS[0], LINKS[1], link("exception_approved", 3, "closed"), *LINKS[5:])
    sagas = (replace(bare.sagas[0], **saga),)
    return replace(bare, tasks=tasks, sagas=sagas, effects=(), observes_effects=frozenset(), asked=(), acks=())


def test_a_good_history_holds() -> None:
    verdict = check(GOOD)
    assert verdict.holds, str(verdict)
    assert str(verdict) == "everything held"


def test_what_was_not_observed_is_not_held_against_a_run() -> None:
    assert check(History(ended_at=at(0))).holds
    assert check(replace(GOOD, asked=(), effects=(), observes_effects=frozenset(), answered=(), claims=())).holds


def test_every_guarantee_is_judged() -> None:
    assert list(rules()) == list(Guarantee)


G = Guarantee
BROKEN = {
    "no saga": (G.KEPT, replace(GOOD, accepted=(*GOOD.accepted, Accepted("t", "other")))),
    "nobody called": (
        G.KEPT,
        replace(
            GOOD, sagas=(replace(OPEN, audit_seq=4, audit_head=LINKS[3].hash),), links=LINKS[:4], acks=GOOD.acks[:1]
        ),
    ),
    "two sagas": (
        G.ONE_SAGA,
        replace(
            GOOD,
            accepted=(Accepted("s", "wish"), Accepted("t", "wish")),
            sagas=(SAGA, replace(SAGA, id="t", audit_seq=0, audit_head="0" * 64)),
            tasks=(*GOOD.tasks, *(replace(t, saga_id="t", task_id=t.task_id * 2) for t in GOOD.tasks)),
            effects=(*GOOD.effects, Effect("t", "shop", "ee", at(1))),
        ),
    ),
    "two effects": (G.ONE_EFFECT, replace(GOOD, effects=GOOD.effects * 2)),
    "no effect": (G.ONE_EFFECT, replace(GOOD, effects=())),
    "asked beyond the record": (
        G.NOTHING_UNASKED,
        replace(GOOD, asked=(*GOOD.asked, Asked("s", "e", "shop", 2, at(2)))),
    ),
    "asked before the record": (G.NOTHING_UNASKED, replace(GOOD, asked=(Asked("s", "e", "shop", 1, at(-1)),))),
    "done, never asked": (G.NOTHING_UNASKED, replace(GOOD, effects=(*GOOD.effects, Effect("s", "shop", "x", at(1))))),
    "answer to no attempt": (
        G.NOTHING_UNASKED,
        replace(GOOD, acks=(GOOD.acks[0], replace(GOOD.acks[1], attempt=2))),
    ),
    "counted twice": (
        G.ONE_ANSWER,
        replace(
            relinked(*LINKS[:4], link("task_acked", 2.5, "verifying"), *LINKS[4:]),
            acks=(*GOOD.acks, replace(GOOD.acks[0], message_id="m3")),
        ),
    ),
    "two answers": (G.ONE_ANSWER, replace(GOOD, answered=(*GOOD.answered, Answered("s", "e", 1, False, "b")))),
    "an answer that is in no chain": (
        G.ONE_ANSWER,
        replace(GOOD, acks=(*GOOD.acks, replace(GOOD.acks[0], promise=True))),
    ),
    "not verified": (G.NOT_EARLY, with_tasks(ERASE)),
    "verified later": (G.NOT_EARLY, with_tasks(ERASE, replace(VERIFY, settled_at=at(5)))),
    "data left": (G.NOT_EARLY, with_tasks(ERASE, replace(VERIFY, outcome="residual"))),
    "looked in an earlier round": (G.NOT_EARLY, with_tasks(ERASE, VERIFY, replace(ERASE, task_id="e2", round=2))),
    "not erased": (G.NOT_EARLY, with_tasks(replace(ERASE, status="issued"), VERIFY)),
    "excepted without a ground": (G.NOT_EARLY, with_tasks(replace(ERASE, status="excepted", excepted_at=at(1)))),
    "excepted later": (
        G.NOT_EARLY,
        with_tasks(replace(ERASE, status="excepted", ground="legal_claims", excepted_at=at(5))),
    ),
    "nobody in scope": (
        G.NOT_EARLY,
        replace(with_tasks(), asked=(), acks=(), links=(), sagas=(replace(SAGA, audit_seq=0, audit_head="0" * 64),)),
    ),
    "no export": (
        G.NOT_EARLY,
        with_tasks(
            TaskEnd("s", "p", PACKAGE, "package", 1, "done", 1, 1, "done", at(2)), ERASE, VERIFY, needs_package=True
        ),
    ),
    "no package": (
        G.NOT_EARLY,
        with_tasks(replace(ERASE, verb="export", task_id="x"), ERASE, VERIFY, needs_package=True),
    ),
    "closed without its date": (G.NOT_EARLY, replace(GOOD, sagas=(replace(SAGA, closed_at=None),))),
    "applied after close": (
        G.QUIET,
        relinked(*LINKS, link("alarm_due", 5, "closed", due_at=at(2), subject="1")),
    ),
    "asked after close": (G.QUIET, replace(GOOD, asked=(*GOOD.asked, Asked("s", "v", "shop", 1, at(9))))),
    "answered after close": (G.QUIET, replace(GOOD, acks=(GOOD.acks[0], replace(GOOD.acks[1], at=at(9))))),
    "done after close": (G.QUIET, replace(GOOD, effects=(Effect("s", "shop", "e", at(9)),))),
    "an early alarm": (G.ALARMS, relinked(*LINKS[:2], replace(LINKS[2], due_at=at(1.5)), *LINKS[3:])),
    "an alarm twice": (G.ALARMS, relinked(*LINKS[:3], LINKS[2], *LINKS[3:])),
    "an alarm before the one below it": (G.ALARMS, relinked(*LINKS[:2], replace(LINKS[2], subject="1"), *LINKS[3:])),
    "another content": (G.CHAIN, replace(GOOD, links=(*LINKS[:2], replace(LINKS[2], content="x"), *LINKS[3:]))),
    "a link that is gone": (G.CHAIN, replace(GOOD, links=(*LINKS[:2], *LINKS[3:]))),
    "the last link that is gone": (G.CHAIN, replace(GOOD, links=LINKS[:-1])),
    "a chain without a saga": (G.CHAIN, replace(GOOD, links=(*LINKS, replace(LINKS[0], saga_id="t")))),
    "an outbox that is not empty": (G.DRAINED, replace(GOOD, backlog=(Backlog("outbox", "sagas", 1),))),
    "a negative lag": (G.DRAINED, replace(GOOD, backlog=(Backlog("lag", "acks/0", -1),))),
    "a timer that is missing": (G.TIMERS, replace(GOOD, timers=(TimerEnd("s", None, at(90)),))),
    "a timer for nothing": (G.TIMERS, replace(GOOD, timers=(TimerEnd("s", at(90), None),))),
    "a timer that is late": (G.TIMERS, replace(GOOD, timers=(TimerEnd("s", at(91), at(90)),))),
    "a timer that did not fire": (G.TIMERS, replace(GOOD, timers=(TimerEnd("s", at(50), at(50)),))),
    "asked under a hold": (G.HOLDS, replace(GOOD, holds=(Hold("s", "shop", at(1), at(2.5)),))),
    "asked although excepted": (
        G.HOLDS,
        replace(
            GOOD,
            tasks=(*GOOD.tasks, TaskEnd("s", "x", "shop", "export", 1, "excepted", 1, ground="g", excepted_at=at(1))),
            asked=(*GOOD.asked, Asked("s", "x", "shop", 1, at(2))),
        ),
    ),
    "poison that vanished": (G.PARKED, replace(GOOD, parked=frozenset())),
    "a good message parked": (G.PARKED, replace(GOOD, parked=GOOD.parked | {("acks", 0, 3)})),
    "taken from the living": (G.ONE_OWNER, replace(GOOD, claims=(Claimed("slot 0", 1, "a", True),))),
    "an epoch twice": (
        G.ONE_OWNER,
        replace(GOOD, claims=(Claimed("slot 0", 1, "a", False), Claimed("slot 0", 1, "b", False))),
    ),
    "out of order": (G.ORDER, replace(GOOD, written=(Written("a", "s", 101), Written("a", "s", 100)))),
}


@pytest.mark.parametrize(("guarantee", "history"), BROKEN.values(), ids=BROKEN.keys())
def test_one_broken_guarantee_is_seen_as_itself(guarantee: Guarantee, history: History) -> None:
    verdict = check(history)
    assert verdict.broken == {guarantee}, str(verdict)
    assert guarantee.name in str(verdict)


def test_every_guarantee_has_a_history_that_breaks_it() -> None:
    assert {guarantee for guarantee, _ in BROKEN.values()} == set(Guarantee)


UNDER_WAY = replace(
    GOOD,
    sagas=(replace(OPEN, audit_seq=4, audit_head=LINKS[3].hash),),
    links=LINKS[:4],
    acks=GOOD.acks[:1],
    timers=(TimerEnd("s", at(90), at(90)),),
)
INCIDENT = IncidentEnd("i", "s", "needs_person", at(2))


@pytest.mark.parametrize(
    "history",
    [
        replace(UNDER_WAY, incidents=(INCIDENT,)),
        replace(UNDER_WAY, sagas=(replace(UNDER_WAY.sagas[0], state="answered", answered_at=at(2)),)),
        with_tasks(replace(ERASE, unverifiable=True)),
        with_tasks(replace(ERASE, outcome="accepted"), VERIFY),
        with_tasks(ERASE, replace(VERIFY, status="excepted", outcome=None, ground="legal_claims", excepted_at=at(3))),
        with_tasks(replace(ERASE, status="excepted", ground="legal_claims", excepted_at=at(3))),
        with_tasks(
            replace(ERASE, task_id="x", verb="export"),
            TaskEnd("s", "p", PACKAGE, "package", 1, "done", 1, 1, "done", at(2)),
            erases=False,
            needs_package=True,
        ),
        replace(GOOD, parked=GOOD.parked | {("acks", 0, 3)}, refusable=frozenset({("acks", 0, 3)})),
        replace(GOOD, timers=(TimerEnd("s", at(70), at(90)),)),
        replace(GOOD, holds=(Hold("s", "shop", at(2.5)), Hold("s", "other", at(0)))),
        replace(GOOD, asked=(*GOOD.asked, Asked("s", "e", "shop", 1, at(2.9)))),
    ],
    ids=[
        "incident",
        "promise",
        "unverifiable",
        "settled by the look",
        "look excepted",
        "excepted",
        "access",
        "refusable",
        "armed early",
        "other hold",
        "asked again",
    ],
)
def test_what_is_lawful_is_not_held_against_a_run(history: History) -> None:
    assert check(history).holds, str(check(history))


def test_an_incident_that_was_resolved_calls_nobody() -> None:
    resolved = replace(INCIDENT, resolved_at=at(5))
    assert check(replace(UNDER_WAY, incidents=(resolved,))).broken == {Guarantee.KEPT}

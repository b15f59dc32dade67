"""Every pair of state and event, and of task status and happening, is in exactly one of three tables."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import product

import msgspec
import pytest

from lethe_events.words import Right, SagaState, Verb
from lethe_testkit import saga_rights
from lethe_testkit.letters import ask_extension, told
from lethe_testkit.sagas import KEPT, NEXT_VERSION, Given, rules
from orchestrator.domain import ending_tables, record, tables, task_tables
from orchestrator.domain import events as e
from orchestrator.domain.clock import LADDER
from orchestrator.domain.closing import STATE_OF
from orchestrator.domain.decision import Disposition
from orchestrator.domain.hold_events import HoldReleased, KeptPartDue
from orchestrator.domain.lift_events import LiftCalledOff
from orchestrator.domain.retry import RetryPolicy
from orchestrator.domain.rules import Unverifiable
from orchestrator.domain.words import ENDING, MEANING, RESTRICTED, Code, Happening, Standing, TaskStatus

SAGA_PAIRS = list(product(tables.STATES, e.EVENTS))
TASK_PAIRS = list(product(TaskStatus, Happening))


@pytest.mark.parametrize(("state", "event"), SAGA_PAIRS, ids=lambda x: getattr(x, "__name__", str(x)))
def test_every_state_and_event_is_in_exactly_one_table(state, event):
    stepped = any((s.state, s.event) == (state, event) for s in tables.STEPS)
    ignored = sum((i.state, i.event) == (state, event) for i in tables.IGNORED)
    rejected = sum((r.state, r.event) == (state, event) for r in tables.REJECTED)
    assert stepped + ignored + rejected == 1


@pytest.mark.parametrize(("status", "happening"), TASK_PAIRS, ids=lambda x: x.name)
def test_every_task_status_and_happening_is_in_exactly_one_table(status, happening):
    found = [
        row
        for row in (*task_tables.TASK_STEPS, *task_tables.TASK_IGNORED, *task_tables.TASK_REJECTED)
        if (row.status, row.happening) == (status, happening)
    ]
    assert len(found) == 1


@pytest.mark.parametrize(
    ("status", "happening"),
    list(product(ending_tables.STATUSES, ending_tables.HAPPENINGS)),
    ids=lambda x: x.name,
)
def test_every_status_and_happening_of_a_request_that_ended_is_in_exactly_one_table(status, happening):
    tables_of_the_end = (ending_tables.ENDING_STEPS, ending_tables.ENDING_IGNORED, ending_tables.ENDING_REJECTED)
    assert sum((row.status, row.happening) == (status, happening) for t in tables_of_the_end for row in t) == 1


def test_the_steps_of_one_pair_share_their_act_and_lead_to_different_states():
    counted = Counter((s.state, s.event, s.target) for s in tables.STEPS)
    assert max(counted.values()) == 1
    acts: dict[tuple[object, type], set[object]] = {}
    for step in tables.STEPS:
        acts.setdefault((step.state, step.event), set()).add(step.act)
    assert all(len(a) == 1 for a in acts.values())


def test_every_row_says_why():
    assert all(s.article.startswith("GDPR Art. ") for s in (*tables.STEPS, *task_tables.TASK_STEPS))
    assert all(i.reason for i in (*tables.IGNORED, *task_tables.TASK_IGNORED))
    assert all(r.code and r.detail for r in (*tables.REJECTED, *task_tables.TASK_REJECTED))


def test_every_standing_has_its_state_and_every_guard_its_standing():
    assert set(STATE_OF) == set(Standing)
    assert all(STATE_OF[s.when] is s.target for s in tables.STEPS)


def test_every_incident_says_what_to_do_next():
    assert set(MEANING) == set(Code)


def test_only_what_was_kept_or_held_leaves_closed():
    leaving = {s.event for s in tables.STEPS if s.state is SagaState.CLOSED and s.target is not SagaState.CLOSED}
    assert leaving == {KeptPartDue, HoldReleased}


def test_the_ladder_is_in_order():
    assert [r.before for r in LADDER] == sorted((r.before for r in LADDER), reverse=True)


PROCESSORS = (
    rules("shop", retries=RetryPolicy(max_attempts=2)),
    rules("crm", after=("shop",), retries=RetryPolicy(max_attempts=2)),
    rules("vendor", deletion_lag=timedelta(days=2), retries=RetryPolicy(max_attempts=3)),
    rules("post", unverifiable=Unverifiable("cannot_be_reread", "GDPR Art. 5(2)", "no_api")),
)
ACKS = ("done", "nothing_found", "retained", "accepted", "residual", "transient", "permanent", "needs_person")


def wander(seed: int, seen: set[tuple[object, str, object]], happened: set[Disposition], *, ends: bool = False) -> None:
    """One random saga; which steps it took."""
    chance, seldom = random.Random(seed), random.Random(-1 - seed)
    given = Given().received(
        chance.choice([Right.ERASURE, Right.ERASURE, Right.ACCESS]), export_first=chance.random() < 0.3
    )
    given.whatever().planned(*chance.sample(PROCESSORS, chance.randint(0, 3))).whatever()
    for _ in range(60):
        saga = given.saga
        tasks = [t for t in saga.tasks.values() if t.attempt] or list(saga.tasks.values())
        roll = chance.random()
        if ends and seldom.random() < 0.02:
            step(given, lambda g: g.withdrawn())
        elif roll < 0.1 or (not tasks and roll < 0.5):
            fresh = chance.choice(PROCESSORS)
            step(given, lambda g, r=fresh: g.joined(rules(r.processor_id, register_version=NEXT_VERSION)))
        elif roll < 0.25 or not tasks:
            hours = chance.choice([0.01, 0.3, 24, 24 * 8])
            step(given, lambda g, h=hours: g.pass_time(hours=h))
        else:
            act_on(
                given,
                chance,
                chance.choice(list(saga.tasks.values()) if roll < 0.4 else tasks),
                roll,
                stubborn=seed % 3 == 0,
            )
        happened.add(given.decision.disposition)
    note(given, seen)


def note(given: Given, seen: set[tuple[object, str, object]]) -> None:
    """Which steps the record of a saga tells of."""
    states: list[object] = [tables.ABSENT]
    for line in given.history():
        entry = json.loads(line)
        place = entry["effect"]["state"]
        states.append(place if place in {ENDING, RESTRICTED} else SagaState(place))
        seen.add((states[-2], entry["kind"], states[-1]))


def rare() -> Iterator[Given]:
    """Steps that chance takes too seldom."""
    yield Given().received().whatever().planned().whatever().pass_time(days=40)
    for erased in (True, False):
        given = Given().received().whatever().planned(PROCESSORS[0], PROCESSORS[2]).whatever()
        given.acked("erase@vendor", "accepted", expected_by=given.now + timedelta(days=3)).whatever()
        if erased:
            given.acked("erase@shop", "done").whatever()
        excepted = "verify@shop" if erased else "erase@shop"
        yield given.proposed(excepted).whatever().approved(excepted)
    given = Given().received().whatever().planned(PROCESSORS[3]).whatever()
    yield given.acked("erase@post", "accepted", expected_by=given.now).whatever().pass_time(seconds=1)
    given = Given().received().whatever().planned(PROCESSORS[2]).whatever()
    for round_ in (1, 2):
        given.acked(f"erase@vendor#{round_}", "accepted", expected_by=given.now).whatever().pass_time(days=3).whatever()
        given.acked(f"verify@vendor#{round_}", "residual").whatever()
    yield given.retried("verify@vendor#2")


def beside() -> Iterator[Given]:
    """What people do to requests as a whole, in every state."""
    for before in ("", "erase@shop", "verify@shop"):
        given = Given().received().whatever().planned(PROCESSORS[0], PROCESSORS[2]).whatever()
        if before:
            given.acked("erase@vendor", "accepted", expected_by=given.now + timedelta(days=3)).whatever()
            given.acked("erase@shop", "done").whatever()
        if before == "verify@shop":
            given.acked(before, "nothing_found").whatever()
        given.withdrawn().whatever()
        yield given
    for excepted in (("erase@shop", "erase@vendor"), ("erase@shop",)):
        given = Given().received().whatever().planned(PROCESSORS[0], PROCESSORS[2]).whatever().withdrawn().whatever()
        for name in excepted:
            given.proposed(name).whatever().approved(name).whatever()
        yield given.acked("erase@vendor", "done").whatever()
    yield Given().received().whatever().withdrawn().whatever()


def doubted() -> Iterator[Given]:
    """What may happen while who asks is in doubt."""
    for end in ("extended", "verified", "withdrawn", "refused"):
        given = Given().received(identity="in_doubt").whatever().pass_time(days=30).whatever()
        if end == "refused":
            given.refusing().whatever()
        getattr(given, end)()
        yield given.whatever()


def held() -> Iterator[Given]:
    """Holds in every open state."""
    for state in ("identity", "received", "fulfilling", "verifying", "answered"):
        given = Given().received(identity="in_doubt" if state == "identity" else "known").whatever()
        if state not in {"identity", "received"}:
            given.planned(PROCESSORS[2]).whatever()
        if state == "verifying":
            given.acked("erase@vendor", "done").whatever()
        if state == "answered":
            given.acked("erase@vendor", "accepted", expected_by=given.now + timedelta(days=3)).whatever()
        yield given.held().lifting(by="robin").whatever().hold_approved(by="kim").whatever().expect_state(state)


def standing() -> Iterator[Given]:
    """Holds of the controller in every state, and what leaves closed."""
    for state in ("identity", "received", "fulfilling", "verifying", "answered", "ending"):
        given = Given().received(identity="in_doubt" if state == "identity" else "known").whatever().imposed("user")
        given.whatever()
        if state not in {"identity", "received"}:
            given.planned(PROCESSORS[0], PROCESSORS[2]).whatever()
        if state == "verifying":
            given.acked("erase@shop", "retained").whatever().acked("erase@vendor", "done").whatever()
        if state == "answered":
            given.acked("erase@vendor", "accepted", expected_by=given.now + timedelta(days=3)).whatever()
            given.acked("erase@shop", "done").whatever().acked("verify@shop", "nothing_found").whatever()
        if state == "ending":
            given.withdrawn().whatever()
        given.escalated().whatever()
        yield given.imposed(n=2).whatever().released(2).whatever().released().whatever()
    for kept_until in (None, 40):
        given = Given().received().whatever().planned(PROCESSORS[0]).whatever().imposed("user.contact").whatever()
        yield kept(given, until=kept_until)
    given = Given().received().whatever().planned(rules("post", unverifiable=PROCESSORS[3].unverifiable)).whatever()
    given.imposed("user").whatever().acked("erase@post", "transient").whatever().pass_time(hours=1).whatever()
    yield given.acked("erase@post", "retained").whatever().released()
    given = Given().received().whatever().imposed("user").whatever().planned(PROCESSORS[0], PROCESSORS[2]).whatever()
    given.acked("erase@shop", "retained").whatever().acked("verify@shop", "retained").whatever()
    yield given.acked("erase@vendor", "done").whatever().released().whatever()


def kept(given: Given, until: int | None) -> Given:
    """Closes with something kept; a hold comes and goes; then the date comes, if there is one."""
    row = msgspec.structs.replace(KEPT, until=None if until is None else given.now + timedelta(days=until))
    given.acked("erase@shop", "retained", retained=(row,)).whatever()
    given.acked("verify@shop", "retained", retained=(row,)).whatever()
    given.imposed(n=2).whatever().released(2).whatever()
    return given.pass_time(days=50).whatever()


def written() -> Iterator[Given]:
    """Notices that are ordered, and reports of letters, in every state."""
    for state in ("identity", "received", "fulfilling", "verifying", "answered", "ending", "closed"):
        given = Given().received(identity="in_doubt" if state == "identity" else "known").whatever()
        if state not in {"identity", "received"}:
            given.planned(PROCESSORS[2]).whatever()
        if state == "verifying":
            given.acked("erase@vendor", "done").whatever()
        if state in {"answered", "closed"}:
            given.acked("erase@vendor", "accepted", expected_by=given.now + timedelta(days=3)).whatever()
        if state in {"ending", "closed"}:
            given.withdrawn().whatever()
        if state in {"identity", "received", "fulfilling", "verifying"}:
            ask_extension(given)
        yield (
            told(told(given, "withdrawn").whatever())
            .whatever()
            .expect_state("fulfilling" if state == "ending" else state)
        )


def refused() -> Iterator[Given]:
    """Refusals and extensions, early and late."""
    for begun in range(3):
        given = Given().received().whatever()
        if begun:
            given.planned(PROCESSORS[0]).whatever()
        if begun == 2:
            given.acked("erase@shop", "done").whatever()
        yield given.refusing().whatever().refused().whatever()
    given = Given().received().whatever().planned(PROCESSORS[0]).whatever().acked("erase@shop", "transient").whatever()
    yield given.refusing().whatever().refused().whatever()
    given = Given().received().whatever().planned(PROCESSORS[2]).whatever().acked("erase@vendor", "done").whatever()
    yield given.acked("verify@vendor", "residual").whatever().refusing().whatever().refused().whatever()
    yield Given().received().whatever().extended().whatever()
    given = Given().received().whatever().planned(PROCESSORS[0]).whatever().acked("erase@shop", "done").whatever()
    yield given.extended().whatever()
    yield Given().received().whatever().planned(PROCESSORS[0]).whatever().extended().whatever()


def decided() -> Iterator[Given]:
    """The rights beside access and erasure: random lives, and what chance takes too seldom."""
    yield from map(saga_rights.wander, saga_rights.TELLING)
    yield from (*saga_rights.refuted_late(), *saga_rights.promised())
    yield told(saga_rights.in_force()).whatever()
    yield told(saga_rights.deciding()).whatever().pass_time(days=40).whatever()
    given = saga_rights.announced()
    yield given.happens(LiftCalledOff(given.now, "kept", "kim")).whatever()
    yield told(saga_rights.announced(), "restriction_lifting").whatever().pass_time(days=8).whatever()
    yield saga_rights.deciding().extended().whatever()
    yield saga_rights.deciding().escalated().whatever()
    given = saga_rights.deciding()
    ask_extension(given)
    yield given.whatever()


def answer(task, chance, stubborn):
    """A good answer half of the time; a stubborn world keeps its data whatever it says."""
    if stubborn and task.verb in {Verb.VERIFY, Verb.ERASE} and chance.random() < 0.8:
        return "residual" if task.verb is Verb.VERIFY else chance.choice(["done", "accepted"])
    good = "nothing_found" if task.verb is Verb.VERIFY else "done"
    return good if chance.random() < 0.5 else chance.choice(ACKS)


def act_on(given, chance, task, roll, *, stubborn):
    if roll < 0.32:
        step(given, lambda g: g.retried(task.name))
    elif roll < 0.36:
        step(given, lambda g: g.proposed(task.name, chance.choice(["kim", "robin"])))
    elif roll < 0.45:
        step(given, lambda g: g.approved(task.name, chance.choice(["kim", "robin"])))
    else:
        outcome = answer(task, chance, stubborn)
        more = {"expected_by": given.now + timedelta(hours=chance.choice([-1, 20]))} if outcome == "accepted" else {}
        attempt = max(1, task.attempt - chance.choice([0, 0, 0, 1]))
        step(given, lambda g: g.acked(task.name, outcome, attempt=attempt, **more))


def step(given, do):
    do(given)
    given.whatever()


def test_every_step_can_be_taken_and_none_other_ever_is():
    """None other: decide raises IllegalTransition. Every: a row that nothing reaches would be a promise on paper."""
    seen, happened = set(), set()
    for seed in range(600):
        wander(seed, seen, happened)
    for seed in range(120):
        wander(seed, seen, happened, ends=True)
    for given in (*rare(), *beside(), *doubted(), *held(), *standing(), *written(), *refused(), *decided()):
        note(given, seen)
    listed = {(s.state, record.kind_of(s.event), s.target) for s in tables.STEPS if s.event is not e.RetentionOver}
    never = listed - seen
    assert sorted(map(str, never)) == []
    assert happened == set(Disposition)

"""Every pair of state and event is in exactly one of three tables, and every step can be taken."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path
from uuid import UUID

import pytest

from breach_notifier.domain import events as e
from breach_notifier.domain import tables
from breach_notifier.domain.decision import Disposition
from breach_notifier.domain.ladder import next_timer
from breach_notifier.domain.page import breach_page
from breach_notifier.domain.record import check, from_json, kind_of, replay, to_json
from breach_notifier.domain.words import MEANING, Code, Party, State, Status
from lethe_law.breach.exemptions import Exemption
from lethe_law.breach.facts import Data
from lethe_law.escalation import BREACH_LADDER
from lethe_testkit.breaches import ADA, BEN, CASE, GRAVE, INCIDENT, NIGHT, SLIGHT, GivenBreach

PAIRS = list(product(tables.STATES, e.EVENTS))
PAGE = Path(__file__).parents[3] / "docs" / "breach-cases.md"


@pytest.mark.parametrize(("state", "event"), PAIRS, ids=lambda x: getattr(x, "__name__", str(x)))
def test_every_state_and_event_is_in_exactly_one_table(state, event):
    stepped = any((s.state, s.event) == (state, event) for s in tables.STEPS)
    ignored = sum((i.state, i.event) == (state, event) for i in tables.IGNORED)
    rejected = sum((r.state, r.event) == (state, event) for r in tables.REJECTED)
    assert stepped + ignored + rejected == 1


def test_the_steps_of_one_pair_share_their_act_and_lead_to_different_states():
    counted = Counter((s.state, s.event, s.target) for s in tables.STEPS)
    assert max(counted.values()) == 1
    acts: dict[tuple[object, type], set[object]] = {}
    for step in tables.STEPS:
        acts.setdefault((step.state, step.event), set()).add(step.act)
    assert all(len(a) == 1 for a in acts.values())


def test_every_row_says_why():
    assert all(s.article.startswith("GDPR Art. ") for s in tables.STEPS)
    assert all(i.reason for i in tables.IGNORED)
    assert all(r.code and r.detail for r in tables.REJECTED)
    assert set(MEANING) == set(Code)


def test_only_a_settled_case_is_closed_and_only_two_people_dismiss_one():
    assert {s.state for s in tables.STEPS if s.target is State.CLOSED and s.state is not State.CLOSED} == {
        State.SETTLED
    }
    dismissing = {s.event for s in tables.STEPS if s.target is State.DISMISSED and s.state is not State.DISMISSED}
    assert dismissing == {e.DismissalConfirmed}


def test_no_signal_starts_a_clock():
    starting = {
        s.event for s in tables.STEPS if s.target is State.AWARE and s.state in {tables.ABSENT, State.SUSPECTED}
    } - {e.FactsStated, e.AffectedCounted}
    assert starting == {e.AwarenessDeclared, e.ProcessorNotified, e.CaseJoined}, "the last with a clock that ran"
    assert not any(
        s.state is State.SUSPECTED and s.target is State.AWARE and s.event is e.EvidenceAdded for s in tables.STEPS
    )


def test_the_page_is_fresh_and_has_every_row():
    page = breach_page()
    assert PAGE.read_text() == page, "run `make docs` and commit docs/breach-cases.md"
    assert all(s.article in page for s in tables.STEPS)
    assert all(i.reason in page for i in tables.IGNORED)
    assert all(r.detail in page for r in tables.REJECTED)
    assert all(meaning in page for meaning in MEANING.values())


OTHER = UUID(int=77)
MIDDLE = replace(SLIGHT, data=frozenset({Data.FINANCIAL}), retrieved=False)
"""A risk, and a high one for many people."""


def _facts(chance):
    return chance.choice(
        [GRAVE, SLIGHT, replace(GRAVE, subjects=chance.choice([None, 5, 20_000])), replace(SLIGHT, retrieved=None)]
    )


def _acts(g, chance):
    """Any act that somebody could try, sensible or not."""
    who, sha = chance.choice([ADA, BEN, "rule:x", ""]), chance.choice(["v1", "v2", "v3", "v4"])
    return [
        g.suspected,
        lambda: g.on(
            e.ProcessorNotified(g.now, CASE, INCIDENT, "acme", "DE", "Europe/Berlin", "gdpr", "vendor", (sha,))
        ),
        lambda: g.on(e.EvidenceAdded(g.now, (chance.choice(["s1", "s2", "s3", "s4"]),))),
        lambda: g.on(e.DismissalProposed(g.now, who, "nothing")),
        lambda: g.on(e.DismissalConfirmed(g.now, who)),
        lambda: g.aware(who, aware_at=g.now - timedelta(hours=chance.choice([0, 90, 400]))),
        lambda: g.stated(_facts(chance)),
        lambda: g.counted(1, chance.choice([1, 50, 20_000, None]), chance.choice(["d1", "d2"])),
        lambda: g.decided(
            chance.random() < 0.7, chance.random() < 0.5, who, authorities=chance.choice([("DE-BE",), ("DE-BE", "FR")])
        ),
        lambda: g.confirmed(who),
        lambda: g.drafted(sha, chance.choice([Status.COMPLETE, Status.COMPLETE, Status.INCOMPLETE, Status.WITHDRAWN])),
        lambda: g.signed(sha),
        lambda: g.filed(sha, chance.choice(["DE-BE", "FR"]), reasons=chance.choice(["", "late logs"])),
        lambda: g.on(e.ControllerTold(g.now, who, "r", "c")),
        lambda: g.letters(proof=chance.choice(["p1", "p2"])),
        lambda: g.claimed(chance.choice(list(Exemption)), who),
        lambda: g.on(e.ExemptionConfirmed(g.now, who)),
        lambda: g.on(e.SubjectsOrdered(g.now, who, "DE-BE", "order")),
        lambda: g.on(e.TriageDue(g.now)),
        lambda: g.on(e.RungDue(g.now, chance.choice(BREACH_LADDER).name)),
        lambda: g.on(e.BreachRecurred(g.now, who, g.now, "again")),
        g.closed,
        lambda: g.on(e.CaseReopened(g.now, who, "new logs")),
        lambda: g.on(e.CaseMerged(g.now, who, OTHER, "one night")),
        lambda: g.on(_joined(g, chance, who)),
        lambda: g.on(e.CaseRelated(g.now, who, UUID(int=chance.randrange(3)), "one night")),
    ]


def _joined(g, chance, who):
    other, evidence = UUID(int=chance.randrange(9)), (chance.choice(["s1", "s5"]),)
    ran = (g.now - timedelta(hours=chance.choice([1, 90])), BEN, "dump") if chance.random() < 0.5 else ()
    return e.CaseJoined(g.now, who, other, evidence, chance.choice(["one night", ""]), *ran)


class Watched(GivenBreach):
    def on(self, event):
        before = self.case
        super().on(event)
        _never_wrong(before, self)
        return self


def _work(g, chance):
    """What a team that knows its trade does next."""
    case = g.case
    if case.state is State.SUSPECTED:
        g.aware() if case.dismissal is None or chance.random() < 0.3 else g.on(e.DismissalConfirmed(g.now, BEN))
    elif case.facts is None:
        g.stated(_facts(chance))
    elif case.state is State.AWARE:
        pending = case.verdict is not None
        g.confirmed() if pending else g.decided(chance.random() < 0.6, chance.random() < 0.6 and case.version % 2 == 0)
    elif case.state is State.ASSESSED or (case.state is State.NOTIFIED and chance.random() < 0.5):
        sha, status = f"n{case.version}", chance.choice([Status.COMPLETE, Status.COMPLETE, Status.INCOMPLETE])
        g.drafted(sha, status).signed(sha)
        for authority in case.authorities or ("DE-BE",):
            g.filed(sha, authority, reasons="late logs")
    elif case.state is State.NOTIFIED and chance.random() < 0.5:
        g.letters(proof=f"p{case.version}") if chance.random() < 0.5 else g.claimed().on(
            e.ExemptionConfirmed(g.now, BEN)
        )
    elif case.state is State.SETTLED and chance.random() < 0.5:
        g.closed()


def _wander(seed, seen, happened):
    chance = random.Random(seed)
    g = Watched().later(chance.choice([0, 5]))
    if seed % 10 == 1:
        _acts(g, chance)[1]()
    g.suspected(party=Party.PROCESSOR if seed % 10 == 0 else Party.CONTROLLER)
    for _ in range(70):
        g.later(chance.choice([0.01, 1, 20]))
        if chance.random() < 0.6:
            _work(g, chance)
        else:
            chance.choice(_acts(g, chance))()
    happened |= {decision.disposition for decision in g.decisions}
    _note(g, seen)
    assert replay(g.links) == g.case
    assert check(g.links) == g.links[-1].hash


def _note(g, seen):
    """Which steps the record of a case tells of."""
    states = [tables.ABSENT]
    for link in g.links:
        entry = json.loads(link.content)
        states.append(State(entry["effect"]["state"]))
        seen.add((states[-2], entry["kind"], states[-1]))


def _rare():
    """Steps that chance takes too seldom."""
    done = Watched().suspected().aware().stated().decided().notice("v1").letters()
    yield done.decided().decided(subjects=False).decided().drafted("v2", Status.COMPLETE).signed("v2").filed("v2")
    yield done.drafted("v3", Status.INCOMPLETE).signed("v3").filed("v3").decided().notice("v4").decided()
    more = Watched().suspected().aware().stated().decided().drafted("v1", Status.COMPLETE).signed("v1").letters()
    yield more.decided(authorities=("DE-BE", "FR")).filed("v1").decided(authorities=("DE-BE",))
    yield Watched().suspected().aware().stated().decided(authorities=("DE-BE", "FR")).filed("v1").notice("v1").decided()
    partly = Watched().suspected().aware().stated().decided().notice("v1").letters().later(1).counted(1, 300)
    yield partly.drafted("v2", Status.INCOMPLETE).signed("v2").filed("v2")
    yield Watched().suspected().aware().stated().decided().claimed().on(e.ExemptionConfirmed(NIGHT, BEN))
    again = Watched().suspected().aware().stated().decided().drafted("v1", Status.WITHDRAWN).notice("v1")
    yield again.notice("v2", Status.WITHDRAWN).letters().decided()
    left = Watched().suspected().on(e.DismissalProposed(NIGHT, ADA, "nothing")).on(e.DismissalConfirmed(NIGHT, BEN))
    yield left.on(e.CaseReopened(NIGHT, ADA, "new logs"))
    yield left.on(e.DismissalProposed(NIGHT, ADA, "nothing")).on(e.DismissalConfirmed(NIGHT, BEN)).aware()
    two = Watched().suspected().aware().stated().decided(authorities=("DE-BE", "FR")).notice("v1").letters()
    yield two.decided(authorities=("DE-BE",))
    part = Watched().suspected().aware().stated().decided(authorities=("DE-BE", "FR")).notice("v1")
    yield part.decided(authorities=("DE-BE",)).drafted("v2", Status.INCOMPLETE).signed("v2").filed("v2").letters()
    grown = Watched().suspected().aware().stated(MIDDLE).decided(subjects=False).confirmed()
    yield grown.notice("v1", Status.INCOMPLETE).counted(1, 20_000)
    merged = Watched().suspected().aware().stated().decided().on(e.CaseMerged(NIGHT, ADA, OTHER, "one night"))
    yield merged.on(e.CaseReopened(NIGHT, ADA, "another one"))
    yield Watched().suspected().on(e.CaseMerged(NIGHT, ADA, OTHER, "x")).on(e.CaseReopened(NIGHT, ADA, "another one"))
    yield Watched().suspected().aware().stated().decided(subjects=False).confirmed().notice("v1").decided()
    none = Watched().suspected().aware().stated(SLIGHT).decided(authority=False, subjects=False).confirmed()
    yield none.on(e.CaseJoined(NIGHT, ADA, OTHER, ("s9",), "one night"))
    wrong = Watched().suspected().aware().stated().decided().notice("v1", Status.INCOMPLETE).letters()
    yield wrong.decided(authorities=("DE-BE",))


def _never_wrong(before, g):
    """What holds after every act, whatever was tried."""
    case = g.case
    if g.decision.disposition is not Disposition.APPLIED:
        assert case is before
        return
    assert case.version == (0 if before is None else before.version) + 1
    if case.state is State.DISMISSED:
        assert case.dismissal.confirmed_by not in {None, case.dismissal.by}
    if case.state in {State.ASSESSED, State.NOTIFIED, State.SETTLED, State.CLOSED} and case.party is Party.CONTROLLER:
        assert case.verdict.stands
        assert not case.verdict.says_no or case.verdict.confirmed_by != case.verdict.by
    if case.state in {State.SETTLED, State.CLOSED} and case.party is Party.CONTROLLER:
        if case.verdict.notify_subjects or case.ordered:
            exempt = case.relief is not None and case.relief.confirmed_by not in {None, case.relief.by}
            assert case.letters is not None or (exempt and not case.ordered)
        if case.verdict.notify_authority:
            assert all(case.last_filing(a).status is not Status.INCOMPLETE for a in case.authorities)
    assert (case.clock is None) == (case.aware_by == "")
    if before is not None and before.clock is not None and case.occurrence == before.occurrence:
        assert case.clock is not None
        assert case.clock.aware_at <= before.clock.aware_at or before.dismissal is not None
    assert len(case.rung) == len(set(case.rung))
    assert case.state is not State.MERGED or not (case.merged_into is None or case.filings or case.letters)
    if case.state in {State.SETTLED, State.CLOSED, State.DISMISSED, State.NOTIFIED, State.MERGED}:
        assert next_timer(case) is None
    for filing in case.filings:
        notice = next(n for n in case.notices if n.number == filing.notice)
        assert notice.signed_by not in {None, notice.by}
        assert filing.reference
        assert filing.copy_sha256


def test_every_step_can_be_taken_and_none_other_ever_is():
    """None other: decide raises IllegalTransition. Every: a row that nothing reaches would be a promise on paper."""
    seen, happened = set(), set()
    for seed in range(300):
        _wander(seed, seen, happened)
    for g in _rare():
        _note(g, seen)
    listed = {(s.state, kind_of(s.event), s.target) for s in tables.STEPS}
    assert sorted(map(str, listed - seen)) == []
    assert happened == set(Disposition)


def test_every_event_survives_being_written_down():
    g = GivenBreach()
    chance = random.Random(1)
    taken = set()
    keep = g.on
    for event in _every_event(g, chance, keep):
        again = from_json(type(event), json.loads(json.dumps(to_json(event))))
        assert again == event
        taken.add(type(event))
    assert taken == set(e.EVENTS)


def _every_event(g, chance, keep):
    found = []

    def note(event):
        found.append(event)
        return g

    g.on = note
    for act in _acts(g, chance):
        act()
    g.on = keep
    return found

"""The closing equation, straight: what each processor owes, from tasks made by hand."""

from uuid import UUID

import pytest

from lethe_events.words import Outcome, Right, Verb
from lethe_testkit.sagas import NOW, acknowledgement, rules
from orchestrator.domain.closing import LAWFUL_END, Verdict, equation_holds, standing, verdicts
from orchestrator.domain.rules import Unverifiable
from orchestrator.domain.saga import Task
from orchestrator.domain.words import Standing, TaskStatus

UNVERIFIABLE = Unverifiable("cannot_be_reread", "GDPR Art. 5(2)", "no_api")


def task(verb, status=TaskStatus.DONE, outcome=None, *, round_=1, processor="shop", **more):
    found = Task(UUID(int=hash((verb, round_, processor)) % 2**100), processor, verb, round_, (), rules(processor))
    answer = None if outcome is None else acknowledgement(found, outcome, NOW, attempt=1)
    return Task(
        found.id, processor, verb, round_, (), more.pop("rules", found.rules), status=status, answer=answer, **more
    )


def owed(*tasks, right=Right.ERASURE, package=False):
    found = verdicts(right, package, {t.id: t for t in tasks})
    return found.get("shop")


ERASED = task(Verb.ERASE, outcome="done")
SEEN = task(Verb.VERIFY, outcome="nothing_found")


@pytest.mark.parametrize(
    ("tasks", "verdict"),
    [
        ((ERASED, SEEN), Verdict.PROVEN),
        ((ERASED, task(Verb.VERIFY, outcome="retained")), Verdict.PROVEN),
        # acknowledged is not verified
        ((ERASED, task(Verb.VERIFY, TaskStatus.ISSUED)), Verdict.LOOK_OWED),
        # a look that found data is done, but proves the contrary
        ((ERASED, task(Verb.VERIFY, outcome="residual")), Verdict.LOOK_OWED),
        # a look of an earlier round says nothing about a later erasure
        ((ERASED, SEEN, task(Verb.ERASE, outcome="done", round_=2)), Verdict.LOOK_OWED),
        # nobody looks, and the register does not say why
        ((ERASED,), Verdict.WORK_OWED),
        ((task(Verb.ERASE, outcome="done", rules=rules("shop", unverifiable=UNVERIFIABLE)),), Verdict.UNVERIFIABLE),
        # a failed answer is an answer, but no erasure
        ((task(Verb.ERASE, TaskStatus.INCIDENT, "permanent"), SEEN), Verdict.WORK_OWED),
        ((task(Verb.ERASE, TaskStatus.EXCEPTED), task(Verb.VERIFY, TaskStatus.EXCEPTED)), Verdict.EXCEPTED),
        ((ERASED, task(Verb.VERIFY, TaskStatus.EXCEPTED)), Verdict.EXCEPTED),
        # an exception of an earlier round's look does not cover a later round
        (
            (ERASED, task(Verb.VERIFY, TaskStatus.EXCEPTED), task(Verb.ERASE, outcome="done", round_=2)),
            Verdict.LOOK_OWED,
        ),
        ((task(Verb.ERASE, TaskStatus.ACCEPTED),), Verdict.ABSENCE_OWED),
        (
            (task(Verb.ERASE, outcome="done", expected_by=NOW), task(Verb.VERIFY, TaskStatus.ISSUED)),
            Verdict.ABSENCE_OWED,
        ),
        ((task(Verb.VERIFY, outcome="nothing_found"),), Verdict.WORK_OWED),
    ],
)
def test_what_one_processor_owes(tasks, verdict):
    assert owed(*tasks) is verdict


def test_a_copy_that_was_asked_for_comes_first():
    exported = task(Verb.EXPORT, outcome="done")
    assert owed(ERASED, SEEN, package=True) is Verdict.WORK_OWED
    assert owed(ERASED, SEEN, exported, package=True) is Verdict.PROVEN
    packed = task(Verb.PACKAGE, outcome="done", processor="lethe-package")
    everything = {t.id: t for t in (ERASED, SEEN, exported)}
    assert standing(Right.ERASURE, True, everything) is Standing.WORK_OWED
    assert standing(Right.ERASURE, True, everything | {packed.id: packed}) is Standing.NOTHING_OWED


def test_an_export_is_proven_by_its_part_and_an_excepted_one_is_excepted():
    assert owed(task(Verb.EXPORT, outcome="done"), right=Right.ACCESS, package=True) is Verdict.PROVEN
    excepted = task(Verb.EXPORT, TaskStatus.EXCEPTED)
    assert owed(excepted, right=Right.ACCESS, package=True) is Verdict.EXCEPTED
    open_ = task(Verb.EXPORT, TaskStatus.ISSUED)
    assert owed(open_, right=Right.ACCESS, package=True) is Verdict.WORK_OWED


def test_nothing_in_scope_never_closes():
    assert not equation_holds({})
    assert standing(Right.ERASURE, False, {}) is Standing.SCOPE_UNKNOWN


@pytest.mark.parametrize("verdict", Verdict)
def test_one_that_owes_keeps_all_open(verdict):
    assert equation_holds({"a": Verdict.PROVEN, "b": verdict}) == (verdict in LAWFUL_END)


def test_the_heaviest_debt_decides():
    tasks = (
        ERASED,
        task(Verb.VERIFY, TaskStatus.ISSUED),
        task(Verb.ERASE, TaskStatus.ACCEPTED, processor="vendor"),
        task(Verb.ERASE, TaskStatus.ISSUED, processor="crm"),
    )
    by_id = {t.id: t for t in tasks}
    assert standing(Right.ERASURE, False, by_id) is Standing.WORK_OWED
    del by_id[tasks[3].id]
    assert standing(Right.ERASURE, False, by_id) is Standing.LOOK_OWED
    del by_id[tasks[0].id], by_id[tasks[1].id]
    assert standing(Right.ERASURE, False, by_id) is Standing.ABSENCE_OWED
    assert Outcome.RESIDUAL not in {t.answer.outcome for t in tasks if t.answer}

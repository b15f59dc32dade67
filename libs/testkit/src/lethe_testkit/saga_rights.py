"""Sagas of the rights beside access and erasure: processors that differ in what a right reaches, and random lives."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from lethe_events.words import Right, Verb
from lethe_testkit.sagas import NEXT_VERSION, Given, rules
from orchestrator.domain.decision_acts import grounds_against, outcomes_of
from orchestrator.domain.lift_events import LiftAnnounced
from orchestrator.domain.retry import RetryPolicy
from orchestrator.domain.rules import Unverifiable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orchestrator.domain.rules import ProcessorRules
    from orchestrator.domain.saga import Task

EVERY = frozenset(Verb) - {Verb.PACKAGE}
CONTRACT, LEGITIMATE = ("essential.service", "contract"), ("analytics.reporting", "legitimate_interests")
NEWSLETTER = ("marketing.communications.email", "consent")
SHOP: dict[str, Any] = {
    "verbs": EVERY,
    "purposes": (CONTRACT, LEGITIMATE, NEWSLETTER),
    "categories": ("user.name", "user.contact.email"),
}
LAB: dict[str, Any] = {"verbs": EVERY, "purposes": (LEGITIMATE,), "categories": ("user.behavior",)}
LEDGER: dict[str, Any] = {
    "verbs": EVERY,
    "purposes": (("legal_obligation.tax", "legal_obligation"),),
    "categories": ("user.financial",),
}
MAILER: dict[str, Any] = {
    "verbs": frozenset({Verb.EXPORT, Verb.ERASE, Verb.VERIFY}),
    "purposes": (NEWSLETTER,),
    "categories": ("user.contact.email",),
}
KINDS = {"shop": SHOP, "lab": LAB, "ledger": LEDGER, "mailer": MAILER}
STAGED = tuple(r for r in Right if r not in {Right.ACCESS, Right.ERASURE, Right.PORTABILITY})


def known(name: str, **more: Any) -> ProcessorRules:
    """A processor as the register describes it; `name` is one of KINDS, or `as_` says which."""
    return rules(name, **{**KINDS[more.pop("as_", name)], **more})


FEW = RetryPolicy(max_attempts=2)
PROCESSORS = (
    known("shop", retries=FEW),
    known("lab", retries=FEW, deletion_lag=timedelta(days=2)),
    known("ledger", retries=FEW),
    known("mailer", retries=FEW),
    known("post", as_="shop", retries=FEW, unverifiable=Unverifiable("cannot_be_reread", "GDPR Art. 5(2)", "no_api")),
)


def begun(right: Right, *processors: ProcessorRules, **asked: Any) -> Given:
    """Received and planned; nothing of it has to be expected any more."""
    return Given().received(right, **asked).whatever().planned(*processors).whatever()


def settle(given: Given, outcome: str = "done") -> Given:
    """Every processor answers what it is asked, until nothing is asked any more."""
    for _ in range(40):
        assert given.saga is not None
        asked = [t for t in given.saga.tasks.values() if t.status.value == "issued"]
        if not asked:
            return given
        for task in asked:
            given.acked(task.name, "nothing_found" if task.verb is Verb.VERIFY else outcome).whatever()
    raise AssertionError("it asks without end")


def announced(days: int = 7) -> Given:
    """A restriction whose end is announced; nobody knows yet what became of the letter."""
    given = in_force()
    return given.happens(LiftAnnounced(given.now, days, "no_longer_needed", "kim")).whatever()


def settle_one(given: Given, name: str, verb: str = "restrict") -> Given:
    """One processor does as it should."""
    given.acked(f"{verb}@{name}", "done").whatever()
    return given.acked(f"verify@{name}", "nothing_found").whatever()


TELLING = (
    *(0, 5, 6, 7, 8, 10, 12, 15, 16, 18, 20, 23, 32, 34, 36, 39, 43, 49, 54, 59, 66, 71, 77, 90, 104, 115, 125, 140),
    *(144, 152, 206, 210, 217, 276, 280, 298, 335, 359, 360, 400, 404, 504, 557, 574, 607, 647, 830, 868),
)
"""Seeds of `wander` that between them take every step that chance takes at all."""


def random_request(chance: random.Random) -> Given:
    right = chance.choice(STAGED)
    asked: dict[str, Any] = {}
    if right is Right.OBJECTION:
        asked["direct_marketing"] = chance.random() < 0.2
    if right is Right.RECTIFICATION:
        asked["contested"] = chance.random() < 0.7
    if right in {Right.OBJECTION, Right.CONSENT_WITHDRAWAL}:
        asked["purposes"] = chance.choice([(), ("marketing",), ("analytics",), ("unheard.of",), ("essential",)])
    elif right is not Right.AUTOMATED_DECISION:
        asked["categories"] = chance.choice([(), ("user",), ("user.name",), ("user.behavior",), ("user.workplace",)])
    given = Given().received(right, **asked).whatever()
    return given.planned(*chance.sample(PROCESSORS, chance.randint(1, 3))).whatever()


def wander(seed: int) -> Given:
    """One random saga of a right beside access and erasure, with all that people and processors may do."""
    chance = random.Random(seed)
    given = random_request(chance)
    kindness = chance.choice([0.6, 0.85, 0.97])
    for _ in range(50):
        step = chance.random()
        if step < 0.6:
            _answer(given, chance, kindness)
        else:
            chance.choice(_ACTS)(given, chance)
        given.whatever()
    return given


def _answer(given: Given, chance: random.Random, kindness: float) -> None:
    assert given.saga is not None
    tasks = [t for t in given.saga.tasks.values() if t.attempt] or list(given.saga.tasks.values())
    issued = [t for t in tasks if t.status.value == "issued"]
    if not tasks:
        return
    task = chance.choice(issued) if issued and chance.random() < 0.8 else chance.choice(tasks)
    given.acked(task.name, _outcome(task, chance, kindness), attempt=task.attempt or 1, **_more(given, chance))


def _outcome(task: Task, chance: random.Random, kindness: float) -> str:
    if chance.random() < kindness:
        return "nothing_found" if task.verb is Verb.VERIFY or chance.random() < 0.1 else "done"
    others = ("accepted", "transient", "permanent", "needs_person", "residual", "retained")
    return chance.choice(others)


def _more(given: Given, chance: random.Random) -> dict[str, Any]:
    return {"expected_by": given.now + timedelta(hours=chance.choice([1, 30]))}


def _decide(given: Given, chance: random.Random) -> None:
    assert given.saga is not None
    outcomes = outcomes_of(given.saga.right, given.saga.beside) or {"upheld": True}
    outcome = chance.choice(list(outcomes))
    grounds = [None, *grounds_against(given.saga.right, given.saga.beside)]
    ground = None if outcomes[outcome] else grounds[-1]
    given.decided(outcome, ground, by=chance.choice(["kim", "robin"]))


def _join(given: Given, chance: random.Random) -> None:
    template = chance.choice(PROCESSORS)
    name = chance.choice([template.processor_id, "new1", "new2"])
    more = {"verbs": template.verbs, "purposes": template.purposes, "categories": template.categories}
    given.joined(rules(name, register_version=NEXT_VERSION, unverifiable=template.unverifiable, **more))


def _on_task(name: str) -> Callable[[Given, random.Random], None]:
    def act(given: Given, chance: random.Random) -> None:
        assert given.saga is not None
        tasks = [t for t in given.saga.tasks.values() if not t.settled] or list(given.saga.tasks.values())
        if tasks:
            getattr(given, name)(chance.choice(tasks).name, by=chance.choice(["kim", "robin"]))

    return act


def _wait(given: Given, chance: random.Random) -> None:
    given.pass_time(hours=chance.choice([0.01, 0.3, 24, 24 * 8]))


def _withdraw(given: Given, chance: random.Random) -> None:
    if chance.random() < 0.15:
        given.withdrawn()


def _refuse(given: Given, chance: random.Random) -> None:
    if chance.random() < 0.3:
        given.refusing(by=chance.choice(["kim", "robin"]))
    elif chance.random() < 0.2:
        given.refused(by=chance.choice(["kim", "robin"]))


def _lift(given: Given, _: random.Random) -> None:
    given.lifted()


def _approve(given: Given, chance: random.Random) -> None:
    given.decision_approved(by=chance.choice(["kim", "robin"]))


_ACTS = (
    _decide,
    _approve,
    _lift,
    _join,
    _wait,
    _withdraw,
    _refuse,
    _on_task("retried"),
    _on_task("proposed"),
    _on_task("approved"),
)


def refuted_late() -> Iterator[Given]:
    """A second look finds what the first one did not: while a person decides, and while the restriction is in force."""
    for right in (Right.OBJECTION, Right.RESTRICTION):
        for name in ("shop", "lab"):
            lag = timedelta(days=2) if name == "lab" else timedelta(0)
            given = begun(right, known(name, deletion_lag=lag)).acked(f"restrict@{name}", "done").whatever()
            given.pass_time(hours=1).whatever().acked(f"verify@{name}", "nothing_found", attempt=1).whatever()
            yield given.acked(f"verify@{name}", "residual", attempt=2).whatever()


def promised() -> Iterator[Given]:
    """A vendor that restricts later, and nobody can look; and one whose request is taken back meanwhile."""
    nobody = Unverifiable("cannot_be_reread", "GDPR Art. 5(2)", "no_api")
    given = begun(Right.OBJECTION, known("shop", unverifiable=nobody))
    given.acked("restrict@shop", "accepted", expected_by=given.now + timedelta(hours=1)).whatever()
    yield given.expect_state("verifying").pass_time(hours=2).whatever().expect_state("deciding")
    given = begun(Right.RESTRICTION, known("shop"), known("lab"), categories=("user",))
    settle_one(given, "shop").acked("restrict@lab", "accepted", expected_by=given.now + timedelta(hours=1)).whatever()
    given.joined(known("ledger", register_version=NEXT_VERSION, categories=("system",))).whatever()
    yield given.proposed("restrict@lab").whatever().approved("restrict@lab").whatever()
    given = (
        begun(Right.OBJECTION, known("shop")).proposed("restrict@shop").whatever().approved("restrict@shop").whatever()
    )
    yield given.expect_state("deciding").acked("restrict@shop", "done").whatever()
    for withdrawn in (False, True):
        given = begun(Right.RESTRICTION, known("shop", unverifiable=nobody))
        given.acked("restrict@shop", "accepted", expected_by=given.now + timedelta(hours=1)).whatever()
        yield (given.withdrawn() if withdrawn else given.pass_time(hours=2)).whatever()


def deciding() -> Given:
    return begun(Right.AUTOMATED_DECISION, known("shop"), decision="CR-2026-17")


def in_force() -> Given:
    return settle(begun(Right.RESTRICTION, known("shop")))

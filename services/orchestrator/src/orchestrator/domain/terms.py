"""Which processors a right reaches, by the register, and on which terms each is asked. GDPR Art. 7(3), 16, 18, 20, 21.

All of it follows from the rules that a task has pinned and from what was asked, so a question is the same whenever it
is asked again, and a look carries what the change carried that it looks at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from lethe_events.words import Verb
from lethe_law.rights.portability import Basis, Origin, portable
from orchestrator.domain.courses import Case, Whom, case_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from orchestrator.domain.courses import Stage
    from orchestrator.domain.decided import Asked
    from orchestrator.domain.rules import ProcessorRules
    from orchestrator.domain.saga import Saga, Task

MARKETING: Final = ("marketing",)
"""What an objection to direct marketing is about where it names no purpose: the data use and all below it."""

_OBJECTED = frozenset({"legitimate_interests", "public_task"})  # Art. 21(1), 6(1)(e), (f)
_CONSENTED = frozenset({"consent"})  # Art. 7(3), 6(1)(a)
_BASES = {Case.OBJECTION: _OBJECTED, Case.CONSENT: _CONSENTED}


class Unconcerned(NamedTuple):
    """Why a right reaches nothing at a processor."""

    code: str
    article: str


UNCONCERNED: Mapping[str, str] = {
    "no_portable_basis": "nothing that it processes rests on consent or a contract",
    "categories_not_held": "the register names none of these categories there",
    "purpose_not_pursued": "it does not process for these purposes",
    "other_basis": "it processes for these purposes, but not on a basis that this right reaches",
    "nothing_left_to_do": "it was registered when nothing was to be done there any more",
}
"""Code → meaning. The certificate carries both."""
_UNKNOWN = frozenset({"categories_not_held", "purpose_not_pursued"})


def concern(rules: ProcessorRules, stage: Stage, asked: Asked | None) -> Unconcerned | None:
    """Why this processor is not asked in this stage; None where it is."""
    whom = stage.whom
    if whom is Whom.ALL:
        return None
    if whom is Whom.PORTABLE:
        return None if _portable(rules) else Unconcerned("no_portable_basis", "GDPR Art. 20(1)(a)")
    if whom is Whom.CATEGORIES:
        held = not asked or not asked.categories or overlap(asked.categories, rules.categories)
        return None if held else Unconcerned("categories_not_held", stage.article)
    if whom in (Whom.MARKETED, Whom.OBJECTED, Whom.CONSENTED):
        if _stopped(rules, stage.case, asked):
            return None
        pursued = _pursued(rules, stage.case, asked)
        return Unconcerned("other_basis" if pursued else "purpose_not_pursued", stage.article)
    return Unconcerned("nothing_left_to_do", stage.article)


def unknown(found: Iterable[Unconcerned | None], asked: Asked | None) -> bool:
    """Whether what the request names is known nowhere in the register: more likely a mistake than an answer."""
    named = asked is not None and (asked.purposes or asked.categories)
    return bool(named) and all(why is not None and why.code in _UNKNOWN for why in found)


def choose(rules: ProcessorRules, stage: Stage, asked: Asked | None) -> Verb:
    """Which of the stage's verbs: the first, unless the register gives only another, and that one does no more.

    Erasing ends everything at a processor, so it stands in for suppressing only where every purpose there rests on
    the consent that was withdrawn (Art. 17(1)(b)).
    """
    first = stage.verbs[0]
    if first in rules.verbs or Verb.ERASE not in stage.verbs or Verb.ERASE not in rules.verbs:
        return first
    wanted = () if asked is None else asked.purposes
    over = all(basis in _CONSENTED and (not wanted or _within_any(use, wanted)) for use, basis in rules.purposes)
    return Verb.ERASE if over and rules.purposes else first


def purposes_of(saga: Saga, task: Task) -> tuple[str, ...]:
    """For suppress: the purposes that end. For restrict: those that may go on. A look: as what it looks at."""
    beside = saga.beside
    if beside is None or beside.asked is None:
        return ()
    acted = saga.tasks[task.after[0]] if task.verb is Verb.VERIFY and task.after else task
    case = case_of(saga.right, beside)
    if acted.verb is Verb.SUPPRESS:
        return _stopped(acted.rules, case, beside.asked)
    if acted.verb is Verb.RESTRICT and case is Case.OBJECTION:
        ending = set(_uses_stopped(acted.rules, case, beside.asked))
        return tuple(sorted({use for use, _ in acted.rules.purposes} - ending))
    return ()


def overlap(some: Iterable[str], others: Iterable[str]) -> bool:
    """Whether any of these names, or a part of one, is among the others."""
    known = tuple(others)
    return any(_within(a, b) or _within(b, a) for a in some for b in known)


def _portable(rules: ProcessorRules) -> bool:
    bases = {basis for _, basis in rules.purposes}
    return any(portable(Origin.PROVIDED, Basis(basis), automated=True).included for basis in bases)


def _wanted(case: Case, asked: Asked | None) -> tuple[str, ...]:
    """The purposes named; none named means all, of direct marketing those of marketing."""
    named = () if asked is None else asked.purposes
    return MARKETING if case is Case.MARKETING and not named else named


def _pursued(rules: ProcessorRules, case: Case, asked: Asked | None) -> bool:
    wanted = _wanted(case, asked)
    return bool(rules.purposes) and (not wanted or overlap(wanted, (use for use, _ in rules.purposes)))


def _stopped(rules: ProcessorRules, case: Case, asked: Asked | None) -> tuple[str, ...]:
    """The narrower of what was named and what the processor does, where the basis is one that the right reaches."""
    wanted, found = _wanted(case, asked), set[str]()
    for use in _uses_stopped(rules, case, asked):
        if not wanted or _within_any(use, wanted):
            found.add(use)
        else:
            found |= {w for w in wanted if _within(w, use)}
    return tuple(sorted(found))


def _uses_stopped(rules: ProcessorRules, case: Case, asked: Asked | None) -> list[str]:
    wanted, bases = _wanted(case, asked), _BASES.get(case)
    return [
        use
        for use, basis in rules.purposes
        if (bases is None or basis in bases) and (not wanted or overlap(wanted, (use,)))
    ]


def _within(name: str, above: str) -> bool:
    return name == above or name.startswith(above + ".")


def _within_any(name: str, above: Iterable[str]) -> bool:
    return any(_within(name, a) for a in above)

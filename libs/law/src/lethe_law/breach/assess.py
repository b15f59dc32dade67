"""The three answers, proposed: notify the authority, notify the data subjects, document. A person decides.

Facts that are not known are bounded: once with the best value for people, once with the worst. Where both lead to the
same answer the unknown does not matter; where they do not, the answer is conditional and the facts that decide are
named. Documentation is owed for every breach (GDPR Art. 33(5)).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from lethe_law.breach.facts import (
    BreachFacts,
    Cause,
    Data,
    Exfiltration,
    Harm,
    Identifiability,
    Kind,
    Permanence,
    Recipient,
)
from lethe_law.breach.rules import GDPR, BreachRule, Risk
from lethe_law.breach.weigh import LARGE, Factor, weigh

if TYPE_CHECKING:
    from collections.abc import Mapping

ENGINE = "lethe.breach.proposal/2026-11-23.1"
"""Kept with every proposal: the rules it was made with (EDPB Guidelines 01/2021 v2.0, 9/2022 v2.0)."""
_AVAILABILITY_NEVER = 24 * 365


class Answer(StrEnum):
    YES = "yes"
    NO = "no"
    CONDITIONAL = "conditional"  # depends on a fact that is not known yet


@dataclass(frozen=True, slots=True)
class Proposal:
    """`least`, `most`: the risk with every unknown fact at its best and at its worst.

    `factors`: what decided, for the worst case that is possible. `open_facts`: unknown facts that would change an
    answer. `threshold`: the least risk that goes to the authority, of the rule of the day.
    """

    notify_authority: Answer
    notify_subjects: Answer
    document: Answer
    least: Risk
    most: Risk
    threshold: Risk
    factors: tuple[Factor, ...]
    open_facts: tuple[str, ...]
    rule_version: str
    engine: str = ENGINE


def propose(facts: BreachFacts, rule: BreachRule = GDPR) -> Proposal:
    """What the facts so far speak for. `notify_subjects` yes implies `notify_authority` yes (GDPR Art. 33, 34)."""
    unknown = unknown_facts(facts)
    least, _ = weigh(_settled(facts, _BEST, unknown))
    most, factors = weigh(_settled(facts, _WORST, unknown))
    return Proposal(
        notify_authority=_answer(least, most, rule.threshold),
        notify_subjects=_answer(least, most, Risk.HIGH),
        document=Answer.YES,
        least=least,
        most=most,
        threshold=rule.threshold,
        factors=factors,
        open_facts=_deciding(facts, unknown) if least is not most else (),
        rule_version=rule.version,
    )


def _answer(least: Risk, most: Risk, threshold: Risk) -> Answer:
    if least >= threshold:
        return Answer.YES
    return Answer.NO if most < threshold else Answer.CONDITIONAL


_ALWAYS = ("cause", "data", "vulnerable", "safety", "subjects", "identifiability", "permanence")
_ASKED: Mapping[Kind, tuple[str, ...]] = {
    Kind.CONFIDENTIALITY: (*_ALWAYS, "encryption_intact", "key_safe", "exfiltration", "recipient", "retrieved"),
    Kind.INTEGRITY: ("permanence", "harm_of_alteration"),
    Kind.AVAILABILITY: ("backup", "restore_hours", "harm_of_loss", "permanence"),
}
"""Kind → the facts that bear on it."""

_BEST: Mapping[str, object] = {
    "cause": Cause.INTERNAL_ERROR,
    "encryption_intact": True,
    "key_safe": True,
    "backup": True,
    "restore_hours": 0,
    "exfiltration": Exfiltration.NO,
    "data": frozenset({Data.BASIC}),
    "vulnerable": False,
    "safety": False,
    "recipient": Recipient.TRUSTED,
    "retrieved": True,
    "subjects": 0,
    "identifiability": Identifiability.NONE,
    "permanence": Permanence.TEMPORARY,
    "harm_of_loss": Harm.NONE,
    "harm_of_alteration": Harm.NONE,
}
_WORST: Mapping[str, object] = {
    "cause": Cause.EXTERNAL_MALICIOUS,
    "encryption_intact": False,
    "key_safe": False,
    "backup": False,
    "restore_hours": _AVAILABILITY_NEVER,
    "exfiltration": Exfiltration.YES,
    "data": frozenset({Data.HEALTH}),
    "vulnerable": True,
    "safety": True,
    "recipient": Recipient.HOSTILE,
    "retrieved": False,
    "subjects": LARGE,
    "identifiability": Identifiability.DIRECT,
    "permanence": Permanence.PERMANENT,
    "harm_of_loss": Harm.SERIOUS,
    "harm_of_alteration": Harm.SERIOUS,
}


def unknown_facts(facts: BreachFacts) -> tuple[str, ...]:
    """The facts that bear on this breach and are not known, in the order in which they are asked."""
    asked = dict.fromkeys(name for kind in Kind if kind in facts.kinds for name in _ASKED[kind])
    return tuple(name for name in asked if getattr(facts, name) is None)


def _settled(facts: BreachFacts, values: Mapping[str, object], names: tuple[str, ...]) -> BreachFacts:
    return replace(facts, **{name: values[name] for name in names})  # type: ignore[arg-type]


def _deciding(facts: BreachFacts, unknown: tuple[str, ...]) -> tuple[str, ...]:
    """Those that alone lower the worst case or raise the best one; all of them where none does alone."""
    worst, _ = weigh(_settled(facts, _WORST, unknown))
    best, _ = weigh(_settled(facts, _BEST, unknown))
    found = []
    for name in unknown:
        others = tuple(n for n in unknown if n != name)
        lowered, _ = weigh(_settled(replace(facts, **{name: _BEST[name]}), _WORST, others))  # type: ignore[arg-type]
        raised, _ = weigh(_settled(replace(facts, **{name: _WORST[name]}), _BEST, others))  # type: ignore[arg-type]
        if lowered < worst or raised > best:
            found.append(name)
    return tuple(found) or unknown

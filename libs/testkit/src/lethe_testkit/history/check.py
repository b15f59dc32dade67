"""The judge: one pure function from a history to what was broken in it.

It is written without a line of what it judges: the closing equation, the chain and the rules of timers are said here
once more, so that a mistake in them has to be made twice to pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_testkit.history import records, sagas
from lethe_testkit.history.verdict import Guarantee, Verdict, Violation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lethe_testkit.history.model import History

    Rule = Callable[[History], Iterator[str]]


def check(history: History) -> Verdict:
    """Every violation of every guarantee, in the order of the guarantees."""
    return Verdict(tuple(Violation(name, detail) for name, rule in rules().items() for detail in rule(history)))


def rules() -> Mapping[Guarantee, Rule]:
    """How each guarantee is judged; all of them, in their order."""
    return {
        Guarantee.KEPT: sagas.kept,
        Guarantee.ONE_SAGA: sagas.one_saga,
        Guarantee.ONE_EFFECT: sagas.one_effect,
        Guarantee.NOTHING_UNASKED: sagas.nothing_unasked,
        Guarantee.ONE_ANSWER: sagas.one_answer,
        Guarantee.NOT_EARLY: sagas.not_early,
        Guarantee.QUIET: sagas.quiet,
        Guarantee.ALARMS: records.alarms,
        Guarantee.CHAIN: records.chain,
        Guarantee.DRAINED: records.drained,
        Guarantee.TIMERS: records.timers,
        Guarantee.HOLDS: sagas.holds,
        Guarantee.PARKED: records.parked,
        Guarantee.ONE_OWNER: records.one_owner,
        Guarantee.ORDER: records.order,
    }

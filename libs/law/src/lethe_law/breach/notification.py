"""Which fields a notification needs, what is missing, and how one version differs from the one before.

The template's own conditions are followed where they make sense; three are put right, as law.md notes: reasons for
the delay are asked when the notification is late (field 49; printed the other way round), the consequences of a loss
of availability when availability was broken (83; printed for integrity), and 39 to 41 and 73 only where the answer
that they complete was given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lethe_law.breach.errors import BreachError
from lethe_law.breach.template import Value, field, template

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Answers = Mapping[int, Value]

IDENTIFIER_TYPE, STATUS = 10, 4
NEW, FOLLOW_UP = "a", "b"
COMPLETE, INCOMPLETE, WITHDRAWN = "a", "b", "c"


@dataclass(frozen=True, slots=True)
class Around:
    """What is not written in the form but decides what the form asks. `late`: after the awareness and its hours."""

    in_eea: bool = True
    late: bool = False


class _Case:
    __slots__ = ("answers", "around")

    def __init__(self, answers: Answers, around: Around) -> None:
        self.answers = answers
        self.around = around

    def chose(self, number: int, *letters: str) -> bool:
        value = self.answers.get(number)
        chosen = value if isinstance(value, tuple) else (value,)
        return any(letter in chosen for letter in letters)


def _if(number: int, *letters: str) -> Callable[[_Case], bool]:
    return lambda case: case.chose(number, *letters)


_NEVER: Callable[[_Case], bool] = lambda _: False  # noqa: E731 - stands in a table of lambdas
_DPO_TOLD_APART: Callable[[_Case], bool] = lambda case: not case.chose(23, "a")  # noqa: E731

ASKED: Mapping[int, Callable[[_Case], bool]] = {
    5: lambda c: c.chose(3, FOLLOW_UP) and c.chose(4, WITHDRAWN),
    6: _if(3, FOLLOW_UP),
    10: _NEVER,  # "if applicable": may be given, is never missing
    11: lambda c: IDENTIFIER_TYPE in c.answers,
    15: _if(14, "a"),
    16: _if(15, "d"),
    18: lambda c: not c.around.in_eea,
    24: _if(23, "c"),
    25: _NEVER,
    26: _NEVER,
    29: _DPO_TOLD_APART,
    30: lambda c: _DPO_TOLD_APART(c) and c.answers.get(29) != "no",
    31: lambda c: _DPO_TOLD_APART(c) and c.answers.get(29) != "no",
    34: _if(33, "c"),
    35: _if(33, "c"),
    36: _if(33, "c"),
    39: _if(38, "a"),
    40: _if(38, "a"),
    41: _if(38, "a"),
    46: _if(44, "a", "b", "c"),
    47: _if(44, "a", "b"),
    49: lambda c: c.around.late and c.chose(3, NEW),
    52: _if(50, "b", "c", "d", "e", "f"),
    53: lambda c: c.answers.get(45) is True,
    56: _if(55, "a"),
    57: _if(55, "a"),
    58: _if(55, "b"),
    59: _if(55, "c"),
    68: _if(67, "a", "b"),
    73: _if(72, "a", "b"),
    79: _if(55, "a"),
    80: _if(79, "d"),
    81: _if(55, "b"),
    82: _if(81, "c"),
    83: _if(55, "c"),
    84: _if(83, "c"),
    86: _if(85, "n"),
    98: _if(97, "a"),
    99: _if(97, "b"),
    100: _if(97, "e"),
    101: _if(97, "e"),
    102: _if(97, "a"),
    103: _if(102, "b"),
    104: _if(97, "a"),
    105: _if(104, "c"),
    106: _if(97, "a"),
    111: lambda c: c.chose(109, "a") or c.chose(110, "a"),
    113: lambda c: c.around.in_eea,
    114: _if(113, "a"),
    115: _if(113, "a"),
    116: _if(113, "a"),
    117: _if(113, "a"),
    118: _if(113, "a"),
    120: lambda c: not c.around.in_eea,
    121: _if(120, "a"),
    122: _if(120, "a"),
    123: _if(120, "a"),
    126: _if(125, "j"),
}
"""Field → when it has to be answered. Fields that are not here go by the template's own word."""

ONLY_INCOMPLETE: Mapping[int, str] = {
    44: "e",
    56: "e",
    57: "e",
    60: "x",
    61: "e",
    65: "k",
    67: "d",
    70: "t",
    72: "d",
    79: "e",
    81: "d",
    83: "d",
    85: "o",
    87: "d",
    89: "d",
    97: "c",
}
"""Field → the option that only an incomplete notification may give."""
LEAST = frozenset({3, 4, 12, 13, 21, 22, 23, 48})
"""Without these not even an incomplete notification can be filed: who tells, and since when it is known."""
_WITHDRAWAL = LEAST | {5, 6}


def required_in(answers: Answers, around: Around = Around()) -> tuple[int, ...]:
    """The numbers of the fields that this notification has to answer, in order."""
    case = _Case(answers, around)
    if case.chose(4, WITHDRAWN):
        return tuple(sorted(_WITHDRAWAL))
    return tuple(
        number
        for number, found in template().items()
        if (ASKED[number](case) if number in ASKED else found.required == "yes")
    )


def gaps(answers: Answers, around: Around = Around()) -> tuple[int, ...]:
    """Required and not answered."""
    return tuple(number for number in required_in(answers, around) if number not in answers)


def problems(answers: Answers) -> dict[int, str]:
    """Field → what is wrong with what stands in it. Raises UnknownField."""
    case = _Case(answers, Around())
    found = {number: why for number, value in answers.items() if (why := field(number).problem(value))}
    if not case.chose(4, INCOMPLETE):
        for number, letter in ONLY_INCOMPLETE.items():
            if case.chose(number, letter):
                found[number] = f"option {letter} stands in an incomplete notification only"
    if case.chose(4, WITHDRAWN) and not case.chose(3, FOLLOW_UP):
        found[4] = "only a notification that was made can be withdrawn: field 3 is follow-up"
    return found


def unfilable(answers: Answers, around: Around = Around()) -> tuple[int, ...]:
    """Fields that keep this from being filed: wrong ones, and gaps as far as its status does not allow them."""
    missing = set(gaps(answers, around))
    if answers.get(4) == INCOMPLETE:
        missing &= LEAST | {6, 49}
    return tuple(sorted(missing | set(problems(answers))))


@dataclass(frozen=True, slots=True)
class Difference:
    """Numbers of fields, in order."""

    added: tuple[int, ...]
    removed: tuple[int, ...]
    changed: tuple[int, ...]


def difference(before: Answers, after: Answers) -> Difference:
    """What a follow-up tells that the version before did not."""
    return Difference(
        added=tuple(sorted(set(after) - set(before))),
        removed=tuple(sorted(set(before) - set(after))),
        changed=tuple(sorted(n for n in set(after) & set(before) if after[n] != before[n])),
    )


class WrongPhase(BreachError):
    """This version cannot follow the ones before; the text says which could."""


def check_phase(before: tuple[Answers, ...], after: Answers) -> None:
    """Whether `after` may follow the versions filed so far (GDPR Art. 33(4)). Raises WrongPhase."""
    follow_up = after.get(3) == FOLLOW_UP
    if not before:
        if follow_up:
            raise WrongPhase("the first notification is a new one, not a follow-up")
        return
    if before[-1].get(4) == WITHDRAWN:
        raise WrongPhase("the notification was withdrawn: a new case is needed")
    if not follow_up:
        raise WrongPhase("it was notified already: what comes now is a follow-up")
    if after.get(4) != WITHDRAWN and difference(before[-1], after) == Difference((), (), ()):
        raise WrongPhase("nothing is different from the version before")

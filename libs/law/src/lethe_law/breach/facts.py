"""The facts of a breach, structured: what EDPB Guidelines 01/2021 and 9/2022 weigh. None always means: not known yet.

No fact names a person; a facts file can be shown to anybody.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

from lethe_law.breach.errors import ImpossibleFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Kind(StrEnum):
    """What was broken (Art. 4(12); EDPB Guidelines 9/2022 §17)."""

    CONFIDENTIALITY = "confidentiality"
    INTEGRITY = "integrity"
    AVAILABILITY = "availability"


class Cause(StrEnum):
    INTERNAL_ERROR = "internal_error"
    INTERNAL_MALICIOUS = "internal_malicious"
    EXTERNAL_ERROR = "external_error"
    EXTERNAL_MALICIOUS = "external_malicious"


MALICIOUS = frozenset({Cause.INTERNAL_MALICIOUS, Cause.EXTERNAL_MALICIOUS})


class Exfiltration(IntEnum):
    """How sure it is that data left."""

    NO = 0  # logs or other evidence show that it did not
    LIKELY = 1  # nothing shows that it did not
    YES = 2


class Recipient(IntEnum):
    """Who has the data now, from the best to the worst for the people concerned."""

    NOBODY = 0
    TRUSTED = 1  # known, and bound or reliable enough to be believed
    KNOWN = 2  # few, known, no reason to trust or to distrust
    MANY = 3  # more than can be followed up
    UNKNOWN = 4  # nobody knows who
    HOSTILE = 5  # an attacker, or somebody from whom the people concerned need protection


class Data(StrEnum):
    """Types of data. What a type is worth to somebody who misuses it decides, not its name in a law alone."""

    BASIC = "basic"  # names, order contents, preferences
    CONTACT = "contact"
    IDENTITY_BASICS = "identity_basics"  # name with address and date of birth: enough for fraud
    PROFILE = "profile"  # CV, behaviour, consumption
    LOCATION = "location"
    FINANCIAL = "financial"  # balances, wages, statements
    PAYMENT_MEANS = "payment_means"  # cards, accounts that can be used
    CREDENTIALS = "credentials"  # or anything that opens other accounts
    IDENTITY_NUMBER = "identity_number"
    IDENTITY_DOCUMENT = "identity_document"
    COMMUNICATIONS = "communications"  # contents or records under secrecy of telecommunications
    PROFESSIONAL_SECRET = "professional_secret"  # noqa: S105 - a kind of data
    HEALTH = "health"
    OTHER_SPECIAL = "other_special"  # Art. 9(1) but health
    CRIMINAL = "criminal"  # Art. 10


SPECIAL = frozenset({Data.HEALTH, Data.OTHER_SPECIAL, Data.CRIMINAL})


class Identifiability(IntEnum):
    NONE = 0
    INDIRECT = 1  # only together with something that the recipient does not have
    DIRECT = 2


class Harm(IntEnum):
    """What loss or alteration does to people's lives, seen or likely."""

    NONE = 0
    INCONVENIENCE = 1  # late orders, a service that does not answer
    SERIOUS = 2  # health, safety, livelihood, reputation, credit


class Permanence(IntEnum):
    """How long consequences last."""

    TEMPORARY = 0  # over as soon as the measures taken work: a password that was reset everywhere
    LASTING = 1
    PERMANENT = 2  # cannot be undone


@dataclass(frozen=True, slots=True)
class BreachFacts:
    """Raises ImpossibleFacts for numbers or combinations that cannot be.

    `encryption_intact`, `key_safe`: state-of-the-art protection was applied to all affected data, and whoever has the
    data has no key. `retrieved`: brought back or deleted, confirmed, before it could be used. `restore_hours`: until
    people could use everything again. `safety`: disclosure puts somebody in physical danger.
    """

    kinds: frozenset[Kind]
    cause: Cause | None = None
    encryption_intact: bool | None = None
    key_safe: bool | None = None
    backup: bool | None = None
    restore_hours: int | None = None
    exfiltration: Exfiltration | None = None
    data: frozenset[Data] | None = None
    vulnerable: bool | None = None
    safety: bool | None = None
    recipient: Recipient | None = None
    retrieved: bool | None = None
    subjects: int | None = None
    identifiability: Identifiability | None = None
    permanence: Permanence | None = None
    harm_of_loss: Harm | None = None
    harm_of_alteration: Harm | None = None

    def __post_init__(self) -> None:
        if not self.kinds:
            raise ImpossibleFacts("kinds: at least one of confidentiality, integrity, availability")
        for name in ("subjects", "restore_hours"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise ImpossibleFacts(f"{name}: not below zero")
        if self.data is not None and not self.data:
            raise ImpossibleFacts("data: name at least one type, or leave it out while it is not known")

    @property
    def malicious(self) -> bool | None:
        return None if self.cause is None else self.cause in MALICIOUS


def facts_of(found: Mapping[str, object]) -> BreachFacts:
    """From JSON: words in small letters. Raises ImpossibleFacts for an unknown name or word."""
    names = {f.name for f in fields(BreachFacts)}
    unknown = sorted(set(found) - names)
    if unknown:
        raise ImpossibleFacts(f"there are no facts named {', '.join(unknown)}; there are: {', '.join(sorted(names))}")
    if found.get("kinds") is None:
        raise ImpossibleFacts("kinds: at least one of confidentiality, integrity, availability")
    values = {name: _READ[name](name, value) for name, value in found.items() if value is not None}
    return BreachFacts(**values)  # type: ignore[arg-type]


def as_json(facts: BreachFacts) -> dict[str, object]:
    """What `facts_of` reads; unknown facts are left out."""
    found: dict[str, object] = {}
    for name in (f.name for f in fields(BreachFacts)):
        value = getattr(facts, name)
        if isinstance(value, frozenset):
            found[name] = sorted(value)
        elif isinstance(value, IntEnum):
            found[name] = value.name.lower()
        elif value is not None:
            found[name] = value
    return found


def _word(kind: type[StrEnum | IntEnum]) -> Callable[[str, object], object]:
    words = {str(member.value) if issubclass(kind, StrEnum) else member.name.lower(): member for member in kind}

    def read(name: str, value: object) -> object:
        if not isinstance(value, str) or value not in words:
            raise ImpossibleFacts(f"{name}: one of {', '.join(words)}")
        return words[value]

    return read


def _words(kind: type[StrEnum]) -> Callable[[str, object], object]:
    one = _word(kind)

    def read(name: str, value: object) -> object:
        if not isinstance(value, list):
            raise ImpossibleFacts(f"{name}: a list of words")
        return frozenset(one(name, word) for word in value)

    return read


def _flag(name: str, value: object) -> object:
    if not isinstance(value, bool):
        raise ImpossibleFacts(f"{name}: true or false")
    return value


def _count(name: str, value: object) -> object:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ImpossibleFacts(f"{name}: a whole number")
    return value


_READ: Mapping[str, Callable[[str, object], object]] = {
    "kinds": _words(Kind),
    "cause": _word(Cause),
    "encryption_intact": _flag,
    "key_safe": _flag,
    "backup": _flag,
    "restore_hours": _count,
    "exfiltration": _word(Exfiltration),
    "data": _words(Data),
    "vulnerable": _flag,
    "safety": _flag,
    "recipient": _word(Recipient),
    "retrieved": _flag,
    "subjects": _count,
    "identifiability": _word(Identifiability),
    "permanence": _word(Permanence),
    "harm_of_loss": _word(Harm),
    "harm_of_alteration": _word(Harm),
}

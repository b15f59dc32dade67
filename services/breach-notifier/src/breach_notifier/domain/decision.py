"""What `decide` answers: the next case and what has to be done by others, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from breach_notifier.domain.case import Case


class Disposition(StrEnum):
    APPLIED = "applied"  # recorded in the chain, version grown
    IGNORED = "ignored"  # harmless: a redelivery, a race; changes nothing
    REJECTED = "rejected"  # makes no sense or may not be; changes nothing


class Do(StrEnum):
    """What somebody else carries out. Ids of commands are derived from case, version and index."""

    CALL = "call"  # on-call, privacy team or owner, with a rung or a code
    FIND_AFFECTED = "find_affected"  # compute the affected set from the subject index
    TELL_CONTROLLER = "tell_controller"  # Art. 33(2)
    DRAFT_NOTICE = "draft_notice"  # for one authority
    ASK_CONFIRMATION = "ask_confirmation"  # of a second person
    FILE_NOTICE = "file_notice"  # signed off: a person files it and brings back reference and copy
    SEND_LETTERS = "send_letters"  # Art. 34
    PUBLISH = "publish"  # Art. 34(3)(c): the public communication
    TELL_STATUS = "tell_status"


@dataclass(frozen=True, slots=True)
class Command:
    """`about`: an authority, a rung, a code; never anything about a person."""

    do: Do
    about: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """`case` is the one given where the disposition is not APPLIED. `article`: of the step taken."""

    disposition: Disposition
    case: Case | None
    commands: tuple[Command, ...] = ()
    article: str = ""
    code: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Ignored:
    reason: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """`code` is stable, `detail` says what to do next."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Applied:
    """An act's answer: the case as it is now, but for its state and version."""

    case: Case
    commands: tuple[Command, ...] = field(default=())


Verdictless = Applied | Ignored | Rejected

"""Exit codes, as `lethe --help` and the README list them."""

from __future__ import annotations

from enum import IntEnum

from lethe_client.errors import BadInput, Conflicting, LetheError, Missing, Refused, Unauthorised, Unreachable


class Exit(IntEnum):
    """A script can decide by the number alone what to do next."""

    OK = 0
    NO = 1  # the answer is no: refused, not valid, not proven, problems found, not closed in time
    USAGE = 2  # the command line or what it names cannot be taken
    UNREACHABLE = 3  # no service answered, or it could not: try again later
    UNAUTHORISED = 4  # no token, a bad one, or one that may not do this
    MISSING = 5  # nothing of that name, or it is gone
    CONFLICT = 6  # contradicts what is there, or is not ready yet
    INTERRUPTED = 130


HELP = """\
Exit codes: 0 done; 1 the answer is no (refused, not valid, problems found); 2 wrong usage or input; 3 the service
cannot be reached; 4 no token, or one that may not do this; 5 not found or gone; 6 conflict or not ready yet."""

_EXITS: tuple[tuple[type[LetheError], Exit], ...] = (
    (Refused, Exit.NO),
    (BadInput, Exit.USAGE),
    (Unreachable, Exit.UNREACHABLE),
    (Unauthorised, Exit.UNAUTHORISED),
    (Missing, Exit.MISSING),
    (Conflicting, Exit.CONFLICT),
)


def exit_of(error: LetheError) -> Exit:
    return next((code for kind, code in _EXITS if isinstance(error, kind)), Exit.NO)

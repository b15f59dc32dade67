"""How a collection carries out the rights beside erasure: what its dataset says of each. Pure data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class RestrictBy(StrEnum):
    """How rows are kept away from ordinary use (Art. 18, 4(3); Recital 67)."""

    FLAG = "flag"  # a column says so, and what ordinary readers read leaves such rows out
    MOVE = "move"  # to a collection of the same shape, which ordinary readers do not have
    ACCESS = "access"  # the row's key goes into a collection that what ordinary readers read consults
    WITH = "with"  # hidden with the row to which this reference leads
    NONE = "none"  # of a shared collection: its rows are other people's too


@dataclass(frozen=True, slots=True)
class Restrict:
    """`name`: the column, collection or reference of the method. `view`: what ordinary readers read.

    `value` says that a row is restricted, `otherwise` (None: NULL) that it is not; a flag knows nothing else, so that
    lifting restores exactly what was.
    """

    by: RestrictBy
    name: str = ""
    value: str = "true"
    otherwise: str | None = "false"
    view: str | None = None

"""How a collection carries out the rights beside erasure: what its dataset says of each. Pure data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Source(StrEnum):
    """Where a value comes from. Art. 20 covers what is provided or observed (WP242 rev.01)."""

    PROVIDED = "provided"  # by the person, knowingly
    OBSERVED = "observed"  # by the person's use of a service
    DERIVED = "derived"  # worked out by the controller from such data
    INFERRED = "inferred"  # supposed by the controller: a score, a profile


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


class SuppressBy(StrEnum):
    """How processing for a purpose is stopped (Art. 21, 7(3))."""

    FLAG = "flag"  # a column of the person's rows
    INSERT = "insert"  # an entry with the person's identifier, in a list that is asked before anything is sent


@dataclass(frozen=True, slots=True)
class Suppress:
    """`purpose`: a fideslang data use. `name`: the flag, or the identity field of the list.

    `value`: what the flag then says. `purpose_field`: the column of the list that names the purpose, if there is one.
    """

    purpose: str
    by: SuppressBy
    name: str
    value: str = "false"
    purpose_field: str | None = None


def rules_for(rules: Iterable[Suppress], purpose: str) -> list[Suppress]:
    """The rules by which a purpose is stopped: its own, those below it, and lists of one above that name it.

    A flag of a purpose above would stop more than was asked.
    """
    return [
        r for r in rules if _within(r.purpose, purpose) or (r.purpose_field is not None and _within(purpose, r.purpose))
    ]


def _within(purpose: str, above: str) -> bool:
    return purpose == above or purpose.startswith(above + ".")

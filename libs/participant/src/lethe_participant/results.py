"""What a handler answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from lethe_events.models import Count, Failure
from lethe_events.words import FailureKind, Grade, Method, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from lethe_events.models import Retained


class Masked(NamedTuple):
    """Fields of `rows` exported rows that were left out because they concern somebody else (Art. 15(4))."""

    collection: str
    fields: tuple[str, ...]
    rows: int


@dataclass(frozen=True, slots=True)
class Result:
    """One answer to one task. Use the constructors: they choose the outcome that the numbers mean."""

    outcome: Outcome
    counts: tuple[Count, ...] = ()
    retained: tuple[Retained, ...] = ()
    grade: Grade = Grade.ATTESTED
    expected_by: datetime | None = None
    failure: Failure | None = None
    records: Mapping[str, Iterable[Mapping[str, object]]] | None = field(default=None, repr=False)
    masked: tuple[Masked, ...] = ()

    @classmethod
    def erased(
        cls, rows: Mapping[str, int], *, retained: Iterable[Retained] = (), method: Method = Method.ERASED
    ) -> Result:
        """Rows per collection that are gone, and those that the law keeps. Nothing of either: nothing was found."""
        kept = tuple(retained)
        counts = _counts(rows, method)
        outcome = Outcome.RETAINED if kept else Outcome.DONE if counts else Outcome.NOTHING_FOUND
        return cls(outcome, counts, kept)

    @classmethod
    def rectified(cls, rows: Mapping[str, int]) -> Result:
        """Rows per collection that have the new values now, also those that had them already."""
        return cls._changed(rows, Method.RECTIFIED)

    @classmethod
    def restricted(cls, rows: Mapping[str, int]) -> Result:
        """Rows per collection that ordinary use no longer reaches, also those that were restricted already."""
        return cls._changed(rows, Method.RESTRICTED)

    @classmethod
    def lifted(cls, rows: Mapping[str, int]) -> Result:
        """Rows per collection that are in use again."""
        return cls._changed(rows, Method.LIFTED)

    @classmethod
    def suppressed(cls, rows: Mapping[str, int]) -> Result:
        """Rows or entries per collection that stop the purposes now, also those that did already."""
        return cls._changed(rows, Method.SUPPRESSED)

    @classmethod
    def _changed(cls, rows: Mapping[str, int], method: Method) -> Result:
        counts = _counts(rows, method)
        return cls(Outcome.DONE if counts else Outcome.NOTHING_FOUND, counts)

    @classmethod
    def found(cls, rows: Mapping[str, int], *, retained: Iterable[Retained] = ()) -> Result:
        """The answer to verify: rows that should be gone and are still there, and those that are lawfully kept.

        After another right: rows that are not yet as was asked.
        """
        kept = tuple(retained)
        counts = _counts(rows, Method.FOUND)
        outcome = Outcome.RESIDUAL if counts else Outcome.RETAINED if kept else Outcome.NOTHING_FOUND
        return cls(outcome, counts, kept, grade=Grade.REREAD_ABSENT if not counts else Grade.ATTESTED)

    @classmethod
    def exported(
        cls, records: Mapping[str, Iterable[Mapping[str, object]]], *, masked: Iterable[Masked] = ()
    ) -> Result:
        """Records per collection, read only while they are uploaded; no records at all: nothing was found."""
        return cls(Outcome.DONE, records=records, masked=tuple(masked))

    @classmethod
    def accepted(cls, expected_by: datetime) -> Result:
        """It is under way and will be done by then; Lethe looks again."""
        return cls(Outcome.ACCEPTED, expected_by=expected_by)

    @classmethod
    def retry(cls, code: str) -> Result:
        """It failed and may succeed later. `code` is a name of yours; it never holds anything about a person."""
        return cls(Outcome.FAILED, failure=Failure(kind=FailureKind.TRANSIENT, code=code))

    @classmethod
    def failed(cls, code: str) -> Result:
        """It failed and asking again will not help: a person has to look."""
        return cls(Outcome.FAILED, failure=Failure(kind=FailureKind.PERMANENT, code=code))


def _counts(rows: Mapping[str, int], method: Method) -> tuple[Count, ...]:
    return tuple(Count(collection=name, method=method, rows=n) for name, n in rows.items() if n)

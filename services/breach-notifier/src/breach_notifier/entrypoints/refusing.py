"""From what a case refuses to the problem that an HTTP caller gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breach_notifier.domain.errors import Refused
from lethe_chassis import Conflict, FieldError, Forbidden, Invalid, NotFound

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import TypeVar

    T = TypeVar("T")

NO_CASE = "There is no such case, or it is not yours to see."
_SECOND_PERSON = frozenset({"own_no", "own_notice", "needs_person"})
_FIELD = {
    "no_reason": "reason",
    "awareness_in_the_future": "aware_at",
    "awareness_before_the_breach": "aware_at",
    "impossible_awareness": "aware_at",
    "impossible_filing": "filed_at",
    "late_without_reasons": "reasons_for_delay",
    "no_proof": "reference",
    "not_proven": "evidence",
    "no_authority": "authorities",
    "unknown_authority": "authorities",
    "other_authority": "authority",
    "not_monotone": "notify_subjects",
    "impossible_numbers": "told",
    "impossible_bounds": "lower",
    "nobody_told": "told",
    "not_documented": "effects",
    "impossible_facts": "facts",
    "impossible_severity": "severity",
    "no_reference": "reference",
    "impossible_scope": "start",
    "incomplete_letter": "said",
}


async def answered(act: Awaitable[T]) -> T:
    """Raises NotFound, Forbidden (a second person is needed), Invalid (a field is wrong) or Conflict (not now)."""
    try:
        return await act
    except Refused as refused:
        if refused.code == "not_found":
            raise NotFound(NO_CASE) from None
        if refused.code in _SECOND_PERSON:
            raise Forbidden(refused.code, refused.detail) from None
        if refused.code in {"not_in_the_form", "not_fileable"}:
            wrong = [FieldError(f"fields.{n}", "cannot stand so", refused.detail) for n in refused.fields]
            raise Invalid(wrong) from None
        if refused.code in _FIELD:
            raise Invalid([FieldError(_FIELD[refused.code], refused.code.replace("_", " "), refused.detail)]) from None
        raise Conflict(refused.code, refused.detail) from None

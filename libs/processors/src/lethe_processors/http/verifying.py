"""Verify at a vendor: look again, by another path than the one that erased; any match means the data is still there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_events.models import Count
from lethe_events.words import Grade, Method, Outcome
from lethe_processors.connector import Answer
from lethe_processors.http.masking import holds, mask_of
from lethe_processors.http.reading import Inquiry, Trail, matches
from lethe_processors.http.steps import MASKED

if TYPE_CHECKING:
    from lethe_processors.connector import WorkItem
    from lethe_processors.http.client import Vendor
    from lethe_processors.http.profile import Verify
    from lethe_processors.http.steps import VerifyLook


async def verify_one(vendor: Vendor, verify: Verify, item: WorkItem) -> Answer:
    """Raises Trouble. Absence is claimed only of what was asked for: without a known identity it is attested."""
    inquiry = Inquiry(vendor, item, Trail())
    rows: dict[str, int] = {}
    asked = False
    for look in verify.looks:
        for identifier in item.identifiers.get(look.kind, ()):
            asked = True
            found = [e for e in await matches(inquiry, look, identifier) if not _masked(look, e, item)]
            if found:
                rows[look.collection] = rows.get(look.collection, 0) + len(found)
    evidence = inquiry.trail.evidence()
    if rows:
        counts = tuple(Count(collection=c, method=Method.FOUND, rows=n) for c, n in sorted(rows.items()))
        return Answer(Outcome.RESIDUAL, grade=Grade.CONFIRMED_BY_API, counts=counts, evidence=evidence)
    return Answer(Outcome.NOTHING_FOUND, grade=Grade.REREAD_ABSENT if asked else Grade.ATTESTED, evidence=evidence)


def _masked(look: VerifyLook, element: object, item: WorkItem) -> bool:
    return bool(look.holds) and holds(element, look.holds, {MASKED: mask_of(item)})

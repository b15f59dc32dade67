"""Reading from a vendor: the elements of a listing, page by page, and those of them that are the person."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lethe_events.canonical import canonical, sha256_hex
from lethe_events.models import Evidence
from lethe_events.subject_token import normalise
from lethe_processors.http.errors import Nonsense
from lethe_processors.http.paths import find, one, optional
from lethe_processors.http.steps import ID

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from lethe_processors.connector import WorkItem
    from lethe_processors.http.client import Vendor
    from lethe_processors.http.replies import Reply
    from lethe_processors.http.steps import Call, Listing, Look, Pages

_OK = 200
_LONGEST_ID = 256


class Page(NamedTuple):
    """`elements` is None where the vendor said that there is nothing."""

    status: int
    elements: list[object] | None


class Trail:
    """What was asked and answered for one item, as templates, statuses and numbers: proof without personal data."""

    def __init__(self) -> None:
        self._steps: list[list[str | int]] = []

    def add(self, call: Call, status: int, found: int) -> None:
        self._steps.append([call.method, call.path, status, found])

    def evidence(self) -> tuple[Evidence, ...]:
        return (Evidence(kind="http_calls", sha256=sha256_hex(canonical(self._steps))),)


class Inquiry(NamedTuple):
    """One vendor asked for one item."""

    vendor: Vendor
    item: WorkItem
    trail: Trail


async def pages(vendor: Vendor, listing: Listing, values: Mapping[str, str]) -> AsyncIterator[Page]:
    """Every page of a listing. Raises Nonsense for a page that is told twice or for more than `most` pages."""
    accepts = {_OK, *listing.not_found}
    url: str | None = None
    params: dict[str, str] | None = _first(listing.pages)
    seen: set[str] = set()
    for number in range(listing.pages.most if listing.pages else 1):
        reply = await vendor.call(listing, values, accepts=accepts, url=url, params=params)
        if reply.status in listing.not_found:
            yield Page(reply.status, None)
            return
        document = reply.json()
        elements = find(listing.each, document) if listing.each else [document]
        yield Page(reply.status, elements)
        onward = _next(listing.pages, reply, document, (number + 1, len(elements)))
        if onward is None:
            return
        if onward in seen:
            raise Nonsense
        seen.add(onward)
        url, params = _turn(listing.pages, onward)
    raise Nonsense


def _first(how: Pages | None) -> dict[str, str] | None:
    return {how.param: "0"} if how is not None and how.by == "offset" and how.param else None


def _next(how: Pages | None, reply: Reply, document: object, read: tuple[int, int]) -> str | None:
    """What leads to the next page: a URL, a cursor or an offset; None at the end. `read`: pages, elements of that."""
    if how is None:
        return None
    if how.by == "link_header":
        return reply.onward
    if how.by == "offset":
        pages_, elements = read
        return str(pages_ * how.size) if elements >= how.size else None
    assert how.next is not None
    onward = optional(how.next, document)
    if onward is None or onward == "":
        return None
    if not isinstance(onward, str | int) or isinstance(onward, bool):
        raise Nonsense
    return str(onward)


def _turn(how: Pages | None, onward: str) -> tuple[str | None, dict[str, str] | None]:
    assert how is not None
    if how.by in {"link", "link_header"}:
        return onward, None
    assert how.param is not None
    return None, {how.param: onward}


async def matches(inquiry: Inquiry, look: Look, identifier: str) -> list[object]:
    """Elements that are the person named by `identifier`, and nobody else's."""
    found: list[object] = []
    async for page in pages(inquiry.vendor, look, {look.kind: identifier}):
        mine = [e for e in page.elements or [] if _is_person(look, e, identifier)]
        inquiry.trail.add(look, page.status, len(mine))
        found.extend(mine)
    return found


async def look_up(inquiry: Inquiry, looks: Sequence[Look]) -> tuple[str, ...] | None:
    """Ids of the person at this vendor, each once; None if no identifier is known by which it could be asked."""
    ids: dict[str, None] = {}
    asked = False
    for look in looks:
        for identifier in inquiry.item.identifiers.get(look.kind, ()):
            asked = True
            assert look.id is not None
            for element in await matches(inquiry, look, identifier):
                ids[_id(one(look.id, element))] = None
    return tuple(ids) if asked else None


def _is_person(look: Look, element: object, identifier: str) -> bool:
    for path, kind in look.match.items():
        value = one(path, element)
        if value is not None and not isinstance(value, str | int):
            raise Nonsense
        if value is None or normalise(kind, str(value)) != normalise(kind, identifier):
            return False
    return True


def _id(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int) or not 0 < len(str(value)) <= _LONGEST_ID:
        raise Nonsense
    return str(value)


def subjects(call: Call, item: WorkItem, ids: tuple[str, ...] | None) -> list[dict[str, str]]:
    """What to fill into a call, once per id found or per identifier of the kind that it names."""
    if ID in call.holes:
        return [{ID: value} for value in ids or ()]
    return [{kind: value} for kind in sorted(call.kinds) for value in item.identifiers.get(kind, ())]

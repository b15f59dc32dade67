"""What a vendor answered, and what its status means where no rule of the profile names it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

from lethe_processors.http.errors import Nonsense, Refused, Unavailable

if TYPE_CHECKING:
    from lethe_processors.http.errors import Trouble

SAYS_WAIT = frozenset({429, 503})
_LATER = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Reply:
    """`body` is kept out of every repr and log: it holds the person's data. `onward`: the `next` of its Link header."""

    status: int
    body: bytes = field(repr=False)
    onward: str | None = field(default=None, repr=False)

    def json(self) -> object:
        """Raises Nonsense if the body is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise Nonsense from None


def meaning(status: int, wait: float | None = None) -> Trouble:
    """What a status means that no rule of the profile names."""
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return Nonsense()  # "well done" to something that was not asked
    if status in SAYS_WAIT or status in _LATER:
        return Unavailable("rate_limited", wait)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unavailable("vendor_unavailable")
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return Refused("credentials_refused")
    if status < HTTPStatus.BAD_REQUEST:
        return Refused("redirected")
    return Refused(f"status_{status}")

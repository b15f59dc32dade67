"""Who was found at a processor, as references that only Lethe can make, and how they can be reached. Pure.

A reference is a token of one identifier under a key of the controller: the same person has the same one in every
system that knows the same identifier, and nobody can go back from it without the key.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from lethe_events.subject_token import normalise, subject_token

if TYPE_CHECKING:
    from collections.abc import Collection

    from lethe_processors.connector import Somebody

LINES = "application/x-ndjson"
PAGE = 500
"""People whose contacts are sealed together at most."""


class Contact(NamedTuple):
    """`ref`: by which the person was looked for. `person`: of the address itself; one letter goes to each."""

    ref: str
    person: str
    to: str
    language: str

    def __repr__(self) -> str:
        return "Contact(…)"


def references(key: bytes, one: Somebody) -> tuple[str, ...]:
    """By what tells people apart best: e-mail address first, what several people may share last."""
    ranked = sorted(one.identifiers, key=lambda i: (i[0] in one.weak, i[0] != "email", i))
    strong = [i for i in ranked if i[0] not in one.weak] or ranked
    return tuple(subject_token(key, kind, value) for kind, value in strong)


def located_line(refs: Collection[str], *, certain: bool) -> bytes:
    """A sign for what is known (`+` certain, `?` possible), then every reference, the best one first."""
    return ("+" if certain else "?").encode() + " ".join(refs).encode() + b"\n"


def contact_of(key: bytes, one: Somebody, wanted: Collection[str]) -> Contact | None:
    """How somebody can be reached; None if nobody asks for them, or they have no address."""
    if one.email is None or "@" not in one.email:
        return None
    asked = next((ref for ref in references(key, one) if ref in wanted), None)
    if asked is None:
        return None
    person = subject_token(key, "email", normalise("email", one.email))
    return Contact(asked, person, one.email.strip(), (one.language or "")[:35])


def contact_line(one: Contact) -> bytes:
    return json.dumps(one._asdict(), ensure_ascii=False).encode() + b"\n"

"""A vendor that calls back when its job has ended: what makes the call believable, and what it says. Pure.

Believing it means only that the vendor says so: whether the data is gone is looked for afterwards, as always.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple, Self

from pydantic import Field, StringConstraints, model_validator

from lethe_processors.credentials import CredentialRef  # noqa: TC001 - pydantic reads it at run time
from lethe_processors.http.authentication import HeaderName  # noqa: TC001 - as above
from lethe_processors.http.errors import Nonsense
from lethe_processors.http.paths import Path, one
from lethe_processors.http.steps import Entry, JobState

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_JOB_ID = 256
_PART = re.compile(r"(\{timestamp\}|\{body\})")
_DIGITS = re.compile(r"[0-9]{1,11}(\.[0-9]{1,9})?")


class NotTheirs(Exception):
    """The call cannot be believed. The text is a code; which check failed is nobody's business but the operator's."""


class Called(NamedTuple):
    """What a believed call says: of which job (`reference_of`), and how it stands."""

    reference: str
    state: JobState


class Callback(Entry):
    """An HMAC-SHA-256 over time and body, under a secret shared with the vendor.

    `secret`: one, or several with white space between them while it is rotated. `url`: where the vendor reaches us,
    for `{callback}`. `timestamp`: a header with Unix seconds or RFC 3339. `signed`: what is signed. `window`: how far
    the time may be from now, in either direction.
    """

    secret: CredentialRef
    url: Annotated[str, StringConstraints(pattern=r"^(https?://\S+|env:[A-Za-z_][A-Za-z0-9_]*)$")] | None = None
    signature: HeaderName
    prefix: str = ""
    encoding: Literal["hex", "base64"] = "hex"
    timestamp: HeaderName
    signed: str = "{timestamp}.{body}"
    window: Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(hours=1))] = timedelta(minutes=5)
    job: Path
    status: Path
    map: dict[JobState, tuple[str, ...]]

    @model_validator(mode="after")
    def _means_something(self) -> Self:
        if self.signed.count("{timestamp}") != 1 or self.signed.count("{body}") != 1:
            raise ValueError("`signed` has {timestamp} and {body} once each: what is not signed could be changed")
        if not self.map.get(JobState.DONE):
            raise ValueError("say which statuses mean done, or leave the callback out")
        named = [status for statuses in self.map.values() for status in statuses]
        if len(named) != len(set(named)):
            raise ValueError("a status can stand in one list of the map only")
        return self


def reference_of(processor_id: str, job: str) -> str:
    """By what a vendor's job is known here: a hash, because the vendor's id may say something of a person."""
    return sha256(f"lethe.job.v1|{processor_id}|{job}".encode()).hexdigest()


def believe(callback: Callback, secrets: str, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    """Raises NotTheirs. `headers`: by lower-case name. Before this the body must not be looked at."""
    told = headers.get(callback.timestamp.lower(), "").strip()
    at = _instant(told)
    if at is None:
        raise NotTheirs("time_missing")
    if abs(now - at) > callback.window:
        raise NotTheirs("outside_window")
    given = _digest(callback, headers.get(callback.signature.lower(), "").strip())
    if given is None:
        raise NotTheirs("signature_missing")
    parts = {"{timestamp}": told.encode(), "{body}": body}
    signed = b"".join(parts.get(part, part.encode()) for part in _PART.split(callback.signed))
    fits = [hmac.compare_digest(hmac.digest(secret.encode(), signed, "sha256"), given) for secret in secrets.split()]
    if not any(fits):
        raise NotTheirs("signature_wrong")


def read(callback: Callback, processor_id: str, body: bytes) -> Called:
    """What the call says. Raises Nonsense for another shape; a status that is not in the map is `running`."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise Nonsense from None
    job, status = one(callback.job, document), one(callback.status, document)
    if isinstance(job, bool) or not isinstance(job, str | int) or not 0 < len(str(job)) <= LONGEST_JOB_ID:
        raise Nonsense
    states = {name: state for state, names in callback.map.items() for name in names}
    said = states.get(status, JobState.RUNNING) if isinstance(status, str) else JobState.RUNNING
    return Called(reference_of(processor_id, str(job)), said)


def _instant(told: str) -> datetime | None:
    try:
        at = datetime.fromtimestamp(float(told), UTC) if _DIGITS.fullmatch(told) else datetime.fromisoformat(told)
    except (ValueError, OverflowError, OSError):
        return None
    return at if at.tzinfo is not None else None


def _digest(callback: Callback, given: str) -> bytes | None:
    if not given.startswith(callback.prefix):
        return None
    text = given[len(callback.prefix) :]
    try:
        found = bytes.fromhex(text) if callback.encoding == "hex" else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None
    return found or None

"""Subject tokens: how product services name people on the bus without naming them."""

from __future__ import annotations

import base64
import hmac


def subject_token(key: bytes, kind: str, normalised: str) -> str:
    """HMAC-SHA-256 of `kind` and the normalised identifier under one processor's key, base64url, 43 characters.

    Two processors have different keys, so a reader of the bus cannot link their tokens (a plain hash could be
    reversed by enumeration). Normalise with `normalise` first, on both sides. Raises ValueError for a key under
    32 bytes.
    """
    if len(key) < 32:  # noqa: PLR2004 - the output size of SHA-256
        msg = "a subject-token key needs at least 32 bytes"
        raise ValueError(msg)
    digest = hmac.digest(key, f"{kind}\x00{normalised}".encode(), "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def normalise(kind: str, value: str) -> str:
    """The one form in which an identifier is compared: e-mail case-folded, phone as `+` and digits, others trimmed.

    Idempotent. It does not validate: that is intake's.
    """
    trimmed = value.strip()
    if kind == "email":
        return trimmed.casefold()
    if kind == "phone_number":
        digits = "".join(c for c in trimmed if c.isdigit())
        return f"+{digits.removeprefix('00')}"
    return trimmed


def people_of(controller_id: str) -> str:
    """The reserved name under whose key Lethe itself refers to all people of a controller, across its processors.

    Used where people of several systems have to be told apart, as in the case of a breach; never given to a processor.
    """
    return f"lethe-people.{controller_id}"

"""What a controller asserts about somebody who is signed in with it: a JWT under the controller's own key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import jwt

from intake.application.ports import Asserted, AssertionRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lethe_chassis.auth.keys import VerificationKey

AUDIENCE = "lethe-intake"
_OLDEST = timedelta(minutes=10)
_SKEW = timedelta(seconds=30)


class SignedAssertions:
    """Claims: `iss` the controller_id, `aud` lethe-intake, `iat`, `exp`, `identifiers`: kind → list of values."""

    def __init__(self, keys: Mapping[str, VerificationKey]) -> None:
        self._keys = keys

    def read(self, controller_id: str, assertion: str, now: datetime) -> Asserted:
        """Raises AssertionRefused. One that was good once and is too old now is given as such."""
        key = self._keys.get(controller_id)
        if key is None:
            raise AssertionRefused("cannot be checked", "configure assertion_key for this controller")
        try:
            claims = jwt.decode(
                assertion,
                key.key,
                algorithms=sorted(key.algorithms),
                audience=AUDIENCE,
                issuer=controller_id,
                options={"require": ["iss", "aud", "iat", "exp"], "verify_exp": False, "verify_iat": False},
            )
            issued, expires = (datetime.fromtimestamp(int(claims[c]), UTC) for c in ("iat", "exp"))
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError):
            raise AssertionRefused("is not signed by this controller for this use", "sign a new one") from None
        if issued > now + _SKEW:
            raise AssertionRefused("is from the future", "look at the clock of who signs")
        return Asserted(_identifiers(claims.get("identifiers")), stale=min(expires, issued + _OLDEST) + _SKEW <= now)


def _identifiers(claim: object) -> Mapping[str, tuple[str, ...]]:
    if isinstance(claim, dict) and all(
        isinstance(values, list) and all(isinstance(value, str) for value in values) for values in claim.values()
    ):
        return {str(kind): tuple(values) for kind, values in claim.items()}
    raise AssertionRefused("says nothing about identifiers", "add the claim identifiers: kind to list of values")

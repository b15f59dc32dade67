"""Who calls, and what the token lets them touch. What a scope permits is decided in each service."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from lethe_chassis.errors import Forbidden, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Principal:
    """A verified caller. `subject` names a person or program of the deployer: audit it, do not log it."""

    subject: str
    controller_ids: frozenset[str]
    scopes: frozenset[str]
    processor_id: str | None = None
    """Set when the token is bound to one processor (claim `processor_id`)."""
    expires_at: float = field(default=0.0, compare=False)
    """Unix seconds."""

    def __repr__(self) -> str:
        return f"Principal(controllers={sorted(self.controller_ids)}, scopes={sorted(self.scopes)})"

    def covers(self, controller_id: str) -> bool:
        return controller_id in self.controller_ids

    def require_scopes(self, *scopes: str) -> None:
        """Raises Forbidden naming the scopes that are missing."""
        missing = [s for s in scopes if s not in self.scopes]
        if missing:
            raise Forbidden(
                "insufficient_scope", f"The token lacks the scope {' '.join(missing)}: ask for it.", scopes=scopes
            )

    def require_controller(self, controller_id: str) -> None:
        """For a controller that the caller names. The answer is the same whether or not it exists."""
        if controller_id not in self.controller_ids:
            raise Forbidden(
                "foreign_controller", "The token does not name this controller_id: use one of the token's own."
            )

    def require_sight(self, controller_id: str | None, what: str) -> None:
        """For a thing found by its id: somebody else's and a missing one (None) give the same 404."""
        if controller_id is None or controller_id not in self.controller_ids:
            raise NotFound(f"There is no such {what}, or it is not yours to see.")


class Authenticator(Protocol):
    """Turns the text of a bearer token into a principal."""

    async def authenticate(self, token: str) -> Principal:
        """Raises Unauthorised, or Unavailable while the keys to check with cannot be had."""
        ...

    async def keep_fresh(self) -> None:
        """Background part: runs until cancelled. `run_service` starts it."""
        ...

    async def check(self) -> Mapping[str, object]:
        """Health of this component; raises `Unhealthy`."""
        ...

    async def close(self) -> None: ...

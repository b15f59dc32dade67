"""Holds of a whole controller, and what is kept until when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lethe_client.settings import ORCHESTRATOR_URL, Settings
from lethe_client.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID


class HoldsClient(Transport):
    """Scopes: saga:read to look, saga:act to act. Answers are as `GET /v1/holds` documents them."""

    async def place(
        self,
        controller_id: str,
        *,
        ground: str,
        matter: str,
        article: str | None = None,
        processors: Sequence[str] = (),
        categories: Sequence[str] = (),
        dsr_id: UUID | None = None,
        identifiers: Mapping[str, Sequence[str]] | None = None,
        everything: bool = False,
    ) -> dict[str, Any]:
        """State that erasures are to be held; it takes effect when another person approves.

        One person is named by a request of theirs or by identifiers (kind → values), which are not stored.
        `everything` has to be said where nothing else is named. Raises BadInput, naming the field.
        """
        body: dict[str, object] = {
            "controller_id": controller_id,
            "ground": ground,
            "article": article,
            "matter": matter,
            "processors": list(processors),
            "categories": list(categories),
            "dsr_id": None if dsr_id is None else str(dsr_id),
            "identifiers": {kind: list(values) for kind, values in (identifiers or {}).items()},
            "everything": everything,
        }
        found: dict[str, Any] = await self.post("/v1/holds", body)
        return found

    async def approve(self, hold_id: UUID) -> dict[str, Any]:
        """Approve what somebody else proposed: to place it or to lift it. Raises Unauthorised for that person."""
        found: dict[str, Any] = await self.post(f"/v1/holds/{hold_id}/approve", {})
        return found

    async def lift(self, hold_id: UUID) -> dict[str, Any]:
        """State that it is over; when another person approves, what it stopped goes on, in closed requests too."""
        found: dict[str, Any] = await self.post(f"/v1/holds/{hold_id}/lift", {})
        return found

    async def page(self, *, matter: str | None = None, lifted: bool = False) -> list[dict[str, Any]]:
        """The newest first; those that are over only where `lifted`."""
        found = await self.get("/v1/holds", {"matter": matter, "lifted": "true" if lifted else "false"})
        items: list[dict[str, Any]] = found["items"]
        return items

    async def show(self, hold_id: UUID) -> dict[str, Any]:
        """With the first 200 requests that it is on."""
        found: dict[str, Any] = await self.get(f"/v1/holds/{hold_id}")
        return found

    async def kept(self, before: datetime | None = None) -> list[dict[str, Any]]:
        """Parts that closed requests left with their processors, by the date on which they are erased."""
        found = await self.get("/v1/kept", {"before": None if before is None else before.isoformat()})
        items: list[dict[str, Any]] = found["items"]
        return items


def connect() -> HoldsClient:
    """To the orchestrator that the environment, or the local stack, names."""
    settings = Settings.find()
    return HoldsClient(settings.url(ORCHESTRATOR_URL), settings.token())

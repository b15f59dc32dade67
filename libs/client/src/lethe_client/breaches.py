"""The breach notifier's API, and intake's where breaches are reported. Documents are as the services give them."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from lethe_client.settings import BREACH_NOTIFIER_URL, INTAKE_URL, Settings
from lethe_client.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    Document = dict[str, Any]


class ReportClient(Transport):
    """Scope: breach:report."""

    async def report(self, report: Mapping[str, Any], *, idempotency_key: str | None = None) -> Document:
        """Sent again with the same key, it is one report. Raises BadInput, naming each field that is wrong."""
        headers = {"Idempotency-Key": idempotency_key or secrets.token_urlsafe(24)}
        found: Document = await self.post("/v1/breaches", dict(report), headers=headers, safe=True)
        return found

    async def signal(self, controller_id: str, source: str, findings: Sequence[Mapping[str, Any]]) -> int:
        """Hand in what monitoring saw (scope: breach:signal); gives how many signals it makes. Raises BadInput.

        Sent again it is the same: a signal counts once by its id.
        """
        path = f"/v1/breach-signals?controller_id={quote(controller_id)}&source={quote(source)}"
        found: Document = await self.post(path, [dict(one) for one in findings], safe=True)
        return int(found["signals"])


class BreachClient(Transport):
    """Scopes: breach:read to look, breach:act to act."""

    async def page(self, after: str | None = None, **filters: object) -> Document:
        """Open cases by hours left. Filters: state, controller, limit (at most 200)."""
        found: Document = await self.get("/v1/breaches", {**filters, "after": after})
        return found

    async def case(self, case_id: UUID) -> Document:
        """Raises Missing also for another controller's."""
        found: Document = await self.get(f"/v1/breaches/{case_id}")
        return found

    async def notice(self, case_id: UUID, number: int) -> Document:
        """A version of the notice to an authority. Raises Missing."""
        found: Document = await self.get(f"/v1/breaches/{case_id}/notices/{number}")
        return found

    async def notice_pdf(self, case_id: UUID, number: int) -> bytes:
        """The same as PDF: one version, always the same bytes. Raises Missing."""
        async with self.stream(f"/v1/breaches/{case_id}/notices/{number}/pdf") as response:
            await self.raise_for(response)
            content: bytes = await response.aread()
        return content

    async def see(self, case_id: UUID, what: str) -> Document:
        """`what`: `affected`, or `letters`."""
        found: Document = await self.get(f"/v1/breaches/{case_id}/{what}")
        return found

    async def act(self, case_id: UUID, act: str, body: Mapping[str, Any] | None = None) -> Document:
        """`act`: the rest of the address, for instance `aware` or `notices/1/sign`.

        Raises BadInput, naming each field that is wrong, Conflicting where the case does not allow it now, and
        Unauthorised where another person is needed.
        """
        found: Document = await self.post(f"/v1/breaches/{case_id}/{act}", None if body is None else dict(body))
        return found


def connect() -> BreachClient:
    """To the breach notifier that the environment, or the local stack, names."""
    settings = Settings.find()
    return BreachClient(settings.url(BREACH_NOTIFIER_URL), settings.token())


def connect_to_report() -> ReportClient:
    """To the intake that the environment, or the local stack, names."""
    settings = Settings.find()
    return ReportClient(settings.url(INTAKE_URL), settings.token())

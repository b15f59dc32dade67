"""The intake API: submit a DSR, follow it, take its package away."""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import TYPE_CHECKING

import httpx

from lethe_client.errors import Refused, Unreachable
from lethe_client.models import (
    AcceptedDsr,
    Batch,
    BatchProgress,
    CodeWanted,
    Dsr,
    DsrPage,
    Republished,
    Verified,
    Withdrawn,
)
from lethe_client.transport import Transport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import BinaryIO
    from uuid import UUID

    from lethe_client.models import NewDsr


_BATCH_TIMEOUT_S = 600.0


class IntakeClient(Transport):
    """Scopes: dsr:write to submit, dsr:read to follow, package:read to take a package away."""

    async def submit(self, dsr: NewDsr, *, idempotency_key: str | None = None) -> AcceptedDsr:
        """Sent again with the same key, it is not carried out again, so it is repeated if the service does not answer.

        Without a key a random one is used: then do not call again after Unreachable, the request may be stored.
        """
        headers = {"Idempotency-Key": idempotency_key or secrets.token_urlsafe(24)}
        return AcceptedDsr.model_validate(await self.post("/v1/dsrs", dsr.body(), headers=headers, safe=True))

    async def dsr(self, dsr_id: UUID) -> Dsr:
        """Raises Missing also for another controller's."""
        return Dsr.model_validate(await self.get(f"/v1/dsrs/{dsr_id}"))

    async def page(
        self,
        *,
        state: str | None = None,
        controller_id: str | None = None,
        before: UUID | str | None = None,
        limit: int = 50,
    ) -> DsrPage:
        """Newest first, at most 200."""
        params = {"state": state, "controller_id": controller_id, "before": before and str(before), "limit": limit}
        return DsrPage.model_validate(await self.get("/v1/dsrs", params))

    async def dsrs(self, *, state: str | None = None, controller_id: str | None = None) -> AsyncIterator[Dsr]:
        """All of them, newest first, page by page."""
        page = await self.page(state=state, controller_id=controller_id, limit=200)
        while True:
            for item in page.items:
                yield item
            if page.next is None:
                return
            page = DsrPage.model_validate(await self.get(page.next))

    async def withdraw(self, dsr_id: UUID) -> Withdrawn:
        """On the person's word. Called again, it changes nothing. Raises Conflicting for a closed one."""
        return Withdrawn.model_validate(await self.post(f"/v1/dsrs/{dsr_id}/withdrawal", safe=True))

    async def send_code(self, dsr_id: UUID, channel: str, language: str = "en") -> CodeWanted:
        """Where identity is in doubt. The answer is the same for every id."""
        body = {"channel": channel, "language": language}
        return CodeWanted.model_validate(await self.post(f"/v1/dsrs/{dsr_id}/identity/code", body))

    async def verify(self, dsr_id: UUID, code: str) -> Verified:
        """Raises Conflicting for a code that is not accepted, for whatever reason."""
        return Verified.model_validate(await self.post(f"/v1/dsrs/{dsr_id}/identity/verify", {"code": code}))

    async def verified_by_hand(
        self, dsr_id: UUID, manner: str, *, mandate: str | None = None, sensitive: bool = False
    ) -> Verified:
        """A person made sure (scope identity:check). Raises Conflicting if more was asked than the doubt allows."""
        body = {"manner": manner, "sensitive": sensitive} | ({"mandate": mandate} if mandate else {})
        return Verified.model_validate(await self.post(f"/v1/dsrs/{dsr_id}/identity/manual", body, safe=True))

    async def republish(self, reason: str) -> Republished:
        """Have intake say again what the saga may not have heard, page by page. Scope: messaging:act."""
        dsrs = messages = 0
        after: str | None = None
        while True:
            answer = await self.post("/v1/dsrs/republish", {"reason": reason, "after": after})
            page = Republished.model_validate(answer)
            dsrs, messages = dsrs + page.dsrs, messages + page.messages
            if page.next is None:
                return Republished(dsrs=dsrs, messages=messages)
            after = str(page.next)

    async def batch(self, content: bytes, controller_id: str, *, idempotency_key: str, dry_run: bool = False) -> Batch:
        """One request per row of a CSV. Sent again under the same key, it goes on where it stopped.

        Raises BadInput, with every fault, having stored nothing.
        """
        answer = await self._call(
            "POST",
            "/v1/dsr-batches",
            safe=True,
            content=content,
            params={"controller_id": controller_id, "dry_run": str(dry_run).lower()},
            headers={"Content-Type": "text/csv", "Idempotency-Key": idempotency_key},
            timeout=_BATCH_TIMEOUT_S,
        )
        return Batch.model_validate(answer)

    async def batch_progress(self, batch_id: UUID) -> BatchProgress:
        return BatchProgress.model_validate(await self.get(f"/v1/dsr-batches/{batch_id}"))

    async def batch_page(
        self, batch_id: UUID, *, state: str | None = None, after: UUID | str | None = None, limit: int = 50
    ) -> DsrPage:
        """The requests of a batch in the order of acceptance, at most 200."""
        params = {"state": state, "after": after and str(after), "limit": limit}
        return DsrPage.model_validate(await self.get(f"/v1/dsr-batches/{batch_id}/dsrs", params))

    async def package(self, dsr_id: UUID, file: BinaryIO) -> int:
        """Write the export package to `file`; gives its size in bytes.

        Raises Conflicting until it is ready, Missing after shredding, and Refused if what came is not whole: then the
        content of `file` is worth nothing.
        """
        digest = hashlib.sha256()
        size = 0
        try:
            async with self.stream(f"/v1/dsrs/{dsr_id}/package") as response:
                await self.raise_for(response)
                async for piece in response.aiter_bytes():
                    digest.update(piece)
                    size += len(piece)
                    file.write(piece)
                told = response.headers.get("Repr-Digest", "")
        except httpx.TransportError as error:
            raise Unreachable(f"{self.url} broke off while the package was sent: fetch it again") from error
        if told and told != f"sha-256=:{base64.b64encode(digest.digest()).decode()}:":
            raise Refused("the package that came has another hash than the one it was sent with: fetch it again")
        return size

"""A processor reached over its HTTP API, as its profile describes it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lethe_processors.connector import Answer
from lethe_processors.http.client import Timing, Vendor
from lethe_processors.http.erasing import erase_one
from lethe_processors.http.errors import Trouble, Unavailable
from lethe_processors.http.exporting import export_one
from lethe_processors.http.profile import HttpProfile
from lethe_processors.http.verifying import verify_one

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    import httpx

    from lethe_processors.connector import ExportSink, WorkItem
    from lethe_processors.credentials import Credentials
    from lethe_processors.http.authentication import Auth

_STRIKES = 3
"""Calls in a row without any answer after which the rest of a batch is not tried: the vendor is down or hangs."""
_SILENT = frozenset({"vendor_timeout", "vendor_unreachable"})


class HttpConnector:
    """Implements `lethe_processors.connector.Connector`. Stateless: all that is kept is a connection pool.

    A worker needs the credentials of its own verbs only; they are resolved at its first call, which raises
    CredentialMissing or ProfileUnsafe. `transport` and `timing` are for tests.
    """

    def __init__(
        self,
        profile: HttpProfile,
        credentials: Credentials,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        timing: Timing | None = None,
    ) -> None:
        self._profile = profile
        self._credentials = credentials
        self._transport = transport
        self._timing = timing or Timing()
        self._vendors: dict[Auth, Vendor] = {}

    @classmethod
    def from_settings(
        cls,
        settings: Mapping[str, object],
        credentials: Credentials,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> HttpConnector:
        """From what a register file says below `connector`, without `kind`. Raises pydantic's ValidationError."""
        return cls(HttpProfile.model_validate(dict(settings)), credentials, transport=transport)

    async def close(self) -> None:
        for vendor in self._vendors.values():
            await vendor.close()

    async def erase(self, items: Sequence[WorkItem]) -> list[Answer]:
        erase = self._profile.erase
        if erase is None:
            return [Answer.permanent("verb_not_described")] * len(items)
        vendor = self._vendor(self._profile.auth)
        return await self._each(items, lambda item: erase_one(vendor, erase, item, self._timing))

    async def verify(self, items: Sequence[WorkItem]) -> list[Answer]:
        verify = self._profile.verify
        if verify is None:
            return [Answer.permanent("verb_not_described")] * len(items)
        vendor = self._vendor(self._profile.read_auth or self._profile.auth)
        return await self._each(items, lambda item: verify_one(vendor, verify, item))

    async def export(self, items: Sequence[WorkItem], sink: ExportSink) -> list[Answer]:
        """A failed item may have written to the sink already; what it wrote is to be thrown away."""
        export = self._profile.export
        if export is None:
            return [Answer.permanent("verb_not_described")] * len(items)
        vendor = self._vendor(self._profile.read_auth or self._profile.auth)
        lookups = self._profile.export_lookups
        return await self._each(items, lambda item: export_one(vendor, lookups, export, item, sink))

    def _vendor(self, auth: Auth) -> Vendor:
        vendor = self._vendors.get(auth)
        if vendor is None:
            vendor = Vendor(self._profile, auth, self._credentials, transport=self._transport, timing=self._timing)
            self._vendors[auth] = vendor
        return vendor

    async def _each(self, items: Sequence[WorkItem], do: Callable[[WorkItem], Awaitable[Answer]]) -> list[Answer]:
        """One person's trouble is that person's; silence of the vendor ends the batch instead of item by item."""
        slots = asyncio.Semaphore(self._profile.parallel)
        answers: list[Answer] = [Answer.transient("not_tried")] * len(items)
        strikes = 0

        async def one(index: int, item: WorkItem) -> None:
            nonlocal strikes
            async with slots:
                if strikes >= _STRIKES:
                    answers[index] = Unavailable("vendor_unreachable").answer
                    return
                try:
                    answers[index] = await do(item)
                    strikes = 0
                except Trouble as trouble:
                    answers[index] = trouble.answer
                    silent = trouble.answer.failure is not None and trouble.answer.failure.code in _SILENT
                    strikes = strikes + 1 if silent else 0

        async with asyncio.TaskGroup() as group:
            for index, item in enumerate(items):
                group.create_task(one(index, item))
        return answers

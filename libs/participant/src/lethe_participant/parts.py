"""Bringing exported records to the export worker: line by line, over HTTP, never over Kafka."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import httpx

from lethe_events import ContractError
from lethe_events.models import ExportPart, read
from lethe_participant.errors import PartNotTaken

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

    from lethe_events.models import TaskRequested
    from lethe_participant.results import Masked
    from lethe_participant.settings import Settings

LINES = "application/x-ndjson"
_CHUNK = 64 * 1024
_LATER = frozenset({408, 425, 429})
_GONE = 410
_SERVER = 500


class Parts:
    """Bringing the same part again replaces it."""

    def __init__(self, settings: Settings, transport: httpx.AsyncBaseTransport | None) -> None:
        self._settings = settings
        self._transport = transport
        self._client: httpx.AsyncClient | None = None

    async def put(
        self,
        task: TaskRequested,
        records: Mapping[str, Iterable[Mapping[str, object]]],
        masked: Sequence[Masked] = (),
    ) -> tuple[ExportPart, dict[str, int]]:
        """The stored part, and how many records of each collection it holds. Raises PartNotTaken."""
        if self._settings.parts_url is None or self._settings.token is None:
            raise PartNotTaken("parts_not_configured", transient=False)
        rows: dict[str, int] = {}
        url = f"{self._settings.parts_url.rstrip('/')}/v1/parts/{task.task_id}"
        headers = {"authorization": f"Bearer {self._settings.token}", "content-type": LINES}
        try:
            response = await self._open().put(
                url, params={"dsr_id": str(task.dsr_id)}, headers=headers, content=_body(records, masked, rows)
            )
        except httpx.HTTPError:
            raise PartNotTaken("parts_unreachable", transient=True) from None
        if response.is_success:
            return _part(response), rows
        raise _refusal(response.status_code)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _open(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(
                transport=self._transport, timeout=self._settings.upload_timeout, follow_redirects=False
            )
        return self._client


async def _body(
    records: Mapping[str, Iterable[Mapping[str, object]]], masked: Sequence[Masked], rows: dict[str, int]
) -> AsyncIterator[bytes]:
    chunk = bytearray()
    for collection, found in records.items():
        for record in found:
            rows[collection] = rows.get(collection, 0) + 1
            chunk += _line({"collection": collection, "record": record})
            if len(chunk) >= _CHUNK:
                yield bytes(chunk)
                chunk.clear()
                await asyncio.sleep(0)  # a large part must not hold up the others
    for left_out in masked:
        chunk += _line({"collection": left_out.collection, "masked": list(left_out.fields), "rows": left_out.rows})
    yield bytes(chunk)


def _line(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace") + b"\n"


def _part(response: httpx.Response) -> ExportPart:
    try:
        return read(ExportPart, response.content)
    except ContractError:
        raise PartNotTaken("parts_answer_unknown", transient=True) from None


def _refusal(status: int) -> PartNotTaken:
    if status == _GONE:
        return PartNotTaken("dsr_gone", transient=False)
    if status in _LATER or status >= _SERVER:
        return PartNotTaken("parts_unavailable", transient=True)
    return PartNotTaken(f"parts_status_{status}", transient=False)

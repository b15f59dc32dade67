"""The file of targets, and the HTTPS call to one of them. Nothing else is called: a request names a target only."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import httpx
import structlog
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from intake.application.transmit import Transmissions
from intake.domain.transmission import Answer, Target
from lethe_chassis import blamed_on
from lethe_events.models import Code
from lethe_postgres import is_transient
from lethe_vault import Gone, Tampered

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path
    from uuid import UUID

    from intake.application.ports import Documents
    from intake.application.transmit import Ledger
    from lethe_vault import DocumentInfo

MOST_OF_A_RECEIPT = 1024 * 1024
_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
_LOOK_EVERY_S = 2.0


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")
    target: Code
    name: Annotated[str, Field(min_length=1, max_length=200)]
    endpoint: Annotated[str, Field(max_length=500)]
    controllers: Annotated[list[Code], Field(min_length=1)]
    token: Annotated[str, Field(pattern=r"^env:[A-Z][A-Z0-9_]*$")] | None = None


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    targets: list[_Entry]


def targets_of(path: Path | None) -> Mapping[str, Target]:
    """The same at the start of the service. Raises SettingsError."""
    with blamed_on("LETHE_TRANSMISSION_TARGETS", ValueError):
        return read_targets(path)


def read_targets(path: Path | None, environ: Mapping[str, str] | None = None) -> Mapping[str, Target]:
    """Targets by name; none without a file. Raises ValueError naming file and field.

    targets:
      - {target: other-bank, name: Other AG, endpoint: "https://other.example/in", controllers: [acme], token: env:T}
    """
    if path is None:
        return {}
    try:
        entries = _File.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))).targets
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{path.name}: cannot be read: {type(error).__name__}") from None
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False)[0]
        raise ValueError(f"{path.name}: {'.'.join(map(str, wrong['loc']))}: {wrong['msg']}") from None
    found: dict[str, Target] = {}
    for entry in entries:
        if entry.target in found:
            raise ValueError(f"{path.name}: target {entry.target} appears twice: keep one")
        _require_https(path.name, entry)
        token = None if entry.token is None else (os.environ if environ is None else environ).get(entry.token[4:])
        if entry.token is not None and not token:
            raise ValueError(f"{path.name}: {entry.target}.token: {entry.token} is not set")
        found[entry.target] = Target(entry.target, entry.name, entry.endpoint, frozenset(entry.controllers), token)
    return found


def _require_https(name: str, entry: _Entry) -> None:
    parts = urlsplit(entry.endpoint)
    if parts.scheme != "https" or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError(f"{name}: {entry.target}.endpoint: use https://host/path, without user, query and fragment")


class HttpsSender:
    """Implements `application.transmit.Sends`. A redirect is not followed: only what is on the list is called."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._client = httpx.AsyncClient(transport=transport, timeout=_TIMEOUT, follow_redirects=False, trust_env=False)

    async def aclose(self) -> None:
        await self._client.aclose()

    async def __call__(
        self, target: Target, dsr_id: UUID, controller_id: str, info: DocumentInfo, content: AsyncIterator[bytes]
    ) -> Answer:
        headers = {
            "Content-Type": info.media_type,
            "Content-Length": str(info.size),
            "Repr-Digest": f"sha-256=:{base64.b64encode(bytes.fromhex(info.sha256)).decode()}:",
            "Idempotency-Key": str(dsr_id),
            "Lethe-Controller": controller_id,
        }
        if target.token is not None:
            headers["Authorization"] = f"Bearer {target.token}"
        try:
            async with self._client.stream("POST", target.endpoint, headers=headers, content=content) as response:
                return Answer(response.status_code, await _receipt(response))
        except (httpx.HTTPError, Gone, Tampered):
            return Answer(None)


async def _receipt(response: httpx.Response) -> str:
    digest, size = hashlib.sha256(), 0
    async for piece in response.aiter_bytes():
        digest.update(piece[: MOST_OF_A_RECEIPT - size])
        size += len(piece)
        if size >= MOST_OF_A_RECEIPT:
            break
    return digest.hexdigest()


async def keep_transmitting(ledger: Ledger, documents: Documents, targets: Mapping[str, Target]) -> None:
    """Until cancelled. A transient error is waited out; any other ends the service, which would look healthy."""
    async with aclosing(HttpsSender()) as send:
        await _keep(Transmissions(ledger, documents, targets, send))


async def _keep(transmissions: Transmissions) -> None:
    while True:
        try:
            sent = await transmissions.step(datetime.now(UTC))
        except Exception as error:
            if not is_transient(error):
                raise
            structlog.get_logger(__name__).warning("transmissions wait", error=type(error).__name__)
            sent = 0
        await asyncio.sleep(0 if sent else _LOOK_EVERY_S)

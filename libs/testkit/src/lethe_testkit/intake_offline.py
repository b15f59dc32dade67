"""Intake without engines: a shelf instead of tables, vault and outbox; tokens that say what they allow."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import asynccontextmanager
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import httpx
from prometheus_client import CollectorRegistry

from intake.adapters.assertions import SignedAssertions
from intake.adapters.meters import PrometheusMeters
from intake.application.accept import Acceptance
from intake.application.overload import Gate
from intake.domain.model import Accepted, Controller
from intake.domain.overload import Limits, Load
from intake.entrypoints.http import Parts, build_app
from lethe_chassis import HealthChecks, Principal, Unauthorised

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from uuid import UUID

    from intake.domain.model import Candidate
    from lethe_events import Record
    from lethe_vault import Sealing

NOW = datetime(2026, 11, 23, 9, 15, tzinfo=UTC)
GOOD = {
    "controller_id": "acme",
    "right": "erasure",
    "identifiers": {"email": ["Mina@People.example"], "phone_number": ["030 901820"]},
    "channel": "web_form",
    "identity": {"method": "controller_session"},
}
CONTROLLERS = {c: Controller(c, c, "DE", f"privacy@{c}.example") for c in ("acme", "beta")}


class Shelf:
    """Tables, vault and outbox of a process that has no engines: a group is kept whole or not at all."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, bytes], Accepted] = {}
        self.sealed: list[Sealing] = []
        self.sent: list[Record] = []
        self.recorded: list[Candidate] = []
        self.groups: list[int] = []
        self.error: Exception | None = None

    @asynccontextmanager
    async def work(self) -> AsyncIterator[Shelf]:
        before = (dict(self.rows), list(self.sealed), list(self.sent))
        try:
            yield self
            self._fail_if_told()
        except BaseException:
            self.rows, self.sealed, self.sent = before
            raise

    def _fail_if_told(self) -> None:
        if self.error is not None:
            raise self.error

    @property
    def tx(self) -> Any:
        return self

    def send(self, records: Sequence[Record]) -> None:
        self.sent += records

    async def insert(self, _: Any, candidates: Sequence[Candidate]) -> set[UUID]:
        self.groups.append(len(candidates))
        new = {(c.submission.controller_id, c.key): c for c in candidates}
        assert len(new) == len(candidates)
        new = {key: c for key, c in new.items() if key not in self.rows}
        self.rows |= {key: Accepted(c.dsr_id, c.fingerprint, c.deadline) for key, c in new.items()}
        return {c.dsr_id for c in new.values()}

    async def by_keys(self, _: Any, candidates: Sequence[Candidate]) -> Mapping[tuple[str, bytes], Accepted]:
        return {(c.submission.controller_id, c.key): self.rows[c.submission.controller_id, c.key] for c in candidates}

    async def record_identities(self, _: Any, candidates: Sequence[Candidate]) -> None:
        self.recorded += candidates

    async def know(self, _: Any, wanted: Mapping[tuple[str, bytes], Candidate]) -> Mapping[Any, tuple[UUID, int]]:
        """Nobody is known here but from the same group."""
        return {key: (candidate.dsr_id, 1) for key, candidate in wanted.items()}

    async def owners(self, *_: Any) -> list[Any]:
        return []

    async def attached(self, *_: Any) -> dict[Any, Any]:
        return {}

    async def again(self, *_: Any) -> None: ...

    async def flag(self, *_: Any) -> None: ...

    async def seal(self, _: Any, items: Sequence[Sealing]) -> None:
        self.sealed += items


class Tokens:
    async def authenticate(self, token: str) -> Principal:
        controllers, _, scopes = token.partition("/")
        if not scopes:
            raise Unauthorised("token_invalid", "The token is not accepted.", error="invalid_token")
        return Principal("site", frozenset(controllers.split("+")), frozenset(scopes.split("+")))

    async def keep_fresh(self) -> None: ...

    async def check(self) -> dict[str, object]:
        return {}

    async def close(self) -> None: ...


class Site:
    """The support site, talking to intake in this process."""

    def __init__(self, client: httpx.AsyncClient, shelf: Shelf, load: list[Load], registry: CollectorRegistry) -> None:
        self.client = client
        self.shelf = shelf
        self.load = load
        self.registry = registry

    async def post(
        self, body: object = GOOD, *, key: str | None = "k1", token: str | None = "acme/dsr:write", **more: Any
    ) -> httpx.Response:
        headers = {"Content-Type": "application/json"}
        headers |= {"Idempotency-Key": key} if key is not None else {}
        headers |= {"Authorization": f"Bearer {token}"} if token is not None else {}
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.client.post("/v1/dsrs", content=content, headers=headers | more.pop("headers", {}), **more)


@asynccontextmanager
async def offline_site() -> AsyncIterator[Site]:
    shelf, load, registry = Shelf(), [Load()], CollectorRegistry()
    meters = PrometheusMeters(registry)
    gate = Gate(lambda: load[0], meters, Limits(), every_s=0)
    acceptance = Acceptance(
        desk=cast("Any", shelf), store=cast("Any", shelf), people=cast("Any", shelf),
        sealer=shelf, gate=gate, meters=meters,
        controllers=CONTROLLERS, assertions=SignedAssertions({}), secret=b"s" * 32, now=lambda: NOW, entropy=os.urandom,
        is_transient=lambda e: isinstance(e, ConnectionError), spacing_s=0.0,
    )  # fmt: skip
    parts = Parts(acceptance, *[cast("Any", None)] * (len(fields(Parts)) - 1))
    app = build_app(
        lambda: parts, auth=Tokens(), health=HealthChecks(),
        unavailable=lambda e: isinstance(e, ConnectionError), registry=registry,
    )  # fmt: skip
    async with (
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://intake") as client,
        asyncio.TaskGroup() as parts_,
    ):
        running = [parts_.create_task(acceptance.group.run()), parts_.create_task(gate.watch())]
        yield Site(client, shelf, load, registry)
        for part in running:
            part.cancel()

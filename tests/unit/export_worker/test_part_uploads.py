"""How a Kafka-native processor brings its part, and what is refused."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import TYPE_CHECKING

import httpx
import pytest
from prometheus_client import CollectorRegistry

from export_worker.application.uploading import Uploading
from export_worker.domain.errors import PartMismatch, Shredded
from export_worker.domain.part import document_id
from export_worker.entrypoints import http, uploads
from export_worker.entrypoints.http import body_rules, parts_api
from lethe_chassis import HealthChecks, Principal, Unauthorised, create_app
from lethe_events.ids import task_id
from lethe_processors.register import Processor, Register
from lethe_testkit.documents import Documents
from lethe_testkit.tasks import processor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

DSR = uuid.UUID(int=1)
TASK = task_id(DSR, "crm", "export", 1)
URL = f"/v1/parts/{TASK}?dsr_id={DSR}"
LINES = {"Content-Type": "application/x-ndjson"}


class Tokens:
    """A token is its processor, a comma, its scopes."""

    async def authenticate(self, token: str) -> Principal:
        if token == "bad":
            raise Unauthorised("token_invalid", "no")
        processor_id, _, scopes = token.partition(",")
        return Principal("someone", frozenset({"acme"}), frozenset(scopes.split()), processor_id or None)

    async def keep_fresh(self) -> None: ...

    async def check(self) -> Mapping[str, object]:
        return {}

    async def close(self) -> None: ...


def native(name: str, controller: str = "acme") -> Processor:
    return processor(name, connector={"kind": "kafka"}, controllers=[controller])


REGISTER = Register(
    version="a" * 64,
    processors={
        "crm": native("crm"),
        "shop": processor("shop"),
        "alien": native("alien", "other"),
    },
)


@pytest.fixture
def documents() -> Documents:
    return Documents(shredded=Shredded(), missing=PartMismatch("part_gone", "gone"))


@pytest.fixture
async def client(documents: Documents) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(
        title="t",
        version="0",
        auth=Tokens(),
        health=HealthChecks(),
        body_rules=body_rules(100_000),
        registry=CollectorRegistry(),
    )
    app.include_router(parts_api(Uploading(documents), lambda: REGISTER))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://t.example", headers={"Authorization": "Bearer crm,part:write"}
    ) as found:
        yield found


async def test_a_part_is_sealed_and_described(client: httpx.AsyncClient, documents: Documents) -> None:
    body = {
        "collections": {"contacts": [{"id": 1}, {"id": 2}], "calls": []},
        "masked": [{"collection": "calls", "fields": ["caller"], "rows": 2}],
    }
    answer = await client.put(URL, json=body)
    assert answer.status_code == 200, answer.text
    part = answer.json()
    assert part["document_id"] == str(document_id(TASK))
    assert (part["records"], part["masked"]) == (2, 2)
    stored = documents.contents[document_id(TASK)]
    assert part["size"] == len(stored)
    assert b'{"collection":"contacts","record":{"id":2}}' in stored
    again = await client.put(URL, json=body)
    assert again.json() == part, "bringing it again is the same part"


async def test_lines_give_the_same_part_as_one_document(client: httpx.AsyncClient) -> None:
    whole = await client.put(URL, json={"collections": {"contacts": [{"id": 1}, {"id": "é"}]}})
    lines = b'{"collection":"contacts","record":{"id":1}}\n\n{"collection":"contacts","record":{"id":"\xc3\xa9"}}'

    async def in_small_pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(lines), 7):
            yield lines[start : start + 7]

    streamed = await client.put(URL, content=in_small_pieces(), headers=LINES)
    assert streamed.status_code == 200, streamed.text
    assert streamed.json() == whole.json()


@pytest.mark.parametrize(
    ("token", "url", "status"),
    [
        ("bad", URL, 401),
        ("crm,dsr:read", URL, 403),  # another scope
        (",part:write", URL, 403),  # bound to no processor
        ("nobody,part:write", URL, 403),  # not in the register
        ("shop,part:write", f"/v1/parts/{task_id(DSR, 'shop', 'export', 1)}?dsr_id={DSR}", 403),  # read by us
        ("alien,part:write", f"/v1/parts/{task_id(DSR, 'alien', 'export', 1)}?dsr_id={DSR}", 403),  # of others
        ("crm,part:write", f"/v1/parts/{task_id(DSR, 'shop', 'export', 1)}?dsr_id={DSR}", 404),  # somebody else's
        ("crm,part:write", f"/v1/parts/{task_id(DSR, 'crm', 'erase', 1)}?dsr_id={DSR}", 404),
        ("crm,part:write", f"/v1/parts/{TASK}?dsr_id={uuid.UUID(int=2)}", 404),  # another person
        ("crm,part:write", f"/v1/parts/{TASK}", 422),
        ("crm,part:write", "/v1/parts/x?dsr_id=1", 404),
    ],
)
async def test_a_processor_brings_its_own_parts_only(
    client: httpx.AsyncClient, documents: Documents, token: str, url: str, status: int
) -> None:
    answer = await client.put(url, json={"collections": {}}, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert documents.contents == {}


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"{", {}),
        (b"[]", {}),
        (b'{"collections": []}', {}),
        (b'{"collections": {"a": {}}}', {}),
        (b'{"collections": {"a": [1]}}', {}),
        (b'{"collections": {"../a": [{}]}}', {}),
        (b'{"collections": {}, "masked": [1]}', {}),
        (b'{"collections": {}, "masked": [{"collection": "a", "fields": ["x"], "rows": -1}]}', {}),
        (b'{"collections": {"a": ' + b"[" * 5000 + b"]" * 5000 + b"}}", {}),
        (b'{"collection":"a","record":{"id":1}}\n{"collection":"a","rec', LINES),
        (b'{"collection":"a"}\n', LINES),
        (b'{"collection":"a","masked":["x"],"rows":true}\n', LINES),
    ],
)
async def test_what_is_no_part_is_refused_without_repeating_it_and_leaves_nothing(
    client: httpx.AsyncClient, documents: Documents, body: bytes, headers: dict[str, str]
) -> None:
    answer = await client.put(URL, content=body, headers={"Content-Type": "application/json", **headers})
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["fix"]
    assert "../a" not in answer.text
    assert documents.contents == {}


async def test_too_much_is_refused(
    client: httpx.AsyncClient, documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = json.dumps({"collection": "a", "record": {"x": "y" * 1000}}).encode() + b"\n"

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield line

    assert (await client.put(URL, content=endless(), headers=LINES)).status_code == 413
    assert (await client.put(URL, content=b"x", headers={"Content-Type": "text/csv"})).status_code == 415
    monkeypatch.setattr(uploads, "MAX_JSON", 10)
    assert (await client.put(URL, json={"collections": {"a": []}})).status_code == 422
    monkeypatch.setattr(uploads, "MAX_LINE", 100)
    assert (await client.put(URL, content=line[:-1], headers=LINES)).status_code == 422, "a line without an end"
    assert documents.contents == {}


async def test_a_shredded_dsr_takes_nothing_any_more(client: httpx.AsyncClient, documents: Documents) -> None:
    documents.gone = {DSR}
    assert (await client.put(URL, json={"collections": {}})).status_code == 410


async def test_one_upload_too_many_is_asked_to_wait(
    client: httpx.AsyncClient, documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "AT_ONCE", 1)
    app = create_app(title="t", version="0", auth=Tokens(), health=HealthChecks(), registry=CollectorRegistry())
    app.include_router(parts_api(Uploading(documents), lambda: REGISTER))
    release, started = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        started.set()
        await release.wait()
        yield b'{"collections": {}}'

    headers = {"Authorization": "Bearer crm,part:write", "Content-Type": "application/json"}
    async with (
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t.example", headers=headers) as client_,
        asyncio.TaskGroup() as group,
    ):
        first = group.create_task(client_.put(URL, content=slow()))
        await started.wait()
        refused = await client_.put(URL, content=b"{}")
        release.set()
        assert (await first).status_code == 200
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "2"

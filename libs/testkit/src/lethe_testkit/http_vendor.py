"""A vendor in memory for the tests of the HTTP connector: it remembers what it was asked, and answers as told."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import httpx

from lethe_events.models import TaskRequested
from lethe_events.words import Right, Verb
from lethe_processors.connector import Answer, WorkItem
from lethe_processors.credentials import Credentials
from lethe_processors.http import HttpConnector, HttpProfile, Timing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

NAMESPACE = UUID("00000000-0000-4000-8000-000000000000")
NOW = datetime(2026, 5, 1, tzinfo=UTC)
SECRETS = {"VENDOR_TOKEN": "s3cret", "VENDOR_PASSWORD": "pa55"}
NADIA = {"email": ("nadia.petrova@mail.example",), "customer_id": ("C-100042",)}

PROFILE: dict[str, object] = {
    "base_url": "https://vendor.example/api",
    "auth": {"scheme": "bearer", "token": "env:VENDOR_TOKEN"},
    "erase": {
        "steps": [
            {"lookup": {"GET": "/v1/customers/email={email}", "id": "$.data.id"}},
            {"submit": {"DELETE": "/v1/customers/{id}", "job_id": ["$.job", "$.jobs[0].id"], "already": [409]}},
            {"poll": {
                "GET": "/v1/jobs/{job}",
                "status": "$.status",
                "map": {"running": ["queued"], "done": ["completed"], "partial": ["partly"], "failed": ["failed"]},
                "every": "PT1S",
                "within": "PT3S",
            }},
        ],
        "collection": "customers",
        "done_within": "P30D",
    },
    "verify": {"looks": [{
        "GET": "/v1/search?query={email}",
        "each": "$.results[*]",
        "match": {"$.email": "email"},
        "collection": "customers",
    }]},
    "export": {"collections": [
        {"GET": "/v1/customers/{id}", "record": "$.data.attributes", "collection": "customers"},
        {
            "GET": "/v1/customers/{id}/tickets",
            "each": "$.data[*]",
            "pages": {"by": "link", "next": "$.links.next"},
            "omit": ["agent.email", "note"],
            "collection": "tickets",
        },
    ]},
}  # fmt: skip


def reply(status: int, body: object = None, **headers: str) -> httpx.Response:
    content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.Response(status, content=content, headers={k.replace("_", "-"): v for k, v in headers.items()})


@dataclass
class FakeTime:
    """Time that passes only by being slept away."""

    at: float = 0.0
    slept: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds

    def timing(self) -> Timing:
        return Timing(now=lambda: NOW, monotonic=lambda: self.at, sleep=self.sleep)


class Vendor:
    """Answers by the path of the call; a list of answers is used up, its last one stays."""

    def __init__(self, answers: Mapping[str, object]) -> None:
        self.answers = {k: list(v) if isinstance(v, list) else [v] for k, v in answers.items()}
        self.requests: list[httpx.Request] = []
        self.time = FakeTime()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        name = _name(request)
        queue = self.answers.get(name)
        if queue is None:
            return reply(500, {"error": f"unexpected call {name}"})
        answer = queue.pop(0) if len(queue) > 1 else queue[0]
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            answer = answer(request)
        assert isinstance(answer, httpx.Response)
        return httpx.Response(answer.status_code, content=answer.content, headers=answer.headers)

    @property
    def asked(self) -> list[str]:
        return [_name(request) for request in self.requests]

    def connector(self, *, secrets: Mapping[str, str] = SECRETS, **changes: object) -> HttpConnector:
        profile = HttpProfile.model_validate({**PROFILE, **changes})
        return HttpConnector(
            profile, Credentials(secrets), transport=httpx.MockTransport(self), timing=self.time.timing()
        )


def _name(request: httpx.Request) -> str:
    path = request.url.raw_path.decode()
    return f"{request.method} {path.removeprefix('/api') if request.url.host == 'vendor.example' else path}"


class Sink:
    """Keeps what was exported."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Mapping[str, object]]] = {}
        self.hidden: list[tuple[str, tuple[str, ...], int]] = []

    async def write(
        self,
        item: WorkItem,  # noqa: ARG002 - the port's name
        collection: str,
        records: Sequence[Mapping[str, object]],
    ) -> None:
        self.rows.setdefault(collection, []).extend(records)

    async def masked(
        self,
        item: WorkItem,  # noqa: ARG002 - the port's name
        collection: str,
        fields: Iterable[str],
        rows: int,
    ) -> None:
        self.hidden.append((collection, tuple(fields), rows))


def item(
    identifiers: Mapping[str, tuple[str, ...]] = NADIA, *, name: str = "nadia", verb: Verb = Verb.ERASE
) -> WorkItem:
    task = TaskRequested(
        task_id=uuid5(NAMESPACE, name + verb),
        dsr_id=uuid5(NAMESPACE, name),
        subject_ref=uuid5(NAMESPACE, name),
        controller_id="acme",
        processor_id="vendor",
        right=Right.ERASURE,
        verb=verb,
        register_version="0" * 64,
        due_at=NOW,
    )
    return WorkItem(task, identifiers)


BY_EMAIL = "GET /v1/customers/email=nadia.petrova%40mail.example"
DELETE = "DELETE /v1/customers/17"
JOB = "GET /v1/jobs/j1"
SEARCH = "GET /v1/search?query=nadia.petrova%40mail.example"
FOUND = reply(200, {"data": {"id": 17}})
STARTED = reply(202, {"job": "j1"})


def status(word: object) -> httpx.Response:
    return reply(200, {"status": word})


async def erase(answers: dict[str, object], **changes: Any) -> tuple[Answer, Vendor]:
    vendor = Vendor(answers)
    connector = vendor.connector(**changes)
    (answer,) = await connector.erase([item()])
    await connector.close()
    return answer, vendor


async def verify(answers: dict[str, object], **changes: Any) -> Answer:
    vendor = Vendor(answers)
    connector = vendor.connector(**changes)
    (answer,) = await connector.verify([item(verb=Verb.VERIFY)])
    await connector.close()
    return answer

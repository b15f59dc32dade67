"""Exported records go to the export worker; only their reference goes to Kafka."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from lethe_events import ExportPart, TaskAcknowledged
from lethe_events.models import Failure, from_python
from lethe_events.words import FailureKind, Method, Outcome, Verb
from lethe_participant import Masked, Result, Task
from lethe_testkit.participating import NAMESPACE, Bus, incoming, taking_part, task

PART = {"document_id": str(NAMESPACE), "sha256": "a" * 64, "size": 100, "records": 3, "masked": 1}


def uploads(status: int, seen: list[httpx.Request], part: object = None) -> httpx.MockTransport:
    async def take(request: httpx.Request) -> httpx.Response:
        await request.aread()
        seen.append(request)
        return httpx.Response(status, json=part)

    return httpx.MockTransport(take)


async def exporting(transport: httpx.AsyncBaseTransport, result: Result) -> TaskAcknowledged:
    bus = Bus([incoming(task(verb=Verb.EXPORT))])
    participant = taking_part(bus, transport=transport)

    @participant.export
    async def export(_: Task) -> Result:
        return result

    await participant.run()
    return bus.acks[0]


async def test_exported_records_go_to_the_export_worker_and_only_their_reference_to_kafka() -> None:
    seen: list[httpx.Request] = []
    rows: dict[str, Any] = {
        "parcels": ({"id": n, "to": "Nadia"} for n in range(2)),
        "addresses": [{"city": "Auenfeld"}],
    }
    ack = await exporting(uploads(200, seen, PART), Result.exported(rows, masked=[Masked("parcels", ("sender",), 1)]))
    assert (ack.outcome, ack.part) == (Outcome.DONE, from_python(ExportPart, PART))
    assert {c.collection: (c.method, c.rows) for c in ack.counts} == {
        "parcels": (Method.EXPORTED, 2),
        "addresses": (Method.EXPORTED, 1),
    }
    asked = task(verb=Verb.EXPORT)
    assert str(seen[0].url) == f"http://parts.example/v1/parts/{asked.task_id}?dsr_id={asked.dsr_id}"
    assert seen[0].headers["authorization"] == "Bearer t0ken"
    assert [json.loads(line) for line in seen[0].content.splitlines()] == [
        {"collection": "parcels", "record": {"id": 0, "to": "Nadia"}},
        {"collection": "parcels", "record": {"id": 1, "to": "Nadia"}},
        {"collection": "addresses", "record": {"city": "Auenfeld"}},
        {"collection": "parcels", "masked": ["sender"], "rows": 1},
    ]


async def test_an_export_without_records_finds_nothing() -> None:
    ack = await exporting(uploads(200, [], {**PART, "records": 0}), Result.exported({"parcels": []}))
    assert ack.outcome is Outcome.NOTHING_FOUND


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (503, FailureKind.TRANSIENT, "parts_unavailable"),
        (429, FailureKind.TRANSIENT, "parts_unavailable"),
        (401, FailureKind.PERMANENT, "parts_status_401"),
        (422, FailureKind.PERMANENT, "parts_status_422"),
        (410, FailureKind.PERMANENT, "dsr_gone"),
        (200, FailureKind.TRANSIENT, "parts_answer_unknown"),
    ],
)
async def test_a_part_that_was_not_taken_fails_the_task(status: int, kind: FailureKind, code: str) -> None:
    ack = await exporting(uploads(status, [], {"detail": "nadia"}), Result.exported({"parcels": [{"id": 1}]}))
    assert ack.failure == Failure(kind=kind, code=code)
    assert ack.part is None


async def test_records_that_break_while_they_are_read_fail_their_task_only(caplog: pytest.LogCaptureFixture) -> None:
    def rows() -> Any:
        yield {"id": 1}
        raise ValueError("nadia.petrova@mail.example")

    ack = await exporting(uploads(200, [], PART), Result.exported({"parcels": rows()}))
    assert ack.failure == Failure(kind=FailureKind.TRANSIENT, code="records_error")
    assert "nadia" not in caplog.text


async def test_an_export_worker_that_is_away_is_a_transient_failure() -> None:
    def away(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("x")

    ack = await exporting(httpx.MockTransport(away), Result.exported({"parcels": [{"id": 1}]}))
    assert ack.failure == Failure(kind=FailureKind.TRANSIENT, code="parts_unreachable")

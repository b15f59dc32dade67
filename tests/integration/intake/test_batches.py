"""Requests for several people: all rows or none, one DSR each, and a batch that was cut short goes on."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from lethe_events import DsrReceived, DsrStatus
from lethe_events.words import Result, SagaState
from lethe_testkit.ground import eventually
from lethe_testkit.intake import NOW

if TYPE_CHECKING:
    import httpx

    from lethe_testkit.intake import IntakeGround

pytestmark = [pytest.mark.engines, pytest.mark.timeout(120)]

HEADING = "row_key,right,email,id.member_no,identity_reason,identity_method\n"


def people(count: int) -> str:
    return HEADING + "".join(f"r{n},erasure,person{n}@people.example|p{n}@mail.example,M-{n},,\n" for n in range(count))


async def send(
    client: httpx.AsyncClient, ground: IntakeGround, content: str | bytes, key: str | None = "batch", **params: str
) -> httpx.Response:
    headers = {**ground.token(), "Content-Type": "text/csv"} | ({"Idempotency-Key": key} if key else {})
    asked = {"controller_id": "acme"} | params
    return await client.post("/v1/dsr-batches", content=content, params=asked, headers=headers)


async def test_each_person_gets_a_request_under_one_parent_that_shows_how_far_they_are(ground: IntakeGround) -> None:
    async with ground.running() as client:
        done = (await send(client, ground, people(40))).json()
        assert (done["people"], done["accepted"], done["replayed"]) == (40, 40, 0)
        assert await ground.counts() == {"dsr": 40, "sealed": 40}

        async def told() -> bool:
            return len(await ground.requests()) == 40

        await eventually(told)
        bodies = [m.body for m in await ground.requests()]
        assert {b.parent_id for b in bodies if isinstance(b, DsrReceived)} == {UUID(done["batch_id"])}
        parent = await client.get(f"/v1/dsr-batches/{done['batch_id']}", headers=ground.token())
        assert parent.json()["states"] == {"received": 40}
        assert parent.json()["requests"] == parent.json()["people"] == 40
        assert parent.json()["next_due"] is not None
        assert parent.json()["rights"] == {"erasure": 40}
        assert (parent.json()["results"], parent.json()["open_incidents"], parent.json()["overdue"]) == ({}, 0, 0)
        for more in ("", "/dsrs"):
            foreign = await client.get(f"/v1/dsr-batches/{done['batch_id']}{more}", headers=ground.token("beta"))
            assert foreign.status_code == 404


async def test_a_parent_counts_what_became_of_its_requests_and_lists_them_page_by_page(ground: IntakeGround) -> None:
    async with ground.running() as client:
        parent = f"/v1/dsr-batches/{(await send(client, ground, people(5))).json()['batch_id']}"
        await send(client, ground, people(2), key="another")
        first = (await client.get(f"{parent}/dsrs?limit=3", headers=ground.token())).json()
        second = (await client.get(first["next"], headers=ground.token())).json()
        ids = [item["dsr_id"] for item in (*first["items"], *second["items"])]
        assert (len(first["items"]), len(second["items"]), second["next"]) == (3, 2, None)
        assert ids == sorted(set(ids)), "each once, in the order of acceptance"
        late = {"due_strict": NOW - timedelta(days=2), "due_legal": NOW - timedelta(days=1)}
        await ground.tell(
            _status(ids[0], SagaState.CLOSED, result=Result.GRANTED, **late),
            _status(ids[1], SagaState.FULFILLING, open_incidents=2, **late),
        )
        await eventually(ground.all_statuses_seen)
        found = (await client.get(parent, headers=ground.token())).json()
        assert found["states"] == {"closed": 1, "fulfilling": 1, "received": 3}
        assert found["results"] == {"granted": 1}
        assert (found["open_incidents"], found["overdue"]) == (2, 1)
        assert found["next_due"] == "2026-11-22T09:15:00Z"
        working = (await client.get(f"{parent}/dsrs?state=fulfilling", headers=ground.token())).json()
        assert [item["dsr_id"] for item in working["items"]] == [ids[1]]
        for wrong in ("limit=0", "limit=201", "state=lost", "after=yesterday"):
            assert (await client.get(f"{parent}/dsrs?{wrong}", headers=ground.token())).status_code == 422


def _status(dsr_id: str, state: SagaState, **more: Any) -> DsrStatus:
    return DsrStatus(dsr_id=UUID(dsr_id), controller_id="acme", version=2, state=state, at=NOW, **more)


async def test_a_batch_that_was_cut_short_goes_on_and_takes_nobody_twice(ground: IntakeGround) -> None:
    async with ground.running() as client:
        await send(client, ground, people(10))
        whole = (await send(client, ground, people(25))).json()
        assert (whole["accepted"], whole["replayed"]) == (15, 10)
        again = (await send(client, ground, people(25))).json()
        assert (again["accepted"], again["replayed"], again["batch_id"]) == (0, 25, whole["batch_id"])
        changed = people(25).replace("person3@", "somebody@")
        assert (await send(client, ground, changed)).json()["conflicting"] == [4]
        assert (await ground.counts())["dsr"] == 25
        other = (await send(client, ground, people(1), key="another")).json()
        assert other["batch_id"] != whole["batch_id"]


async def test_a_dry_run_tells_every_fault_by_row_and_stores_nothing(ground: IntakeGround) -> None:
    rows = [
        "a,erasure,ada@people.example,,,",
        "b,forgiveness,ada@people.example,,,",
        "c,erasure,nonsense,,,",
        "a,access,ada@people.example,,,",
        ",access,ada@people.example,,,",
        "d,access,,,,",
        "e,access,ada@people.example,,,in_doubt",
        "f,access,ada@people.example",
    ]
    async with ground.running() as client:
        content = "\ufeff" + HEADING + "\n".join(rows)
        dry = await send(client, ground, content, key=None, dry_run="true")
        assert dry.status_code == 200, dry.text
        assert sorted({f["field"] for f in dry.json()["faults"]}) == [
            "row 2: right",
            "row 3: identifiers.email[0]",
            "row 4: row_key",
            "row 5: row_key",
            "row 6: identifiers",
            "row 7: identity.reason",
            "row 8",
        ]
        assert dry.json()["people"] == 1
        real = await send(client, ground, content)
        assert real.status_code == 422
        assert len(real.json()["errors"]) == 7
        assert "ada@" not in real.text + dry.text
        assert await ground.counts() == {"dsr": 0, "sealed": 0}
        assert await ground.admin.fetchval("SELECT count(*) FROM intake.dsr_batch") == 0


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (b"\xff\xfe", "file"),
        (b"", "file"),
        (HEADING.encode(), "file"),
        (b"row_key,right,e-mail\na,erasure,x", "column 3"),
        (b"row_key,right,email,email\na,erasure,x,y", "file"),
        (b'row_key,right,email\na,erasure,"x', "file"),
    ],
    ids=["not utf-8", "empty", "no rows", "unknown column", "column twice", "open quotation"],
)
async def test_a_file_that_cannot_be_read_says_why(ground: IntakeGround, content: bytes, field: str) -> None:
    async with ground.running() as client:
        answer = await send(client, ground, content)
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["field"] == field


async def test_a_batch_needs_a_key_its_controller_and_the_type_of_a_csv(ground: IntakeGround) -> None:
    async with ground.running() as client:
        assert (await send(client, ground, people(1), key=None)).status_code == 400
        assert (await send(client, ground, people(1), controller_id="beta")).status_code == 403
        wrong = await client.post("/v1/dsr-batches?controller_id=acme", json={}, headers=ground.token())
        assert wrong.status_code == 415
        semicolons = "row_key;right;email\na;access;ada@people.example\n"
        assert (await send(client, ground, semicolons, dry_run="true")).json()["people"] == 1

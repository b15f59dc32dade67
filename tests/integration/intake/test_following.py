"""What callers see of a DSR later: states, packages, identifiers for processors; and who sees nothing."""

from __future__ import annotations

import hashlib
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from lethe_events import DsrStatus, ExportPart, Retained
from lethe_events.ids import task_id
from lethe_events.words import Result, SagaState
from lethe_testkit.ground import eventually

if TYPE_CHECKING:
    import httpx

    from lethe_testkit.intake import IntakeGround

pytestmark = [pytest.mark.engines, pytest.mark.timeout(120)]

NOW = datetime(2026, 11, 23, 9, 15, tzinfo=UTC)
DUE = datetime(2026, 12, 23, 23, tzinfo=UTC)
UNKNOWN = UUID("0198c0de-7a11-7000-8000-000000000000")


class Desk:
    """A caller of one controller."""

    def __init__(self, client: httpx.AsyncClient, ground: IntakeGround, controller: str = "acme") -> None:
        self.client = client
        self.ground = ground
        self.controller = controller
        self._keys = iter(range(1000))

    async def submit(self, right: str = "access", **more: Any) -> UUID:
        body = {
            "controller_id": self.controller,
            "right": right,
            "identifiers": {"email": ["mina@people.example"], "customer_id": ["C-1"]},
            "channel": "api",
            "identity": {"method": "controller_session"},
            **more,
        }
        headers = {**self.ground.token(self.controller), "Idempotency-Key": f"k{next(self._keys)}"}
        response = await self.client.post("/v1/dsrs", json=body, headers=headers)
        assert response.status_code == 202, response.text
        return UUID(response.json()["dsr_id"])

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.client.get(path, headers=self.ground.token(self.controller), **more)

    async def until_version(self, dsr_id: UUID, version: int) -> None:
        await eventually(lambda: self._has(dsr_id, version), 20)

    async def _has(self, dsr_id: UUID, version: int) -> bool:
        stored = await self.ground.admin.fetchval("SELECT status_version FROM intake.dsr WHERE dsr_id = $1", dsr_id)
        return bool(stored >= version)


def status(dsr_id: UUID, version: int, state: SagaState = SagaState.FULFILLING, **more: Any) -> DsrStatus:
    return DsrStatus(
        dsr_id=dsr_id,
        controller_id=more.pop("controller_id", "acme"),
        version=version,
        state=state,
        at=NOW + timedelta(minutes=version),
        due_strict=DUE,
        due_legal=DUE,
        **more,
    )


def closed(dsr_id: UUID, version: int, **more: Any) -> DsrStatus:
    return status(dsr_id, version, SagaState.CLOSED, result=Result.GRANTED, tasks=4, settled=4, **more)


async def test_a_new_dsr_shows_what_was_accepted_and_never_the_person(ground: IntakeGround) -> None:
    async with ground.running() as client:
        desk = Desk(client, ground)
        dsr_id = await desk.submit("erasure", export_first=True, note="hurry")
        response = await desk.get(f"/v1/dsrs/{dsr_id}")
        assert response.status_code == 200
        shown = response.json()
        assert (shown["state"], shown["right"], shown["export_first"]) == ("received", "erasure", True)
        assert shown["identifier_kinds"] == ["customer_id", "email"]
        assert shown["progress"] == {"tasks": 0, "settled": 0, "open_incidents": 0}
        assert shown["due_strict"] <= shown["due_legal"]
        assert "mina" not in response.text
        assert "hurry" not in response.text


async def test_statuses_are_taken_over_in_any_order_and_number_of_times(ground: IntakeGround) -> None:
    async with ground.running() as client:
        desk = Desk(client, ground)
        ids = [await desk.submit() for _ in range(5)]
        kept = Retained(
            collection="invoices", category="user.financial", rows=2, ground="tax_law", article="GDPR Art. 17(3)(b)"
        )
        later = DUE + timedelta(days=59)
        final = {
            dsr_id: replace(closed(dsr_id, 9, retained=(kept,), certificate_sha256="c" * 64), due_legal=later)
            for dsr_id in ids
        }
        told = [status(d, v, tasks=4, settled=v // 3) for d in ids for v in range(1, 9)] + list(final.values())
        random.Random(7).shuffle(told)
        await ground.tell(*told, *told)
        for dsr_id in ids:
            await desk.until_version(dsr_id, 9)
        before = [(await desk.get(f"/v1/dsrs/{d}")).json() for d in ids]
        await ground.tell(*[status(d, 4, tasks=1) for d in ids])
        await eventually(ground.all_statuses_seen)
        assert [(await desk.get(f"/v1/dsrs/{d}")).json() for d in ids] == before
        await ground.tell(*reversed(told))
        await eventually(ground.all_statuses_seen)
        assert [(await desk.get(f"/v1/dsrs/{d}")).json() for d in ids] == before
        for shown in before:
            assert shown["state"] == "closed"
            assert shown["result"] == "granted"
            assert shown["progress"] == {"tasks": 4, "settled": 4, "open_incidents": 0}
            assert shown["retained"][0]["ground"] == "tax_law"
            assert shown["certificate_sha256"] == "c" * 64
            assert shown["due_legal"] == "2027-02-20T23:00:00Z", "an extension moved it"


async def test_a_status_of_an_unknown_dsr_or_another_controller_changes_nothing(ground: IntakeGround) -> None:
    async with ground.running() as client:
        desk = Desk(client, ground)
        dsr_id = await desk.submit()
        await ground.tell(closed(UNKNOWN, 5), closed(dsr_id, 5, controller_id="beta"), status(dsr_id, 1))
        await desk.until_version(dsr_id, 1)
        assert (await desk.get(f"/v1/dsrs/{dsr_id}")).json()["state"] == "fulfilling"
        assert await ground.admin.fetchval("SELECT count(*) FROM intake.parked_message") == 0


async def test_another_controller_sees_nothing_and_cannot_tell_that_anything_is_there(ground: IntakeGround) -> None:
    async with ground.running() as client:
        acme, beta = Desk(client, ground), Desk(client, ground, "beta")
        dsr_id = await acme.submit()
        await ground.tell(
            closed(dsr_id, 1, package=ExportPart(document_id=UNKNOWN, sha256="0" * 64, size=1, records=1))
        )
        await acme.until_version(dsr_id, 1)
        for suffix in ("", "/package"):
            foreign = await beta.get(f"/v1/dsrs/{dsr_id}{suffix}")
            missing = await beta.get(f"/v1/dsrs/{UNKNOWN}{suffix}")
            assert foreign.status_code == missing.status_code == 404
            assert {**foreign.json(), "trace_id": ""} == {**missing.json(), "trace_id": ""}
        assert (await beta.get("/v1/dsrs")).json()["items"] == []
        assert (await beta.get("/v1/dsrs?controller_id=acme")).json()["items"] == []
        reader = await client.get(f"/v1/dsrs/{dsr_id}", headers=ground.token(["beta", "acme"], ["dsr:read"]))
        assert reader.status_code == 200
        assert (await client.get(f"/v1/dsrs/{dsr_id}", headers=ground.token("acme", ["dsr:write"]))).status_code == 403
        assert (await acme.get("/v1/dsrs/not-an-id")).status_code == 404


async def test_a_list_is_paged_newest_first_and_can_be_narrowed(ground: IntakeGround) -> None:
    async with ground.running() as client:
        acme, beta = Desk(client, ground), Desk(client, ground, "beta")
        ids = [await (beta if n % 3 == 0 else acme).submit() for n in range(11)]
        await ground.tell(closed(ids[1], 1))
        await acme.until_version(ids[1], 1)
        both = ground.token(["acme", "beta"], ["dsr:read"])
        seen: list[str] = []
        address: str | None = "/v1/dsrs?limit=4"
        while address is not None:
            page = (await client.get(address, headers=both)).json()
            seen += [item["dsr_id"] for item in page["items"]]
            address = page["next"]
        assert seen == [str(d) for d in reversed(ids)]
        narrowed = (await client.get("/v1/dsrs?controller_id=beta&limit=2", headers=both)).json()
        assert {item["controller_id"] for item in narrowed["items"]} == {"beta"}
        assert "controller_id=beta" in narrowed["next"]
        only = (await client.get("/v1/dsrs?state=closed", headers=both)).json()["items"]
        assert [item["dsr_id"] for item in only] == [str(ids[1])]
        wrong = await client.get("/v1/dsrs?limit=1000&state=lost", headers=both)
        assert {e["field"] for e in wrong.json()["errors"]} == {"query.limit", "query.state"}


async def test_a_package_is_handed_out_whole_on_record_and_gone_after_shredding(ground: IntakeGround) -> None:
    content = random.Random(5).randbytes(700_000)
    async with ground.running() as client:
        desk = Desk(client, ground)
        dsr_id = await desk.submit()
        early = await desk.get(f"/v1/dsrs/{dsr_id}/package")
        assert (early.status_code, early.headers["retry-after"]) == (409, "60")
        document = await ground.vault.put_document(dsr_id, "package.zip", "application/zip", content)
        part = ExportPart(document_id=document.document_id, sha256=document.sha256, size=document.size, records=3)
        await ground.tell(status(dsr_id, 1, SagaState.ANSWERED, package=part))
        await desk.until_version(dsr_id, 1)
        assert (await desk.get(f"/v1/dsrs/{dsr_id}")).json()["package_ready"] is True
        refused = await client.get(f"/v1/dsrs/{dsr_id}/package", headers=ground.token("acme", ["dsr:read"]))
        assert refused.status_code == 403
        response = await desk.get(f"/v1/dsrs/{dsr_id}/package")
        assert response.status_code == 200
        assert response.content == content
        assert response.headers["content-type"] == "application/zip"
        assert response.headers["content-length"] == str(len(content))
        assert response.headers["cache-control"] == "no-store"
        assert f"dsr-{dsr_id}.zip" in response.headers["content-disposition"]
        assert hashlib.sha256(content).hexdigest() == document.sha256
        downloads = await ground.admin.fetch("SELECT dsr_id, document_id, principal FROM intake.download")
        assert [tuple(d) for d in downloads] == [(dsr_id, document.document_id, "site")]
        opened = [r for r in await ground.vault.redemptions(dsr_id) if r.reason == "package_download"]
        assert [(r.redeemer, r.document_id, r.found) for r in opened] == [("intake", document.document_id, True)]
        await ground.vault.shred([dsr_id])
        gone = await desk.get(f"/v1/dsrs/{dsr_id}/package")
        assert gone.status_code == 410
        assert gone.json()["type"] == "urn:lethe:problem:package_gone"


async def test_an_erasure_without_export_never_has_a_package(ground: IntakeGround) -> None:
    async with ground.running() as client:
        desk = Desk(client, ground)
        response = await desk.get(f"/v1/dsrs/{await desk.submit('erasure')}/package")
        assert response.status_code == 404
        assert response.json()["type"] == "urn:lethe:problem:no_package"


async def test_a_processor_redeems_identifiers_for_its_own_tasks_and_it_is_recorded(ground: IntakeGround) -> None:
    async with ground.running() as client:
        desk, beta = Desk(client, ground), Desk(client, ground, "beta")
        mine, over, shredded, foreign = (
            await desk.submit(),
            await desk.submit(),
            await desk.submit(),
            await beta.submit(),
        )
        await ground.tell(closed(over, 1))
        await desk.until_version(over, 1)
        await ground.vault.shred([shredded])
        wanted = [
            (mine, task_id(mine, "crm", "erase", 1)),
            (mine, task_id(mine, "shop", "erase", 1)),
            (over, task_id(over, "crm", "erase", 1)),
            (shredded, task_id(shredded, "crm", "erase", 1)),
            (foreign, task_id(foreign, "crm", "erase", 1)),
            (UNKNOWN, task_id(UNKNOWN, "crm", "erase", 1)),
        ]
        body = {"items": [{"dsr_id": str(d), "task_id": str(t)} for d, t in wanted]}
        token = ground.token("acme", ["vault:redeem"], processor="crm")
        response = await client.post("/v1/redemptions", json=body, headers=token)
        assert response.status_code == 200
        (item,) = response.json()["items"]
        assert item["dsr_id"] == str(mine)
        assert item["identifiers"] == {"email": ["mina@people.example"], "customer_id": ["C-1"]}
        assert response.json()["refused"] == body["items"][1:]
        records = await ground.vault.redemptions(mine)
        assert [(r.redeemer, r.task_id) for r in records] == [("processor:crm", wanted[0][1])]
        assert await ground.vault.redemptions(foreign) == ()
        unbound = await client.post("/v1/redemptions", json=body, headers=ground.token("acme", ["vault:redeem"]))
        assert unbound.status_code == 403
        assert (await client.post("/v1/redemptions", json=body, headers=ground.token())).status_code == 403
        many = {"items": body["items"] * 20}
        assert (await client.post("/v1/redemptions", json=many, headers=token)).status_code == 422

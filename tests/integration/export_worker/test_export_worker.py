"""The export worker as a process, on real Kafka and PostgreSQL: parts, packages, looks."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
import pytest

from lethe_chassis import LocalIssuer
from lethe_events.ids import task_id
from lethe_events.models import ExportPart, PartOf, from_python, to_json
from lethe_events.words import PACKAGE_PROCESSOR, Grade, Outcome, Verb
from lethe_testkit.tasks import person, task

if TYPE_CHECKING:
    from pathlib import Path

    from lethe_testkit.workers import WorkerGround

pytestmark = [pytest.mark.engines, pytest.mark.timeout(120)]


@pytest.fixture
def issuer(ground: WorkerGround, tmp_path: Path) -> LocalIssuer:
    """Signs the tokens that the worker of this test takes."""
    LocalIssuer.create(tmp_path / "issuer.pem", tmp_path / "issuer.pub")
    made = LocalIssuer(tmp_path / "issuer.pem")
    ground.environment |= {
        "LETHE_AUTH_ISSUER": made.issuer,
        "LETHE_AUTH_PUBLIC_KEY": str(tmp_path / "issuer.pub"),
    }
    return made


pytestmark.append(pytest.mark.usefixtures("issuer"))


async def content(ground: WorkerGround, part: ExportPart | None) -> bytes:
    assert part is not None
    whole = b"".join([chunk async for chunk in ground.vault.open_document(part.document_id, reason="test")])
    assert (hashlib.sha256(whole).hexdigest(), len(whole)) == (part.sha256, part.size)
    return whole


async def test_an_export_becomes_a_sealed_part_and_the_bus_sees_only_its_hash(ground: WorkerGround) -> None:
    await ground.processor("shop", range(5))
    await ground.seal(range(9))
    await ground.start("export_worker")
    await ground.ask([task("shop", Verb.EXPORT, n) for n in range(5)] + [task("shop", Verb.EXPORT, 8)])
    acks = {a.dsr_id: a for a in await ground.expect_acks(6)}
    assert acks[person(8)].outcome is Outcome.NOTHING_FOUND
    assert acks[person(8)].part is None
    for n in range(5):
        ack = acks[person(n)]
        assert ack.outcome is Outcome.DONE
        lines = (await content(ground, ack.part)).decode()
        assert f"person{n}@people.example" in lines
        assert [f"person{m}@" in lines for m in range(5) if m != n] == [False] * 4, "one person's data only"
        assert ack.part is not None
        assert ack.part.records == 3
        assert "people.example" not in to_json(ack).decode()


async def test_a_package_can_be_opened_and_its_hashes_hold(ground: WorkerGround, issuer: LocalIssuer) -> None:
    await ground.processor("shop", range(2))
    await ground.processor("empty", [])
    ground.register("native", connector={"kind": "kafka"})
    await ground.seal(range(2))
    worker = await ground.start("export_worker")
    await ground.ask([task("shop", Verb.EXPORT, 0), task("empty", Verb.EXPORT, 0)])
    exports = {a.processor_id: a for a in await ground.expect_acks(2)}
    native = task_id(person(0), "native", "export", 1)
    token = issuer.issue("native", "acme", ["part:write"], timedelta(minutes=5), processor_id="native")
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{await worker.port()}") as client:
        answer = await client.put(
            f"/v1/parts/{native}?dsr_id={person(0)}",
            json={"collections": {"points": [{"balance": 7}]}},
            headers={"Authorization": f"Bearer {token}"},
        )
    assert answer.status_code == 200, answer.text
    parts = (
        PartOf(task_id=exports["shop"].task_id, processor_id="shop", part=exports["shop"].part),
        PartOf(task_id=exports["empty"].task_id, processor_id="empty"),
        PartOf(task_id=native, processor_id="native", part=from_python(ExportPart, answer.json())),
    )
    await ground.ask([task(PACKAGE_PROCESSOR, Verb.PACKAGE, 0, parts=parts)])
    packed = (await ground.expect_acks(3))[-1]
    packed = next(a for a in await ground.acks() if a.verb is Verb.PACKAGE)
    assert packed.outcome is Outcome.DONE
    archive = zipfile.ZipFile(io.BytesIO(await content(ground, packed.part)))
    assert set(archive.namelist()) == {
        "index.html",
        "manifest.json",
        "data/shop/customers.csv",
        "data/shop/orders.csv",
        "data/shop.json",
        "data/native/points.csv",
        "data/native.json",
    }
    for file in json.loads(archive.read("manifest.json"))["files"]:
        assert hashlib.sha256(archive.read(file["path"])).hexdigest() == file["sha256"]
    rows = list(csv.DictReader(io.StringIO(archive.read("data/shop/orders.csv").decode(), newline="")))
    assert sorted(row["item"] for row in rows) == ["'=item 1", "'=item 2"], "no formula"
    tree = json.loads(archive.read("data/shop.json"))["collections"]
    assert sorted(record["item"] for record in tree["orders"]) == ["=item 1", "=item 2"], "and exact in JSON"
    page = archive.read("index.html").decode()
    assert "Shop database" in page
    assert "the account is closed" in page


async def test_a_part_brought_anew_after_its_ack_fails_the_package(ground: WorkerGround) -> None:
    await ground.processor("shop", [0])
    await ground.seal([0])
    await ground.start("export_worker")
    await ground.ask([task("shop", Verb.EXPORT, 0)])
    export = (await ground.expect_acks(1))[0]
    assert export.part is not None
    await ground.vault.put_document(
        person(0), "part-shop.ndjson", "application/x-ndjson", b"other", document_id=export.part.document_id
    )
    listed = PartOf(task_id=export.task_id, processor_id="shop", part=export.part)
    await ground.ask([task(PACKAGE_PROCESSOR, Verb.PACKAGE, 0, parts=(listed,))])
    await ground.expect_acks(2)
    packed = next(a for a in await ground.acks() if a.verb is Verb.PACKAGE)
    assert packed.failure is not None
    assert (packed.outcome, packed.failure.kind, packed.failure.code) == (Outcome.FAILED, "permanent", "part_hash")


async def test_a_look_after_the_erasure_sees_absence_and_catches_a_liar(ground: WorkerGround) -> None:
    await ground.processor("honest", range(4))
    await ground.processor("liar", range(4))
    await ground.admin.execute(
        "CREATE FUNCTION liar.keep() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
        " $$BEGIN INSERT INTO liar.customers SELECT OLD.*; RETURN OLD; END$$;"
        "CREATE TRIGGER keep AFTER DELETE ON liar.customers FOR EACH ROW EXECUTE FUNCTION liar.keep()"
    )
    await ground.seal(range(4))
    eraser = await ground.start("erasure_worker")
    everybody = [(name, n) for name in ("honest", "liar") for n in range(3)]
    await ground.ask([task(name, Verb.ERASE, n) for name, n in everybody])
    erasures = await ground.expect_acks(6)
    assert {a.outcome for a in erasures} == {Outcome.DONE}, "the liar says so too"
    await eraser.terminate()
    await ground.start("export_worker", HONEST_WRITE="", LIAR_WRITE="")
    await ground.ask(
        [task(name, Verb.VERIFY, n, verifies=task_id(person(n), name, "erase", 1)) for name, n in everybody]
    )
    await ground.expect_acks(12)
    looks = [a for a in await ground.acks() if a.verb is Verb.VERIFY]
    told = {(a.processor_id, a.outcome, a.grade) for a in looks if a.processor_id == "honest"}
    assert told == {("honest", Outcome.NOTHING_FOUND, Grade.REREAD_ABSENT)}
    lies = [a for a in looks if a.processor_id == "liar"]
    assert {a.outcome for a in lies} == {Outcome.RESIDUAL}
    assert {count.collection for a in lies for count in a.counts if count.rows} == {"customers"}


async def test_a_worker_does_not_look_with_a_credential_that_could_have_written(ground: WorkerGround) -> None:
    await ground.processor("shop", range(2))
    await ground.processor("fine", range(2))
    await ground.seal(range(2))
    worker = await ground.start("export_worker", SHOP_READ=ground.environment["SHOP_WRITE"])
    await ground.ask([task(name, verb, 0) for name in ("shop", "fine") for verb in (Verb.VERIFY, Verb.EXPORT)])
    acks = await ground.expect_acks(4)
    refused = [a for a in acks if a.processor_id == "shop"]
    assert {(a.outcome, a.failure.code if a.failure else "") for a in refused} == {
        (Outcome.NEEDS_PERSON, "read_credential_writes")
    }
    assert len(await ground.vault.redemptions(person(0))) > 0
    assert {r.task_id for r in await ground.vault.redemptions(person(0)) if r.task_id}.isdisjoint(
        {a.task_id for a in refused}
    ), "nobody's identifiers were opened for it"
    assert {a.outcome for a in acks if a.processor_id == "fine"} == {Outcome.RESIDUAL, Outcome.DONE}
    async with httpx.AsyncClient() as client:
        report = (await client.get(f"http://127.0.0.1:{await worker.port()}/readyz")).json()
    assert list(report["components"]["register"]["not_read"]) == ["shop"]


async def test_a_worker_killed_while_it_exports_delivers_one_part_and_one_answer(ground: WorkerGround) -> None:
    await ground.processor("shop", range(30), batch=10, concurrency=1)
    await ground.seal(range(30))
    doomed = await ground.start("export_worker", LETHE_CRASH_AT="export.stored:2")
    await ground.ask([task("shop", Verb.EXPORT, n) for n in range(30)])
    assert await doomed.ended() == 137
    await ground.start("export_worker")
    acks = await ground.expect_acks(30, tasks=True)
    assert len({to_json(a) for a in acks}) == len({a.task_id for a in acks}) == 30
    for ack in acks:
        await content(ground, ack.part)
    documents = await ground.admin.fetchval("SELECT count(*) FROM vault.document")
    assert documents == 30, "exporting again replaced what the killed one had stored"


async def test_a_large_export_is_streamed_and_packed_in_bounded_memory(ground: WorkerGround) -> None:
    await ground.processor("shop", [0])
    await ground.seal([0])
    await ground.admin.execute(
        "INSERT INTO shop.orders SELECT 100 + n, 0, repeat(md5(n::text), CASE WHEN n <= 20000 THEN 100 ELSE 1 END)"
        " FROM generate_series(1, 120000) AS n"
    )
    worker = await ground.start("export_worker")
    await worker.port()
    before = worker.peak_memory()
    await ground.ask([task("shop", Verb.EXPORT, 0)])
    export = (await ground.expect_acks(1, 90))[0]
    assert export.part is not None
    assert (export.part.records, export.part.size > 60_000_000) == (120_003, True)
    listed = PartOf(task_id=export.task_id, processor_id="shop", part=export.part)
    await ground.ask([task(PACKAGE_PROCESSOR, Verb.PACKAGE, 0, parts=(listed,))])
    await ground.expect_acks(2, 90)
    grown = worker.peak_memory() - before
    assert grown < 60_000_000, f"{grown} bytes for a part of {export.part.size}"
    packed = next(a for a in await ground.acks() if a.verb is Verb.PACKAGE)
    archive = zipfile.ZipFile(io.BytesIO(await content(ground, packed.part)))
    assert archive.testzip() is None
    assert archive.getinfo("data/shop/orders.csv").file_size > 60_000_000

"""Of whom a processor holds data, and how they can be reached: sealed, counted on the bus, once whatever dies."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

import pytest

from export_worker.application.crash_points import SEARCH_CRASH_POINTS
from lethe_events import Envelope, Search, SearchAnswered, SearchRequested, decode, encode
from lethe_events.breaches import page_of
from lethe_events.models import ExportPart
from lethe_events.subject_token import people_of, subject_token
from lethe_events.words import FailureKind, Outcome
from lethe_messaging import read_all
from lethe_testkit.ground import eventually
from lethe_testkit.tasks import email
from lethe_vault import Gone, Identifiers, Sealing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lethe_testkit.workers import WorkerGround

pytestmark = [pytest.mark.engines, pytest.mark.timeout(120)]
CASE = UUID(int=0xB4EAC4)
NOW = datetime.now(UTC)


def search(name: str, kind: Search = Search.LOCATE, *, processor: str = "shop", **more: object) -> SearchRequested:
    return SearchRequested(
        task_id=uuid5(CASE, name),
        case_id=CASE,
        controller_id="acme",
        processor_id=processor,
        search=kind,
        until=NOW,
        due_at=NOW,
        **more,  # type: ignore[arg-type]
    )


async def ask(ground: WorkerGround, *asked: SearchRequested, sealed: bool = True) -> None:
    if sealed:
        none = Identifiers({})
        async with ground.database.transaction() as tx:
            await ground.vault.seal(tx, [Sealing(a.task_id, a.task_id, "acme", none) for a in asked])
    await ground.put(
        [
            encode(ground.readings.name, str(CASE), a, Envelope(uuid5(a.task_id, "ask"), "/test", NOW, CASE, None))
            for a in asked
        ]
    )


async def answers(ground: WorkerGround, count: int) -> dict[UUID, SearchAnswered]:
    found: list[SearchAnswered] = []

    async def enough() -> bool:
        records = await read_all(ground.kafka, ground.answers_topic.name)
        bodies = [decode(r.headers, r.value).body for r in records]
        found[:] = [b for b in bodies if isinstance(b, SearchAnswered)]
        assert b"people.example" not in b"".join(r.value or b"" for r in records)
        return len({a.task_id for a in found}) >= count

    await eventually(enough, 30)
    return {a.task_id: a for a in found}


async def content(ground: WorkerGround, document_id: UUID) -> str:
    return b"".join([c async for c in ground.vault.open_document(document_id, reason="test")]).decode()


async def refs(ground: WorkerGround, people: Sequence[int]) -> set[str]:
    key = await ground.vault.processor_key(people_of("acme"))
    return {subject_token(key, "email", email(n)) for n in people}


async def wanted(ground: WorkerGround, task_id: UUID, people: Sequence[int]) -> ExportPart:
    text = "\n".join(sorted(await refs(ground, people))).encode()
    stored = await ground.vault.put_document(task_id, "wanted", "text/plain", text, document_id=uuid5(task_id, "w"))
    return ExportPart(document_id=stored.document_id, sha256=stored.sha256, size=stored.size, records=len(people))


async def test_exactly_those_of_whom_it_holds_data_are_found_and_only_those_asked_for_can_be_reached(
    ground: WorkerGround,
) -> None:
    await ground.processor("shop", range(1200))
    await ground.admin.execute("DELETE FROM shop.orders WHERE customer_id >= 1000")
    ground.register("native", connector={"kind": "kafka"})
    await ground.start("export_worker")
    bought = search("bought", categories=("user.behavior.purchase_history",))
    await ask(ground, search("all"), bought, search("native", processor="native"), search("who", processor="gone"))
    reach = search("reach", Search.CONTACT)
    async with ground.database.transaction() as tx:
        await ground.vault.seal(tx, [Sealing(reach.task_id, CASE, "acme", Identifiers({}))])
    reach = search("reach", Search.CONTACT, wanted=await wanted(ground, reach.task_id, range(7, 707)))
    await ask(ground, reach, sealed=False)
    found = await answers(ground, 5)
    whole, some = found[search("all").task_id], found[bought.task_id]
    assert (whole.outcome, whole.people, some.people) == (Outcome.DONE, 1200, 1000)
    assert whole.found is not None and some.found is not None
    assert set((await content(ground, some.found.document_id)).split()) == {
        f"?{r}" for r in await refs(ground, range(1000))
    }
    assert "people.example" not in await content(ground, whole.found.document_id)
    native, unknown = found[search("native", processor="native").task_id], found[search("who").task_id]
    assert (native.outcome, unknown.outcome) == (Outcome.NEEDS_PERSON, Outcome.FAILED)
    contacts = found[reach.task_id]
    assert (contacts.people, contacts.pages) == (700, 2)
    lines = "".join([await content(ground, page_of(reach.task_id, n)) for n in range(2)]).splitlines()
    assert {json.loads(line)["to"] for line in lines} == {email(n) for n in range(7, 707)}
    assert {json.loads(line)["ref"] for line in lines} == await refs(ground, range(7, 707))
    await ground.vault.shred([reach.task_id])
    with pytest.raises(Gone):
        await content(ground, page_of(reach.task_id, 0))


async def test_a_search_that_was_asked_again_is_answered_as_before_and_one_that_cannot_be_sealed_is_refused(
    ground: WorkerGround,
) -> None:
    await ground.processor("shop", range(3))
    await ground.start("export_worker")
    await ask(ground, search("all"))
    first = (await answers(ground, 1))[search("all").task_id]
    await ask(ground, search("all"), search("unsealed"), sealed=False)
    found = await answers(ground, 2)
    assert found[first.task_id] == first
    failure = found[search("unsealed").task_id].failure
    assert failure is not None
    assert (failure.kind, failure.code) == (FailureKind.PERMANENT, "identifiers_shredded")


async def test_a_search_is_answered_once_whenever_the_worker_dies(ground: WorkerGround) -> None:
    await ground.processor("shop", range(5))
    for point in SEARCH_CRASH_POINTS:
        worker = await ground.start("export_worker", LETHE_CRASH_AT=point)
        await ask(ground, search(point))
        assert await worker.ended() != 0, point
    await ground.start("export_worker")
    found = await answers(ground, len(SEARCH_CRASH_POINTS))
    assert {a.people for a in found.values()} == {5}
    records = await read_all(ground.kafka, ground.answers_topic.name)
    ids = [decode(r.headers, r.value).envelope.id for r in records]
    assert len(ids) == len(set(ids)) == len(SEARCH_CRASH_POINTS)

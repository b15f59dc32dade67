"""The example warehouse over a real Kafka: erased people are gone, and nobody else is."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from uuid import UUID

import httpx
import pytest

from lethe_events.models import SubjectObserved
from lethe_events.topics import Topic
from lethe_events.words import Grade, Method, Outcome, Verb
from lethe_example_shop.person import DEMO_PERSON, person_number
from lethe_example_warehouse.participation import announce, take_part
from lethe_example_warehouse.people import parcels
from lethe_example_warehouse.store import Store
from lethe_participant import Participant, Settings
from lethe_testkit.native import NativeKafka

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

SEED = 7
PEOPLE = 60


class Warehouse:
    """One instance with its store, and the export worker that it brings parts to."""

    def __init__(self, kafka: NativeKafka, path: Path) -> None:
        self.parts: dict[str, list[dict[str, object]]] = {}
        self.participant = Participant(
            Settings(kafka.bootstrap, parts_url="http://parts.example", token="t"),
            processor_id=kafka.processor,
            controller_id="acme",
            token_key=b"k" * 32,
            transport=httpx.MockTransport(self._take),
        )
        self.store = Store(path)
        if self.store.is_empty:
            self.store.take_in(list(parcels(self.participant, PEOPLE, SEED)))
        take_part(self.participant, self.store)

    async def _take(self, request: httpx.Request) -> httpx.Response:
        lines = [json.loads(line) for line in (await request.aread()).splitlines()]
        self.parts[request.url.path.rsplit("/", 1)[1]] = lines
        records = sum("record" in line for line in lines)
        return httpx.Response(
            200, json={"document_id": str(UUID(int=1)), "sha256": "a" * 64, "size": 1, "records": records}
        )

    def tokens(self, number: int) -> list[str]:
        person = person_number(number, SEED)
        return [
            self.participant.token_for("email", person.email),
            self.participant.token_for("customer_id", person.customer_no),
        ]


@pytest.fixture
async def kafka(kafka_bootstrap: str, unique: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[NativeKafka]:
    found = NativeKafka(kafka_bootstrap, unique)
    await found.create()
    monkeypatch.setattr("lethe_events.acks.ACKS", Topic(found.acks, "dsr_id", 0, ()))
    monkeypatch.setattr("lethe_participant.participant.SUBJECT_EVENTS", Topic(found.events, "subject_token", 0, ()))
    yield found
    await found.delete()


@pytest.fixture
def warehouse(kafka: NativeKafka, tmp_path: Path) -> Iterator[Warehouse]:
    made = Warehouse(kafka, tmp_path / "warehouse.sqlite")
    yield made
    made.store.close()


@asynccontextmanager
async def running(warehouse: Warehouse) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        group.create_task(warehouse.participant.run())
        try:
            yield
        finally:
            warehouse.participant.stop()


async def test_a_person_is_exported_erased_and_seen_absent(kafka: NativeKafka, warehouse: Warehouse) -> None:
    nadia, neighbour = warehouse.tokens(42), warehouse.tokens(41)
    export = kafka.task(1, Verb.EXPORT, nadia)
    async with running(warehouse):
        await kafka.ask(export)
        (exported,) = await kafka.acknowledged(1)
        await kafka.ask(kafka.task(2, Verb.ERASE, nadia))
        await kafka.acknowledged(2)
        await kafka.ask(kafka.task(3, Verb.VERIFY, nadia), kafka.task(4, Verb.VERIFY, neighbour))
        acks = {(a.verb, a.dsr_id): a for a in await kafka.acknowledged(4)}
    assert exported.outcome is Outcome.DONE
    assert exported.part is not None
    lines = warehouse.parts[str(export.task_id)]
    assert {"recipient": "Nadia Petrova"}.items() <= next(
        r for line in lines if isinstance(r := line.get("record"), dict) and "recipient" in r
    ).items()
    assert lines[-1]["masked"] == ["driver"]
    assert "driver" not in str([line.get("record") for line in lines])
    erased = next(a for a in acks.values() if a.verb is Verb.ERASE)
    assert erased.outcome is Outcome.DONE
    assert {c.collection for c in erased.counts} == {"parcels", "addresses", "accounts"}
    absent = acks[Verb.VERIFY, kafka.task(3).dsr_id]
    assert (absent.outcome, absent.grade) == (Outcome.NOTHING_FOUND, Grade.REREAD_ABSENT)
    there = acks[Verb.VERIFY, kafka.task(4).dsr_id]
    assert there.outcome is Outcome.RESIDUAL, "nobody else was erased"
    assert {c.method for c in there.counts} == {Method.FOUND}


async def test_what_was_erased_stays_erased_when_the_warehouse_starts_again(
    kafka: NativeKafka, warehouse: Warehouse, tmp_path: Path
) -> None:
    warehouse.store.erase([warehouse.tokens(n) for n in range(1, 11)])
    again = Warehouse(kafka, tmp_path / "warehouse.sqlite")
    assert all(sum(again.store.left_of(again.tokens(n)).values()) == 0 for n in range(1, 11))
    assert sum(again.store.left_of(again.tokens(11)).values()) > 0
    again.store.close()


async def test_everybody_who_came_in_is_announced_once_kafka_has_it(kafka: NativeKafka, warehouse: Warehouse) -> None:
    told = await announce(warehouse.participant, warehouse.store)
    assert told == PEOPLE
    assert await announce(warehouse.participant, warehouse.store) == 0
    await warehouse.participant.close()
    read = await kafka.read(kafka.events, lambda found: len(found) >= PEOPLE)
    assert all(isinstance(r.body, SubjectObserved) and r.body.processor_id == kafka.processor for r in read)


def test_the_file_names_people_by_token_and_the_label_only(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.store.erase([warehouse.tokens(42)])
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert DEMO_PERSON.email.encode() not in content
    assert b"Petrova" not in content, "what was erased is not readable in the file any more"

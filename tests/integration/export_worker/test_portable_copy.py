"""A portable copy of a real database is part of what access gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from export_worker.application.exporting import Exporting
from export_worker.domain.errors import PartMismatch, Shredded
from export_worker.domain.part import document_id
from lethe_events.words import Outcome, Right, Verb
from lethe_example_shop import load, person_number
from lethe_processors.connector import WorkItem
from lethe_processors.register import load_register
from lethe_testkit import tasks
from lethe_testkit.described import connect
from lethe_testkit.documents import Documents

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

EXAMPLES = Path(__file__).parents[3] / "examples" / "register"
DEMO, SEED = 42, 7


async def test_a_portable_copy_of_the_shop_is_part_of_the_access(
    postgres_copy: Callable[[str, Callable[[str], Awaitable[None]]], Awaitable[str]],
) -> None:
    async def prepare(dsn: str) -> None:
        await load(dsn, people=60, seed=SEED)

    processor = load_register(EXAMPLES).processors["shop"]
    connector = connect(processor, await postgres_copy("shop", prepare))
    documents = Documents(shredded=Shredded(), missing=PartMismatch("part_gone", "gone"))
    known = {"email": (person_number(DEMO, SEED).email,)}
    items = [
        WorkItem(replace(tasks.task("shop", Verb.EXPORT, n), right=right), known)
        for n, right in enumerate((Right.ACCESS, Right.PORTABILITY), 1)
    ]
    try:
        answers = await Exporting(documents)(processor, connector, items)
    finally:
        await connector.close()
    assert [a.outcome for a in answers] == [Outcome.DONE, Outcome.DONE]
    lines = [documents.contents[document_id(i.task.task_id)].decode().splitlines() for i in items]
    access, portable = ([json.loads(line) for line in part] for part in lines)
    whole = [(x["collection"], x["record"]) for x in access if "record" in x]
    some = [(x["collection"], x["record"]) for x in portable if "record" in x]
    assert len(some) == len(whole)
    for (name, record), (other, full) in zip(some, whole, strict=True):
        assert name == other
        assert record.items() <= full.items()
        assert set(full) - set(record) == ({"tier"} if name == "loyalty_accounts" else set())
    assert [(x["collection"], x["left_out"]) for x in portable if "left_out" in x] == [("loyalty_accounts", ["tier"])]

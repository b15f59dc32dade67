"""What people do to messaging: each act is one transaction with its entry in the journal."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg
import pytest

from lethe_events import Record
from lethe_messaging import OperationRefused, Operations, Tuning, first_broken
from lethe_messaging.expiry import expire
from lethe_messaging.journal import entries
from lethe_testkit.ground import Ground, eventually, number_of, record_effects, status_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lethe_messaging import Bus, Message, Work

SECRET = b'{"name": "ada@people.example"}'
ANY = {"code": None, "state": "parked", "after": None, "limit": 100}


async def park(ground: Ground, bus: Bus, count: int = 1) -> list[dict[str, object]]:
    """Messages whose body is not what their type promises; gives what is listed of them."""
    good = [status_of(ground.source.name, n) for n in range(count)]
    async with bus.work() as work:
        work.send([Record(r.topic, r.key, SECRET, r.headers) for r in good])
    await eventually(lambda: _parked(ground, count), 20)
    return await Operations(ground.database, bus).parked(topic=ground.source.name, **ANY)


async def test_what_is_parked_is_told_without_its_content(ground: Ground) -> None:
    bus = await ground.bus()
    async with ground.consuming(bus, {ground.source: record_effects}):
        listed = await park(ground, bus, 3)
        operations = Operations(ground.database, bus)
        first = listed[0]
        whole = await operations.message(first["topic"], first["partition"], first["offset"])
        rest = await operations.parked(
            topic=None, code="schema", state=None, after=(first["topic"], first["partition"], first["offset"]), limit=9
        )
        assert await operations.message(ground.source.name, 0, 10**6) is None
    assert whole is not None
    assert len(rest) == 2
    assert whole["form"] == {"(unknown name 1)": "(string of 18)"}
    assert UUID(whole["envelope"]["key"]) == UUID(whole["envelope"]["id"])
    assert "ada" not in repr((listed, whole))


async def test_retrying_and_discarding_settle_once_and_are_in_the_journal(ground: Ground) -> None:
    bus = await ground.bus()
    async with ground.consuming(bus, {ground.source: record_effects}):
        listed = await park(ground, bus, 4)
        operations = Operations(ground.database, bus)
        topic, place = ground.source.name, (listed[0]["partition"], listed[0]["offset"])
        one = await operations.discard("kim", "not_ours", topic=topic, code=None, place=place, limit=9)
        again = await operations.discard("kim", "not_ours", topic=topic, code=None, place=place, limit=9)
        other = await operations.retry("kim", "fixed", topic=topic, code="no_such", place=None, limit=9)
        rest = await operations.retry("kim", "fixed", topic=topic, code="schema", place=None, limit=9)
        assert (one, again, other, rest) == (1, 0, 0, 3)
        await eventually(lambda: _parked(ground, 3), 20)  # what was sent again is as bad as before
    chain = await entries(ground.database)
    told = [json.loads(entry.content) for entry in chain]
    assert [(t["act"], t["by"], t["reason"], len(t["done"]["messages"])) for t in told] == [
        ("discard", "kim", "not_ours", 1),
        ("retry", "kim", "fixed", 3),
    ]
    assert first_broken(chain) is None
    assert "ada" not in repr(chain)


async def test_a_corrected_message_is_sent_by_another_person_than_who_corrected_it(ground: Ground) -> None:
    bus = await ground.bus()
    async with ground.consuming(bus, {ground.source: record_effects}):
        (listed,) = await park(ground, bus)
        operations = Operations(ground.database, bus)
        topic, place = ground.source.name, (listed["partition"], listed["offset"])
        good = json.loads(status_of(topic, 0).value) | {"note": "ada@people.example"}
        await operations.correct("kim", "typo", topic=topic, place=place, body=json.dumps(good).encode(), type_=None)
        with pytest.raises(OperationRefused) as refused:
            await operations.retry("kim", "typo", topic=topic, code=None, place=place, limit=1)
        assert refused.value.code == "same_person"
        assert await ground.effects() == []
        assert await operations.retry("sam", "looked", topic=topic, code=None, place=place, limit=1) == 1
        await ground.expect_effects([0])
    assert all(b"ada" not in record.value for record in (await ground.published(ground.source))[1:])
    acts = [json.loads(entry.content)["act"] for entry in await entries(ground.database)]
    assert acts == ["edit", "retry"]


async def test_a_correction_that_is_no_message_or_about_something_else_is_refused(ground: Ground) -> None:
    bus = await ground.bus()
    async with ground.consuming(bus, {ground.source: record_effects}):
        (listed,) = await park(ground, bus)
        operations = Operations(ground.database, bus)
        topic, place = ground.source.name, (listed["partition"], listed["offset"])
        attempts = [
            (b'{"dsr_id": "x"}', None, place, "not_a_message"),
            (status_of(topic, 0).value, "lethe.no.such.v1", place, "not_a_message"),
            (status_of(topic, 1).value, None, place, "other_key"),
            (status_of(topic, 0).value, None, (0, 10**6), "not_found"),
        ]
        for body, type_, where, code in attempts:
            with pytest.raises(OperationRefused) as refused:
                await operations.correct("kim", "typo", topic=topic, place=where, body=body, type_=type_)
            assert refused.value.code == code
            assert "ada" not in refused.value.detail
    assert await entries(ground.database) == []


async def test_a_stopped_partition_is_stepped_over_by_an_act_on_record(ground: Ground) -> None:
    bus = await ground.bus()
    operations = Operations(ground.database, bus)
    topic = ground.source.name
    async with ground.consuming(bus, {ground.source: record_effects}):
        await ground.send(bus, range(40))
        await ground.expect_effects(range(40))
        assert await operations.move("kim", "drill", topic=topic, partition=2, to=10**6) == 1
        await eventually(lambda: _stopped(operations, {2: "offset_out_of_range"}), 10)
        with pytest.raises(OperationRefused) as refused:
            await operations.skip("kim", "drill", topic=topic, partition=2, offset=5, count=1)
        assert refused.value.code == "moved"
        assert await operations.skip("kim", "drill", topic=topic, partition=2, offset=10**6, count=3) == 10**6 + 3
        end = await ground.database.fetchval("SELECT max(record_offset) + 1 FROM effect WHERE part = 2")
        assert await operations.move("kim", "drill", topic=topic, partition=2, to=end) == 1
        with pytest.raises(OperationRefused):
            await operations.move("kim", "drill", topic="nobody.reads.this", partition=None, to=0)
        await ground.send(bus, range(40, 80))
        await ground.expect_effects(range(80))
        await eventually(lambda: _stopped(operations, {}), 10)
    told = [json.loads(entry.content) for entry in await entries(ground.database)]
    assert [t["act"] for t in told] == ["move", "skip", "move"]
    assert told[1]["done"] == {"topic": topic, "partition": 2, "from": 10**6, "to": 10**6 + 3}
    skipped = await operations.parked(topic=topic, code="skipped", state="discarded", after=None, limit=9)
    assert [(s["partition"], s["offset"], s["note"]) for s in skipped] == [(2, 10**6, "drill")]


async def test_the_journal_is_append_only_and_one_chain_for_all_who_write_at_once(ground: Ground) -> None:
    bus = await ground.bus()
    operations = Operations(ground.database, bus)
    async with ground.consuming(bus, {ground.source: record_effects}):
        await park(ground, bus, 12)
        spots = await operations.parked(topic=ground.source.name, **ANY)
        places = [(s["partition"], s["offset"]) for s in spots]
        acts = [
            operations.discard("kim", "drill", topic=ground.source.name, code=None, place=p, limit=1) for p in places
        ]
        assert sum(await asyncio.gather(*acts)) == 12
    chain = await entries(ground.database)
    assert [entry.seq for entry in chain] == list(range(1, 13))
    assert first_broken(chain) is None
    assert first_broken(chain[4:], chain[3].seq, chain[3].hash) is None
    forged = chain[6]._replace(content=chain[6].content.replace("kim", "sam"))
    assert first_broken([*chain[:6], forged, *chain[7:]]) == 7
    assert first_broken([*chain[:6], *chain[7:]]) == 7
    for statement in ("UPDATE operation SET content = ''", "DELETE FROM operation", "TRUNCATE operation"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await ground.database.execute(statement)


async def test_content_is_forgotten_after_the_retention_and_undecided_messages_are_told_of(ground: Ground) -> None:
    bus = await ground.bus(Tuning(parked_retention=3600))
    operations = Operations(ground.database, bus)
    topic = ground.source.name
    async with ground.consuming(bus, {ground.source: record_effects}):
        listed = await park(ground, bus, 3)
        place = (listed[0]["partition"], listed[0]["offset"])
        await operations.discard("kim", "not_ours", topic=topic, code=None, place=place, limit=1)
    assert await expire(ground.database, timedelta(hours=1)) == 0
    await ground.database.execute("UPDATE parked_message SET changed_at = changed_at - interval '2 hours'")
    assert await expire(ground.database, timedelta(hours=1)) == 2
    assert await expire(ground.database, timedelta(0)) == 0
    rows = await ground.database.fetch("SELECT state, value, key, headers, code FROM parked_message ORDER BY state")
    assert [tuple(row) for row in rows] == [
        ("discarded", None, None, [], "schema"),
        ("expired", None, None, [], "schema"),
        ("expired", None, None, [], "schema"),
    ]
    told = json.loads((await entries(ground.database))[-1].content)
    assert (told["act"], told["by"], len(told["done"]["undecided"])) == ("expire", "retention", 2)
    with pytest.raises(OperationRefused):
        await operations.correct("kim", "x", topic=topic, place=place, body=b"{}", type_=None)


async def test_ten_percent_poison_leaves_the_rest_of_its_partition_alone(ground: Ground) -> None:
    async def handler(work: Work, messages: Sequence[Message]) -> None:
        await record_effects(work, [m for m in messages if number_of(m) % 10])
        for message in messages:
            if number_of(message) % 10 == 0:
                work.park(message, "rejected", "a tenth")

    bus = await ground.bus()
    async with ground.consuming(bus, {ground.source: handler}):
        await ground.send(bus, range(2000))
        await ground.expect_effects([n for n in range(2000) if n % 10])
    assert await ground.database.fetchval("SELECT count(*) FROM parked_message") == 200


async def _parked(ground: Ground, count: int) -> bool:
    return bool(
        await ground.database.fetchval("SELECT count(*) >= $1 FROM parked_message WHERE state = 'parked'", count)
    )


async def _stopped(operations: Operations, expected: dict[int, str]) -> bool:
    return {p["partition"]: p["stopped"] for p in await operations.partitions() if p["stopped"]} == expected

"""What a 202 means, and what a refusal leaves behind: nothing."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from lethe_events import DsrReceived
from lethe_testkit.ground import eventually
from lethe_vault import Redemption

if TYPE_CHECKING:
    import asyncpg
    import httpx

    from lethe_testkit.intake import IntakeGround

pytestmark = [pytest.mark.engines, pytest.mark.timeout(120)]

PLANTED = "Mina.Castellanos"
GOOD: dict[str, Any] = {
    "controller_id": "acme",
    "right": "erasure",
    "identifiers": {
        "email": [f"{PLANTED}@people.example"],
        "phone_number": ["030 901820"],
        "customer_id": ["C-7741-X"],
    },
    "channel": "web_form",
    "note": "lives in Rose Lane",
    "identity": {"method": "controller_session"},
}
NIL = UUID(int=0)


async def post(
    client: httpx.AsyncClient, token: dict[str, str], body: dict[str, Any] = GOOD, key: str = "k1"
) -> httpx.Response:
    return await client.post("/v1/dsrs", json=body, headers={**token, "Idempotency-Key": key})


async def test_a_202_means_that_row_sealed_identifiers_and_message_are_committed(ground: IntakeGround) -> None:
    async with ground.running(LETHE_INTAKE_GROUP_SPACING="0ms") as client:
        await ground.admin.execute("CREATE TABLE seen AS SELECT 0 AS dsr, 0 AS sealed, 0 AS outbox LIMIT 0")
        await ground.admin.execute(
            """
            CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
                INSERT INTO public.seen
                SELECT (SELECT count(*) FROM intake.dsr), (SELECT count(*) FROM vault.sealed), 1;
                RETURN NULL;
            END $$;
            CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON intake.outbox DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION look();
            """
        )
        response = await post(client, ground.token())
        assert response.status_code == 202
        assert await ground.counts() == {"dsr": 1, "sealed": 1}
        seen = await ground.admin.fetch("SELECT * FROM seen")
        assert [tuple(row) for row in seen] == [(1, 1, 1)], "one transaction holds all three"
        dsr_id = UUID(response.json()["dsr_id"])

        redeemed = await ground.vault.redeem([Redemption(dsr_id, NIL)])
        assert redeemed[dsr_id].values == {
            "email": ("mina.castellanos@people.example",),
            "phone_number": ("+4930901820",),
            "customer_id": ("C-7741-X",),
        }
        assert await ground.vault.note(dsr_id, reason="test") == "lives in Rose Lane"
        await eventually(lambda: _published(ground, 1))
        (message,) = await ground.requests()
        assert isinstance(message.body, DsrReceived)
        assert message.body.dsr_id == dsr_id
        assert message.body.identifier_kinds == ("customer_id", "email", "phone_number")
        assert message.envelope.traceparent is not None


async def test_nothing_of_the_person_is_in_any_table_or_message_in_the_clear(ground: IntakeGround) -> None:
    async with ground.running() as client:
        await post(client, ground.token(), key=f"{PLANTED}@people.example")
        await post(client, ground.token(), key=f"{PLANTED}@people.example")
        await eventually(lambda: _published(ground, 1))
        for text in [*await _every_row(ground.admin), *[r.decode("latin-1") for r in await ground.raw_records()]]:
            for planted in ("castellanos", "901820", "7741", "rose lane"):
                assert planted not in text.lower()


async def test_the_same_person_twice_is_linked_by_nothing_but_what_intake_says_of_repeats(ground: IntakeGround) -> None:
    async with ground.running() as client:
        await post(client, ground.token(), key="a")
        await post(client, ground.token(), key="b")
    rows = await ground.admin.fetch(
        "SELECT encode(fingerprint, 'hex') AS f, encode(idempotency_key, 'hex') AS k FROM intake.dsr"
    )
    assert len({r["k"] for r in rows}) == 2
    sealed = await ground.admin.fetch("SELECT subject_ref, ciphertext FROM vault.sealed")
    assert len({r["subject_ref"] for r in sealed}) == len({r["ciphertext"] for r in sealed}) == 2


WRONG: list[tuple[dict[str, Any], int, str]] = [
    ({"identifiers": {"phone_number": ["12345678901234567890"]}}, 422, "identifiers.phone_number[0]"),
    ({"identifiers": {"email": ["nonsense"]}}, 422, "identifiers.email[0]"),
    ({"identifiers": {}}, 422, "identifiers"),
    ({"right": "forgiveness"}, 422, "right"),
    ({"country": "ZZ"}, 422, "country"),
    ({"received_at": "2199-01-01T00:00:00Z"}, 422, "received_at"),
    ({"controller_id": "ghost"}, 403, ""),
    ({"channel": "telepathy"}, 422, "channel"),
    ({"surprise": 1}, 422, "surprise"),
]


async def test_every_bad_input_changes_nothing_at_all(ground: IntakeGround) -> None:
    async with ground.running() as client:
        for number, (change, status, field) in enumerate(WRONG):
            response = await post(client, ground.token(), GOOD | change, key=f"bad-{number}")
            assert response.status_code == status, change
            if field:
                assert [e["field"] for e in response.json()["errors"]] == [field]
                assert all(e["fix"] for e in response.json()["errors"])
        no_key = await client.post("/v1/dsrs", json=GOOD, headers=ground.token())
        assert no_key.status_code == 400
        assert await ground.counts() == {"dsr": 0, "sealed": 0}
        assert await ground.admin.fetchval("SELECT count(*) FROM intake.outbox") == 0
        # a key that was only used for refused requests is still free
        assert (await post(client, ground.token(), key="bad-0")).status_code == 202
    assert len(await ground.requests()) == 1


async def test_fifty_parallel_posts_with_one_key_are_one_request(ground: IntakeGround) -> None:
    async with ground.running() as one, ground.running() as two:
        calls = [post(one if n % 2 else two, ground.token()) for n in range(50)]
        answers = await asyncio.gather(*calls)
        assert {a.status_code for a in answers} == {202}
        assert len({a.content for a in answers}) == 1
        assert sum("idempotency-replayed" not in a.headers for a in answers) == 1
        assert await ground.counts() == {"dsr": 1, "sealed": 1}
        await eventually(lambda: _published(ground, 1))
    assert len(await ground.requests()) == 1


async def test_keys_crossed_between_two_instances_do_not_deadlock(ground: IntakeGround) -> None:
    keys = [f"k{n}" for n in range(40)]
    async with ground.running() as one, ground.running() as two:
        # each row takes its time, so that two groups that lock in opposite orders surely meet
        await ground.admin.execute(
            """
            CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN PERFORM pg_sleep(0.01); RETURN NEW; END $$;
            CREATE TRIGGER dawdle BEFORE INSERT ON intake.dsr FOR EACH ROW EXECUTE FUNCTION dawdle();
            """
        )
        calls = [post(one, ground.token(), key=key) for key in keys]
        calls += [post(two, ground.token(), key=key) for key in reversed(keys)]
        answers = await asyncio.gather(*calls)
        assert {a.status_code for a in answers} == {202}
        assert await ground.counts() == {"dsr": 40, "sealed": 40}
    assert len(await ground.requests()) == 40


async def test_the_same_key_with_another_body_is_a_conflict_and_changes_nothing(ground: IntakeGround) -> None:
    async with ground.running() as client:
        first = await post(client, ground.token())
        other = await post(client, ground.token(), GOOD | {"right": "access"})
        assert other.status_code == 409
        assert other.json()["type"] == "urn:lethe:problem:idempotency_key_reused"
        again = await post(client, ground.token())
        assert again.content == first.content
        assert again.headers["idempotency-replayed"] == "true"
        beta = await post(client, ground.token("beta"), GOOD | {"controller_id": "beta"})
        assert beta.status_code == 202
        assert beta.json()["dsr_id"] != first.json()["dsr_id"]
        assert await ground.counts() == {"dsr": 2, "sealed": 2}


async def test_a_repeat_is_answered_alike_by_another_instance_years_later(ground: IntakeGround) -> None:
    async with ground.running() as client:
        first = await post(client, ground.token())
    await ground.admin.execute("UPDATE intake.dsr SET state = 'closed', status_version = 9, told = '{}'")
    async with ground.running() as client:
        assert (await post(client, ground.token())).content == first.content


async def test_a_request_that_the_database_refuses_spoils_no_other_of_its_group(ground: IntakeGround) -> None:
    async with ground.running() as client:
        await ground.admin.execute("ALTER TABLE intake.dsr ADD CHECK (identifier_kinds <> 'poison')")
        bodies = [GOOD | {"identifiers": {"poison" if n == 5 else "email": ["x@people.example"]}} for n in range(12)]
        answers = await asyncio.gather(*(post(client, ground.token(), b, f"k{n}") for n, b in enumerate(bodies)))
        assert [a.status_code for a in answers] == [500 if n == 5 else 202 for n in range(12)]
        assert "poison" not in answers[5].text
        assert await ground.counts() == {"dsr": 11, "sealed": 11}
    assert len(await ground.requests()) == 11


async def test_readiness_names_each_component(ground: IntakeGround) -> None:
    async with ground.running() as client:
        await eventually(lambda: _ready(client))
        report = (await client.get("/readyz")).json()
        assert {"postgres", "bus", "start", "tokens"} == set(report["components"])


async def _ready(client: httpx.AsyncClient) -> bool:
    await asyncio.sleep(0.3)
    return (await client.get("/readyz")).status_code == 200


async def _published(ground: IntakeGround, count: int) -> bool:
    return len(await ground.requests()) >= count


async def _every_row(admin: asyncpg.Connection[asyncpg.Record]) -> list[str]:
    tables = await admin.fetch(
        "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables"
        " WHERE schemaname IN ('intake', 'vault', 'other')"
    )
    assert len(tables) > 8
    return [
        json.dumps(row[0])
        for table in tables
        for row in await admin.fetch(f"SELECT to_jsonb(t)::text FROM {table['name']} t")
    ]

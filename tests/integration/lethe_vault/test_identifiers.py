"""Sealing, redeeming and shredding identifiers against a real PostgreSQL."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg
import pytest

from lethe_events.subject_token import subject_token
from lethe_vault import (
    AlreadySealed,
    FileKeys,
    Gone,
    Identifiers,
    KeyMissing,
    Redemption,
    Rejected,
    Sealing,
    Vault,
    install,
    master_keys_in_use,
    rewrap_all,
)
from lethe_vault.errors import translate

if TYPE_CHECKING:
    from pathlib import Path

    from lethe_postgres import Database

pytestmark = pytest.mark.engines

ADA = Identifiers({"email": ("ada@people.example",), "customer_id": ("c-1", "c-2")})
TASK = UUID(int=99)


def sealing(n: int, identifiers: Identifiers = ADA, note: str | None = None) -> Sealing:
    return Sealing(UUID(int=n), UUID(int=n + 1000), "acme", identifiers, note)


async def seal(service: Database, vault: Vault, *items: Sealing) -> None:
    async with service.transaction() as tx:
        await vault.seal(tx, items)


async def test_what_was_sealed_is_redeemed_and_nobody_elses(service: Database, vault: Vault) -> None:
    bob = Identifiers({"email": ("bob@people.example",)})
    await seal(service, vault, sealing(1), sealing(2, bob))
    redeemed = await vault.redeem([Redemption(UUID(int=2), TASK), Redemption(UUID(int=1), TASK)])
    assert redeemed == {UUID(int=1): ADA, UUID(int=2): bob}
    assert redeemed.tampered == set()


async def test_corrections_are_sealed_with_the_identifiers_and_redeemed_with_them(
    service: Database, vault: Vault
) -> None:
    corrections = {"customers.first_name": "Adelaide", "shop:customers.points": 3}
    one = Sealing(UUID(int=1), UUID(int=1001), "acme", ADA, corrections=corrections)
    await seal(service, vault, one, sealing(2))
    redeemed = await vault.redeem([Redemption(UUID(int=n), TASK) for n in (1, 2, 3)])
    assert redeemed == {UUID(int=1): ADA, UUID(int=2): ADA}
    assert redeemed.corrections == {UUID(int=1): corrections}
    await vault.shred([UUID(int=1)])
    assert (await vault.redeem([Redemption(UUID(int=1), TASK)])).corrections == {}


async def test_nothing_is_sealed_if_the_callers_transaction_fails(service: Database, vault: Vault) -> None:
    async def fails() -> None:
        async with service.transaction() as tx:
            await vault.seal(tx, [sealing(1)])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fails()
    assert await vault.redeem([Redemption(UUID(int=1), TASK)]) == {}


async def test_every_item_of_a_batch_is_on_record_found_or_not(service: Database, vault: Vault, role: str) -> None:
    await seal(service, vault, sealing(1), sealing(2))
    tasks = [UUID(int=n) for n in (11, 12, 13)]
    await vault.redeem([Redemption(UUID(int=n), task) for n, task in zip((1, 2, 3), tasks, strict=True)])
    records = [(await vault.redemptions(UUID(int=n)))[0] for n in (1, 2, 3)]
    assert [r.task_id for r in records] == tasks
    assert [r.found for r in records] == [True, True, False]
    assert {(r.redeemer, r.role, r.reason) for r in records} == {("test-worker", role, "task")}


async def test_a_reader_cannot_roll_its_own_record_back(service: Database, vault: Vault) -> None:
    """Announce, collect and roll back in one transaction would be a reading without a trace."""
    await seal(service, vault, sealing(1))
    async with service.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        ticket = await connection.fetchval("SELECT vault.announce('x', 'y', $1::uuid[], $2)", [UUID(int=1)], [TASK])
        with pytest.raises(asyncpg.PostgresError, match="not on record") as refused:
            await connection.fetch("SELECT * FROM vault.collect($1)", ticket)
        await transaction.rollback()
    assert isinstance(translate(refused.value), Rejected)


async def test_a_ticket_is_of_no_use_to_another_role(
    service: Database, vault: Vault, owner: asyncpg.Connection
) -> None:
    await seal(service, vault, sealing(1))
    ticket = await service.fetchval("SELECT vault.announce('x', 'y', $1::uuid[], $2)", [UUID(int=1)], [TASK])
    with pytest.raises(asyncpg.PostgresError, match="not on record"):
        await owner.fetch("SELECT * FROM vault.collect($1)", ticket)


async def test_a_service_role_cannot_touch_the_tables(service: Database, vault: Vault) -> None:
    await seal(service, vault, sealing(1))
    for table in ("sealed", "redemption", "processor_key", "document", "upload", "chunk", "schema_migration"):
        for statement in ("SELECT * FROM {}", "DELETE FROM {}", "TRUNCATE {}", "INSERT INTO {} DEFAULT VALUES"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await service.execute(statement.format(f"vault.{table}"))


async def test_a_role_without_grant_cannot_call_the_functions(postgres_dsn: str, service_dsn: str, role: str) -> None:
    await install(postgres_dsn, grant_to=[])
    admin = await asyncpg.connect(postgres_dsn)
    await admin.execute(f"GRANT USAGE ON SCHEMA vault TO {role}")
    await admin.close()
    connection = await asyncpg.connect(service_dsn)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("SELECT vault.shred('{}')")
    finally:
        await connection.close()


async def test_the_functions_run_as_an_owner_without_superuser_and_with_a_fixed_search_path(
    owner: asyncpg.Connection,
) -> None:
    rows = await owner.fetch(
        """SELECT proname, prosecdef, coalesce(proconfig::text, '') AS config, rolsuper
           FROM pg_proc JOIN pg_roles ON pg_roles.oid = proowner WHERE pronamespace = 'vault'::regnamespace"""
    )
    assert rows
    assert [r["proname"] for r in rows if r["rolsuper"] or "search_path" not in r["config"]] == []
    assert [r["proname"] for r in rows if not r["prosecdef"]] == ["redemption_is_history"]


async def test_the_record_cannot_be_rewritten_even_by_its_owner(
    service: Database, vault: Vault, owner: asyncpg.Connection
) -> None:
    await vault.redeem([Redemption(UUID(int=1), TASK)])
    for statement in ("UPDATE vault.redemption SET redeemer = 'x'", "DELETE FROM vault.redemption"):
        with pytest.raises(asyncpg.RaiseError, match="append-only"):
            await owner.execute(statement)


async def test_installing_again_changes_nothing(postgres_dsn: str, service: Database, vault: Vault, role: str) -> None:
    await seal(service, vault, sealing(1))
    await install(postgres_dsn, grant_to=[role], owner=f"{role}_owner")
    assert await vault.redeem([Redemption(UUID(int=1), TASK)]) == {UUID(int=1): ADA}


async def test_a_dsr_is_sealed_once_even_after_shredding(service: Database, vault: Vault) -> None:
    await seal(service, vault, sealing(1))
    with pytest.raises(AlreadySealed):
        await seal(service, vault, sealing(1))
    await vault.shred([UUID(int=1)])
    with pytest.raises(AlreadySealed):
        await seal(service, vault, sealing(1))


async def test_the_store_holds_no_plaintext(service: Database, vault: Vault, owner: asyncpg.Connection) -> None:
    await seal(service, vault, sealing(1, note="planted-note"))
    row = str(await owner.fetchrow("SELECT sealed::text AS row, encode(ciphertext, 'escape') AS raw FROM vault.sealed"))
    assert "planted-note" not in row
    assert "people.example" not in row


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE vault.sealed SET ciphertext = set_byte(ciphertext, 9, get_byte(ciphertext, 9) # 1) WHERE dsr_id = $1",
        r"UPDATE vault.sealed SET wrapped_key = overlay(wrapped_key PLACING '\x0000' FROM 9) WHERE dsr_id = $1",
        "UPDATE vault.sealed SET controller_id = 'other' WHERE dsr_id = $1",
        "UPDATE vault.sealed SET subject_ref = gen_random_uuid() WHERE dsr_id = $1",
        # another person's sealed data in this person's row
        """UPDATE vault.sealed AS s
           SET wrapped_key = o.wrapped_key, ciphertext = o.ciphertext, subject_ref = o.subject_ref
           FROM vault.sealed AS o WHERE s.dsr_id = $1 AND o.dsr_id <> $1""",
    ],
)
async def test_tampering_is_detected_and_spoils_nobody_elses_batch(
    service: Database, vault: Vault, owner: asyncpg.Connection, tampering: str
) -> None:
    await seal(service, vault, sealing(1), sealing(2))
    await owner.execute(tampering, UUID(int=1))
    redeemed = await vault.redeem([Redemption(UUID(int=1), TASK), Redemption(UUID(int=2), TASK)])
    assert redeemed == {UUID(int=2): ADA}
    assert redeemed.tampered == {UUID(int=1)}


async def test_shredded_data_cannot_be_opened_and_the_record_stays(
    service: Database, vault: Vault, owner: asyncpg.Connection
) -> None:
    await seal(service, vault, sealing(1, note="n"), sealing(2))
    await vault.redeem([Redemption(UUID(int=1), TASK)])
    assert await vault.shred([UUID(int=1), UUID(int=3)]) == 1
    assert await vault.shred([UUID(int=1)]) == 0
    assert await vault.redeem([Redemption(UUID(int=1), TASK), Redemption(UUID(int=2), TASK)]) == {UUID(int=2): ADA}
    with pytest.raises(Gone):
        await vault.note(UUID(int=1), reason="review")
    row = await owner.fetchrow("SELECT * FROM vault.sealed WHERE dsr_id = $1", UUID(int=1))
    assert row is not None
    assert {name for name, value in row.items() if value is not None} == {"dsr_id", "sealed_at", "shredded_at"}
    assert [(r.task_id, r.found) for r in await vault.redemptions(UUID(int=1))][:2] == [(TASK, True), (TASK, False)]


async def test_the_note_is_opened_on_record(service: Database, vault: Vault) -> None:
    await seal(service, vault, sealing(1, note="please hurry"), sealing(2))
    assert await vault.note(UUID(int=1), reason="review") == "please hurry"
    assert await vault.note(UUID(int=2), reason="review") is None
    assert [r.reason for r in await vault.redemptions(UUID(int=1))] == ["review"]


async def test_many_callers_create_one_key_for_a_processor(vault: Vault, service: Database, keys: FileKeys) -> None:
    others = [Vault(service, keys, redeemer=f"w{n}") for n in range(8)]
    created = await asyncio.gather(*(v.processor_key("shop") for v in [vault, *others]))
    assert len(set(created)) == 1
    assert await vault.processor_key("crm") != created[0]


async def test_tokens_are_those_that_the_processor_makes_itself(service: Database, vault: Vault) -> None:
    await seal(service, vault, sealing(1), sealing(2))
    one, two = UUID(int=1), UUID(int=2)
    tokens = await vault.subject_tokens([one, two, UUID(int=3)], {one: ["shop", "crm"], two: ["shop"]})
    shop = await vault.processor_key("shop")
    assert set(tokens) == {(one, "shop"), (one, "crm"), (two, "shop")}
    expected = [("customer_id", "c-1"), ("customer_id", "c-2"), ("email", "ada@people.example")]
    assert tokens[one, "shop"] == tuple(subject_token(shop, kind, value) for kind, value in expected)
    assert not set(tokens[one, "shop"]) & set(tokens[one, "crm"])
    assert [r.reason for r in await vault.redemptions(one)] == ["subject_tokens"]


async def test_after_a_rotation_everything_opens_and_the_old_key_can_go(
    service: Database, vault: Vault, postgres_dsn: str, keys_path: Path
) -> None:
    await seal(service, vault, *(sealing(n) for n in range(1, 6)))
    shop = await vault.processor_key("shop")
    await vault.shred([UUID(int=5)])
    (old,) = await master_keys_in_use(postgres_dsn)
    new = FileKeys.rotate(keys_path)
    assert await rewrap_all(postgres_dsn, FileKeys(keys_path)) == 5
    assert await rewrap_all(postgres_dsn, FileKeys(keys_path)) == 0
    assert await master_keys_in_use(postgres_dsn) == {new}
    os.utime(keys_path, (0, 0))  # long ago
    FileKeys.retire(keys_path, old, in_use=await master_keys_in_use(postgres_dsn))
    fresh = Vault(service, FileKeys(keys_path), redeemer="fresh")
    assert len(await fresh.redeem([Redemption(UUID(int=n), TASK) for n in range(1, 6)])) == 4
    assert await fresh.processor_key("shop") == shop


async def test_without_its_master_key_nothing_opens(service: Database, vault: Vault, tmp_path: Path) -> None:
    await seal(service, vault, sealing(1))
    stranger = Vault(service, FileKeys.create(tmp_path / "other.json"), redeemer="stranger")
    with pytest.raises(KeyMissing):
        await stranger.redeem([Redemption(UUID(int=1), TASK)])

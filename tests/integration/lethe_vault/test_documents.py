"""Documents: streamed, replaced whole, read only as they were written."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg
import pytest

from lethe_vault import (
    Gone,
    Identifiers,
    Replaced,
    Sealing,
    SmallDocument,
    StoredDocument,
    Tampered,
    Vault,
    WrongOwner,
)
from lethe_vault.stream import CHUNK_BYTES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from lethe_postgres import Database

pytestmark = pytest.mark.engines

DSR, OTHER = UUID(int=1), UUID(int=2)
BIG = bytes(range(251)) * ((6 * CHUNK_BYTES) // 251)  # five full chunks and a part: two calls


@pytest.fixture
async def sealed(service: Database, vault: Vault) -> Vault:
    async with service.transaction() as tx:
        await vault.seal(
            tx, [Sealing(d, UUID(int=9), "acme", Identifiers({"email": ("a@b.example",)})) for d in (DSR, OTHER)]
        )
    return vault


async def read(vault: Vault, document_id: UUID) -> bytes:
    return b"".join([chunk async for chunk in vault.open_document(document_id, reason="test")])


async def in_pieces(content: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


@pytest.mark.parametrize(
    "content", [b"", b"small", BIG, bytes(4 * CHUNK_BYTES)], ids=["empty", "small", "big", "whole"]
)
async def test_a_document_comes_back_as_it_went_in(sealed: Vault, content: bytes) -> None:
    stored = await sealed.put_document(DSR, "shop.json", "application/json", in_pieces(content, 100_003))
    assert (stored.sha256, stored.size) == (hashlib.sha256(content).hexdigest(), len(content))
    assert await read(sealed, stored.document_id) == content
    info = await sealed.document(stored.document_id)
    assert info is not None
    assert (info.dsr_id, info.name, info.media_type, info.size, info.sha256) == (
        DSR,
        "shop.json",
        "application/json",
        len(content),
        stored.sha256,
    )


async def test_the_same_id_is_replaced_and_leaves_no_chunk_behind(sealed: Vault, owner: asyncpg.Connection) -> None:
    document_id = UUID(int=50)
    for content in (BIG, b"new"):
        stored = await sealed.put_document(DSR, "a", "text/plain", content, document_id=document_id)
        assert stored.document_id == document_id
    assert await read(sealed, document_id) == b"new"
    assert await owner.fetchval("SELECT count(*) FROM vault.chunk") == 1


async def test_a_document_of_another_dsr_is_not_overwritten(sealed: Vault) -> None:
    stored = await sealed.put_document(DSR, "a", "text/plain", b"mine")
    with pytest.raises(WrongOwner):
        await sealed.put_document(OTHER, "a", "text/plain", b"theirs", document_id=stored.document_id)
    assert await read(sealed, stored.document_id) == b"mine"


async def test_a_broken_upload_leaves_the_former_document(sealed: Vault, owner: asyncpg.Connection) -> None:
    stored = await sealed.put_document(DSR, "a", "text/plain", b"former")

    async def breaks() -> AsyncIterator[bytes]:
        yield bytes(5 * CHUNK_BYTES)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await sealed.put_document(DSR, "a", "text/plain", breaks(), document_id=stored.document_id)
    assert await read(sealed, stored.document_id) == b"former"
    assert await sealed.sweep() == 0  # younger than a day
    await owner.execute("UPDATE vault.upload SET started_at = now() - interval '2 days'")
    assert await sealed.sweep() == 1
    assert await read(sealed, stored.document_id) == b"former"


async def test_every_opening_is_on_record_with_its_reason_and_task(sealed: Vault) -> None:
    stored = await sealed.put_document(DSR, "a", "text/plain", b"x")
    task = UUID(int=77)
    async for _ in sealed.open_document(stored.document_id, task_id=task, reason="package_download"):
        pass
    last = (await sealed.redemptions(DSR))[-1]
    assert (last.reason, last.task_id, last.document_id) == ("package_download", task, stored.document_id)


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE vault.chunk SET ciphertext = set_byte(ciphertext, 9, get_byte(ciphertext, 9) # 1) WHERE position = 3",
        "DELETE FROM vault.chunk WHERE position = 2",
        # the end is cut off and the header agrees
        "WITH cut AS (DELETE FROM vault.chunk WHERE position = 5) UPDATE vault.document SET chunks = 5",
        # two chunks change places
        """UPDATE vault.chunk AS c SET ciphertext = o.ciphertext FROM vault.chunk AS o
           WHERE (c.position, o.position) IN ((0, 1), (1, 0))""",
        "UPDATE vault.document SET sha256 = repeat('0', 64)",
        "UPDATE vault.document SET size = size - 1",
        "UPDATE vault.upload SET salt = '0123456789abcdef'",
        "UPDATE vault.document SET dsr_id = '00000000-0000-0000-0000-000000000002'",
    ],
)
async def test_tampering_with_a_document_is_detected(sealed: Vault, owner: asyncpg.Connection, tampering: str) -> None:
    stored = await sealed.put_document(DSR, "a", "text/plain", BIG)
    await owner.execute(tampering)
    with pytest.raises(Tampered):
        await read(sealed, stored.document_id)


async def test_shredding_deletes_documents_and_stops_an_upload_under_way(
    sealed: Vault, owner: asyncpg.Connection
) -> None:
    stored = await sealed.put_document(DSR, "a", "text/plain", BIG)
    kept = await sealed.put_document(OTHER, "a", "text/plain", b"kept")

    async def shredded_meanwhile() -> AsyncIterator[bytes]:
        yield bytes(5 * CHUNK_BYTES)
        await sealed.shred([DSR])
        yield b"more"

    with pytest.raises(Gone):
        await sealed.put_document(DSR, "b", "text/plain", shredded_meanwhile())
    with pytest.raises(Gone):
        await read(sealed, stored.document_id)
    with pytest.raises(Gone):
        await sealed.put_document(DSR, "c", "text/plain", b"late")
    assert await sealed.document(stored.document_id) is None
    assert await read(sealed, kept.document_id) == b"kept"
    assert await owner.fetchval("SELECT count(*) FROM vault.upload") == 1


async def test_a_reader_learns_why_its_document_went_away(sealed: Vault) -> None:
    stored = await sealed.put_document(DSR, "a", "text/plain", BIG)
    reading = sealed.open_document(stored.document_id, reason="test")
    await anext(reading)
    await sealed.put_document(DSR, "a", "text/plain", b"new", document_id=stored.document_id)
    with pytest.raises(Replaced):
        _ = [chunk async for chunk in reading]
    stored = await sealed.put_document(DSR, "a", "text/plain", BIG)
    reading = sealed.open_document(stored.document_id, reason="test")
    await anext(reading)
    await sealed.shred([DSR])
    with pytest.raises(Gone):
        _ = [chunk async for chunk in reading]


@pytest.mark.parametrize(("name", "media_type"), [("ada@people.example", "text/plain"), ("a", "nonsense"), ("", "a/b")])
async def test_a_name_that_could_hold_personal_data_is_refused(sealed: Vault, name: str, media_type: str) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await sealed.put_document(DSR, name, media_type, b"x")


async def test_a_document_that_was_never_stored_is_gone(sealed: Vault) -> None:
    with pytest.raises(Gone):
        await read(sealed, UUID(int=12345))
    assert await sealed.document(UUID(int=12345)) is None


def small(number: int, dsr_id: UUID = DSR, content: bytes = b"part") -> SmallDocument:
    return SmallDocument(dsr_id, UUID(int=number), "part.ndjson", "application/x-ndjson", content)


async def test_many_small_documents_are_stored_together_and_each_replaces_what_was_there(sealed: Vault) -> None:
    await sealed.put_document(DSR, "old.json", "application/json", BIG, document_id=UUID(int=71))
    for content in (b"", b"second", bytes(CHUNK_BYTES)):
        given = [small(71, content=content), small(72, OTHER), small(73)]
        stored = await sealed.put_small_documents(given)
        for one, told in zip(given, stored, strict=True):
            assert isinstance(told, StoredDocument)
            assert await read(sealed, one.document_id) == one.content
            assert told == StoredDocument(one.document_id, hashlib.sha256(one.content).hexdigest(), len(one.content))
    assert await sealed.put_small_documents([]) == []
    with pytest.raises(ValueError, match="one chunk"):
        await sealed.put_small_documents([small(74, content=bytes(CHUNK_BYTES + 1))])


async def test_a_small_document_that_is_refused_spoils_no_other(
    sealed: Vault, owner: asyncpg.Connection[asyncpg.Record]
) -> None:
    await sealed.put_small_documents([small(81, OTHER)])
    before = await sealed.document(UUID(int=81))
    given = [small(82, UUID(int=77)), small(81, DSR, b"stolen"), small(83), small(84, OTHER)]
    told = await sealed.put_small_documents(given)
    assert [type(t) for t in told] == [Gone, WrongOwner, StoredDocument, StoredDocument]
    assert await sealed.document(UUID(int=81)) == before
    assert await sealed.document(UUID(int=82)) is None
    await sealed.shred([OTHER])
    assert [type(t) for t in await sealed.put_small_documents([small(84, OTHER), small(83)])] == [Gone, StoredDocument]
    assert await owner.fetchval("SELECT count(*) FROM vault.upload") == 1, "what was replaced or shredded is gone"
    assert await owner.fetchval("SELECT count(*) FROM vault.chunk") == 1
    records = await sealed.redemptions(DSR)
    assert {r.reason for r in records} == {"put_document"}, "every opening of a key is on record"

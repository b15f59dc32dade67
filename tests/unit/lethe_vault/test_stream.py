"""Documents as chunks: no chunk can be changed, moved, dropped or cut off."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from lethe_vault import Tampered
from lethe_vault.stream import CHUNK_BYTES, DocumentCipher, chunked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

KEY, SALT, DOCUMENT = b"k" * 32, b"s" * 16, UUID(int=7)


def cipher(key: bytes = KEY, salt: bytes = SALT, document: UUID = DOCUMENT) -> DocumentCipher:
    return DocumentCipher(key, salt, document)


async def pieces(*sizes: int) -> AsyncIterator[bytes]:
    for size in sizes:
        yield b"x" * size


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((), [(0, True)]),  # an empty document is one empty final chunk
        ((0, 0), [(0, True)]),
        ((10, 20), [(30, True)]),
        ((CHUNK_BYTES,), [(CHUNK_BYTES, True)]),  # no empty chunk behind a full one
        ((CHUNK_BYTES, 1), [(CHUNK_BYTES, False), (1, True)]),
        ((3 * CHUNK_BYTES,), [(CHUNK_BYTES, False), (CHUNK_BYTES, False), (CHUNK_BYTES, True)]),
    ],
)
async def test_a_stream_of_any_shape_becomes_full_chunks_and_a_last_one(
    sizes: tuple[int, ...], expected: list[tuple[int, bool]]
) -> None:
    assert [(len(chunk), final) async for chunk, final in chunked(pieces(*sizes))] == expected


async def test_bytes_and_a_stream_of_the_same_bytes_give_the_same_chunks() -> None:
    content = bytes(range(256)) * 3000
    assert b"".join([c async for c, _ in chunked(content)]) == content


def test_the_hash_and_size_are_those_of_the_plaintext() -> None:
    writer = cipher()
    writer.encrypt(0, b"ab", final=False)
    writer.encrypt(1, b"c", final=True)
    assert (writer.sha256, writer.size) == (hashlib.sha256(b"abc").hexdigest(), 3)


@pytest.mark.parametrize(
    ("reader", "position", "final"),
    [
        (cipher(), 1, False),  # another place
        (cipher(), 0, True),  # the end was cut off and this made the last
        (cipher(document=UUID(int=8)), 0, False),  # another document
        (cipher(salt=b"t" * 16), 0, False),  # an older version of the same document
        (cipher(key=b"l" * 32), 0, False),
    ],
)
def test_a_chunk_opens_only_where_it_was_written(reader: DocumentCipher, position: int, final: bool) -> None:
    chunk = cipher().encrypt(0, b"content", final=False)
    assert cipher().decrypt(0, chunk, final=False) == b"content"
    with pytest.raises(Tampered):
        reader.decrypt(position, chunk, final=final)

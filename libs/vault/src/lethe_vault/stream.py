"""Documents as authenticated chunks (the STREAM construction): 256 KiB of plaintext each.

Every upload has a key of its own (HKDF of the DSR's data key, a random salt and the document id), so a counter can be
the nonce and two versions of one document cannot be mixed. Nonce = position and a final marker; both are in the
associated data with the document id. Moving, dropping, repeating or cutting off chunks fails authentication.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from lethe_vault.errors import Tampered

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

CHUNK_BYTES = 256 * 1024
SALT_BYTES = 16


class DocumentCipher:
    """Encrypts or decrypts the chunks of one upload, in any order, and hashes the plaintext in the order given."""

    def __init__(self, data_key: bytes, salt: bytes, document_id: UUID) -> None:
        info = b"lethe.vault.document.v1|" + document_id.bytes
        self._aead = AESGCM(HKDF(algorithm=SHA256(), length=32, salt=salt, info=info).derive(data_key))
        self._document = document_id.bytes
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        """Hex digest of the plaintext so far."""
        return self._hash.hexdigest()

    def encrypt(self, position: int, plaintext: bytes, *, final: bool) -> bytes:
        self._count(plaintext)
        return self._aead.encrypt(_nonce(position, final=final), plaintext, self._bound(position, final=final))

    def decrypt(self, position: int, ciphertext: bytes, *, final: bool) -> bytes:
        """Raises Tampered."""
        try:
            plaintext = self._aead.decrypt(
                _nonce(position, final=final), ciphertext, self._bound(position, final=final)
            )
        except InvalidTag as error:
            raise Tampered("a document failed authentication: compare the vault with its backup") from error
        self._count(plaintext)
        return plaintext

    def _count(self, plaintext: bytes) -> None:
        self._hash.update(plaintext)
        self.size += len(plaintext)

    def _bound(self, position: int, *, final: bool) -> bytes:
        return self._document + position.to_bytes(8, "big") + bytes([final])


def _nonce(position: int, *, final: bool) -> bytes:
    return position.to_bytes(11, "big") + bytes([final])


async def chunked(content: AsyncIterator[bytes] | bytes) -> AsyncIterator[tuple[bytes, bool]]:
    """Chunks of CHUNK_BYTES, each with whether it is the last; an empty stream is one empty chunk."""
    buffer = bytearray()
    async for piece in _pieces(content):
        buffer += piece
        while len(buffer) > CHUNK_BYTES:  # strictly: the last chunk is known only when the stream ends
            yield bytes(buffer[:CHUNK_BYTES]), False
            del buffer[:CHUNK_BYTES]
    yield bytes(buffer), True


async def _pieces(content: AsyncIterator[bytes] | bytes) -> AsyncIterator[bytes]:
    if isinstance(content, bytes):
        for start in range(0, len(content), CHUNK_BYTES):
            yield content[start : start + CHUNK_BYTES]
        return
    async for piece in content:
        yield piece

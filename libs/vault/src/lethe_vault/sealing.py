"""Envelope encryption of what one DSR seals: a fresh data key per DSR, AES-256-GCM, bound to where it belongs.

Blob = nonce (12 bytes) + ciphertext + tag. The associated data names the purpose and the DSR, so that a row cannot
be moved to another DSR or controller.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag

from lethe_vault.errors import Tampered
from lethe_vault.model import Identifiers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12


def encrypt(key: AESGCM, plaintext: bytes, bound_to: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + key.encrypt(nonce, plaintext, bound_to)


def decrypt(key: AESGCM, blob: bytes, bound_to: bytes) -> bytes:
    """Raises Tampered if the blob, the key or what it is bound to is not that of `encrypt`."""
    try:
        return key.decrypt(blob[:NONCE_BYTES], blob[NONCE_BYTES:], bound_to)
    except (InvalidTag, ValueError) as error:
        raise Tampered("sealed data failed authentication: compare the vault with its backup") from error


def key_binding(dsr_id: UUID) -> bytes:
    """What a DSR's wrapped data key is bound to; the key provider adds the id of the master key."""
    return b"lethe.vault.data-key.v1|" + dsr_id.bytes


def processor_binding(processor_id: str) -> bytes:
    return b"lethe.vault.processor-key.v1|" + processor_id.encode()


def content_binding(dsr_id: UUID, subject_ref: UUID, controller_id: str) -> bytes:
    return b"lethe.vault.identifiers.v1|" + dsr_id.bytes + subject_ref.bytes + controller_id.encode()


def pack(identifiers: Identifiers, note: str | None, corrections: Mapping[str, object] | None = None) -> bytes:
    """Raises ValueError or TypeError for corrections that JSON does not know."""
    content: dict[str, object] = {"i": dict(identifiers.values), "n": note}
    if corrections:
        content["c"] = dict(corrections)
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def unpack(plaintext: bytes) -> tuple[Identifiers, str | None]:
    content = json.loads(plaintext)
    return Identifiers({kind: tuple(values) for kind, values in content["i"].items()}), content["n"]


def unpack_corrections(plaintext: bytes) -> dict[str, object]:
    """Empty where none were sealed."""
    corrections: dict[str, object] = json.loads(plaintext).get("c", {})
    return corrections

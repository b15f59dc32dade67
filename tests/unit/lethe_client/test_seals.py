"""A seal is checked against the chain it covers, with nothing but the public key."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lethe_client.certificate import key_id_of
from lethe_client.errors import BadInput, Refused
from lethe_client.seals import verify_inclusion
from lethe_events.canonical import canonical

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
KEY_ID = key_id_of(KEY.public_key())
KEYS = {KEY_ID: KEY.public_key()}
HEADS = [hashlib.sha256(bytes([n])).hexdigest() for n in range(7)]


def leaf(n: int) -> bytes:
    content = b"\x00" + UUID(int=n).bytes + (n + 1).to_bytes(8, "big") + bytes.fromhex(HEADS[n])
    return hashlib.sha256(content).digest()


def tree(leaves: list[bytes]) -> bytes:
    """RFC 6962 §2.1, straight from its text."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + tree(leaves[:split]) + tree(leaves[split:])).digest()


def path(leaves: list[bytes], index: int) -> list[str]:
    """RFC 6962 §2.1.1."""
    if len(leaves) == 1:
        return []
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if index < split:
        return [*path(leaves[:split], index), tree(leaves[split:]).hex()]
    return [*path(leaves[split:], index - split), tree(leaves[:split]).hex()]


def proof(index: int, count: int) -> dict[str, Any]:
    leaves = [leaf(n) for n in range(count)]
    seal: dict[str, Any] = {
        "seal": 3,
        "at": "2026-11-23T10:00:00Z",
        "chains": count,
        "root": tree(leaves).hex(),
        "previous": "0" * 64,
    }
    signature = base64.urlsafe_b64encode(KEY.sign(canonical(seal))).rstrip(b"=").decode()
    return {
        "dsr_id": str(UUID(int=index)),
        "seq": index + 1,
        "head": HEADS[index],
        "index": index,
        "path": path(leaves, index),
        "seal": seal | {"key_id": KEY_ID, "signature": signature},
    }


def chain(index: int) -> dict[int, str]:
    return dict.fromkeys(range(1, index + 1), "0" * 64) | {index + 1: HEADS[index], index + 2: "1" * 64}


@pytest.mark.parametrize(("index", "count"), [(i, n) for n in range(1, 8) for i in range(n)])
def test_every_leaf_of_a_tree_of_any_size_is_found_under_its_root(index: int, count: int) -> None:
    assert verify_inclusion(proof(index, count), chain(index), KEYS) == index + 1


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p["seal"].update(root="0" * 64),
        lambda p: p["seal"].update(at="2026-11-24T10:00:00Z"),
        lambda p: p["seal"].update(chains=6),
        lambda p: p["seal"].update(key_id="0" * 16),
        lambda p: p.update(index=3),
        lambda p: p.update(index=7),
        lambda p: p.update(index=-1),
        lambda p: p.update(dsr_id=str(UUID(int=3))),
        lambda p: p["path"].pop(),
        lambda p: p["path"].append("0" * 64),
        lambda p: p["path"].reverse(),
        lambda p: p.update(seq=4),
        lambda p: p.update(head=HEADS[3]),
    ],
)
def test_any_change_is_refused(change: Any) -> None:
    changed = proof(2, 7)
    change(changed)
    with pytest.raises(Refused):
        verify_inclusion(changed, chain(2), KEYS)


def test_a_chain_that_was_rewritten_since_is_refused() -> None:
    with pytest.raises(Refused, match="another chain"):
        verify_inclusion(proof(2, 7), dict.fromkeys(range(9), "2" * 64), KEYS)


@pytest.mark.parametrize("broken", [{}, {"seal": {}}, proof(1, 2) | {"head": "xyz"}, proof(1, 2) | {"path": 3}])
def test_what_is_no_proof_is_told_apart(broken: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        verify_inclusion(broken, chain(1), KEYS)

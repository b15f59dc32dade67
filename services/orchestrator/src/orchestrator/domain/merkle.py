"""A Merkle tree over the heads of chains, with the hashing of RFC 6962 §2.1. Pure.

A leaf is the 16 bytes of the saga's id, its number of links (8 bytes, big-endian) and the 32 bytes of its head.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID


class Leaf(NamedTuple):
    saga_id: UUID
    seq: int
    head: bytes

    def hash(self) -> bytes:
        return hashlib.sha256(b"\x00" + self.saga_id.bytes + self.seq.to_bytes(8, "big") + self.head).digest()


def root(leaves: Sequence[Leaf]) -> str:
    """The root (hex). Raises ValueError for no leaves."""
    if not leaves:
        raise ValueError("a tree without leaves has no root here: nothing is sealed then")
    return _root([leaf.hash() for leaf in leaves]).hex()


def _root(hashes: Sequence[bytes]) -> bytes:
    if len(hashes) == 1:
        return hashes[0]
    split = _split(len(hashes))
    return _node(_root(hashes[:split]), _root(hashes[split:]))


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _split(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1


def path(leaves: Sequence[Leaf], index: int) -> list[str]:
    """The inclusion proof of leaf `index`: sibling hashes (hex) from the leaf up (RFC 6962 §2.1.1)."""
    return [h.hex() for h in _path([leaf.hash() for leaf in leaves], index)]


def _path(hashes: Sequence[bytes], index: int) -> list[bytes]:
    if len(hashes) == 1:
        return []
    split = _split(len(hashes))
    if index < split:
        return [*_path(hashes[:split], index), _root(hashes[split:])]
    return [*_path(hashes[split:], index - split), _root(hashes[:split])]


def included(leaf: Leaf, index: int, count: int, proof: Sequence[str], top: str) -> bool:
    """Whether the proof shows that `leaf` is number `index` of `count` leaves under the root `top`."""
    try:
        return _climb(leaf.hash(), index, count, [bytes.fromhex(p) for p in proof]).hex() == top
    except (IndexError, ValueError):
        return False


def _climb(found: bytes, index: int, count: int, proof: Sequence[bytes]) -> bytes:
    if count == 1:
        if proof:
            raise ValueError("the proof is too long")
        return found
    split = _split(count)
    if index < split:
        return _node(_climb(found, index, split, proof[:-1]), proof[-1])
    return _node(proof[-1], _climb(found, index - split, count - split, proof[:-1]))

"""Checking that a saga's audit chain is under a signed seal: then its links of that time cannot be rewritten unseen.

A seal signs the canonical JSON of `{"seal", "at", "chains", "root", "previous"}`; `root` is that of a Merkle tree
(hashing of RFC 6962 §2.1) whose leaves are 16 bytes of saga id, 8 of link number (big-endian), 32 of the link's hash.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from uuid import UUID

from lethe_client.certificate import check_signature
from lethe_client.errors import BadInput, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_SIGNED = ("seal", "at", "chains", "root", "previous")


def verify_inclusion(proof: Mapping[str, Any], chain: Mapping[int, str], keys: Mapping[str, Ed25519PublicKey]) -> int:
    """Check the answer of `GET /v1/sagas/{id}/seal` against a verified chain; gives the number of the last sealed link.

    Raises Refused if the seal is not signed by one of `keys`, or does not cover this chain; BadInput if `proof` is not
    in this form.
    """
    try:
        seal = proof["seal"]
        check_signature({name: seal[name] for name in _SIGNED}, str(seal["key_id"]), str(seal["signature"]), keys)
        seq, head = int(proof["seq"]), bytes.fromhex(proof["head"])
        leaf = b"\x00" + UUID(str(proof["dsr_id"])).bytes + seq.to_bytes(8, "big") + head
        steps = [bytes.fromhex(step) for step in proof["path"]]
        index, count, root = int(proof["index"]), int(seal["chains"]), str(seal["root"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise BadInput(f"not a proof of inclusion: {type(error).__name__}") from error
    if chain.get(seq) != head.hex():
        raise Refused(f"the seal covers link {seq} of another chain than the one given")
    climbed = _climb(hashlib.sha256(leaf).digest(), index, count, steps)
    if climbed is None or climbed.hex() != root:
        raise Refused(f"link {seq} is not under the root of seal {seal['seal']}")
    return seq


def _climb(found: bytes, index: int, count: int, path: Sequence[bytes]) -> bytes | None:
    """The root that the path leads to; None if it has the wrong length."""
    if not 0 <= index < count:
        return None
    if count == 1:
        return None if path else found
    if not path:
        return None
    split = 1 << (count - 1).bit_length() - 1
    if index < split:
        left = _climb(found, index, split, path[:-1])
        return None if left is None else _node(left, path[-1])
    right = _climb(found, index - split, count - split, path[:-1])
    return None if right is None else _node(path[-1], right)


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()

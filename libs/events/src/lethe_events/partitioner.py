"""Which partition a key belongs to: the hash of Kafka's own default partitioner, so that all writers agree."""

from __future__ import annotations

import struct
from functools import lru_cache

_MASK = 0xFFFFFFFF
_M = 0x5BD1E995


@lru_cache(maxsize=65_536)  # a saga's key is hashed once, not for each of its messages
def partition_of(key: bytes, partitions: int) -> int:
    """The partition of `key`, as Kafka's default partitioner chooses it (murmur2, positive, modulo)."""
    return (_murmur2(key) & 0x7FFFFFFF) % partitions


def _murmur2(data: bytes) -> int:
    length = len(data)
    h = 0x9747B28C ^ length
    words = length >> 2
    for word in struct.unpack_from(f"<{words}I", data):
        k = (word * _M) & _MASK
        k ^= k >> 24
        h = ((h * _M) & _MASK) ^ ((k * _M) & _MASK)
    if length & 3:
        h ^= int.from_bytes(data[words << 2 :], "little")
        h = (h * _M) & _MASK
    h ^= h >> 13
    h = (h * _M) & _MASK
    return h ^ (h >> 15)

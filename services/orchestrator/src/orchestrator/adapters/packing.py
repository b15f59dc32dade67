"""Links of chains as they are stored: what is alike in most of them stands once, in a dictionary, not in every row.

A packed link is one byte, the number of its dictionary, and a Zstandard frame without its magic number. What is hashed
and shown is the content, never the packed form. A dictionary is never edited or removed, as links lean on it for ever;
a better one gets the next number. Any Zstandard program reads a link: `zstd -d --format=zstd -D links_1.jsonl`, with
the four bytes 28 B5 2F FD in place of the first one.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from zstandard import (
    DICT_TYPE_RAWCONTENT,
    FORMAT_ZSTD1_MAGICLESS,
    ZstdCompressionDict,
    ZstdCompressionParameters,
    ZstdCompressor,
    ZstdDecompressor,
)

if TYPE_CHECKING:
    import asyncpg

NEWEST: Final = 1
_LEVEL: Final = -1
"""A tenth longer than by the level above, for two thirds of its time: a link is packed in every step of every saga."""
_LARGEST: Final = 16 * 1024 * 1024
"""Bytes of content: beyond any link, and no damaged row makes us ask for more memory."""


def pack(content: str) -> bytes:
    return bytes((NEWEST,)) + _compressor().compress(content.encode())


def unpack(packed: bytes) -> str:
    """Raises ValueError for what was packed by a dictionary that this version does not have."""
    return _decompressor(packed[0]).decompress(packed[1:], max_output_size=_LARGEST).decode()


def content_of(row: asyncpg.Record) -> str:
    """Of a row with `content` and `packed`, of which one is null: links were stored plainly before."""
    content: str | None = row["content"]
    return unpack(row["packed"]) if content is None else content


@lru_cache(maxsize=1)
def _compressor() -> ZstdCompressor:
    parameters = ZstdCompressionParameters.from_level(
        _LEVEL, format=FORMAT_ZSTD1_MAGICLESS, write_content_size=1, write_checksum=0, write_dict_id=0
    )
    dictionary = _dictionary(NEWEST)
    dictionary.precompute_compress(compression_params=parameters)
    return ZstdCompressor(dict_data=dictionary, compression_params=parameters)


@lru_cache(maxsize=8)
def _decompressor(number: int) -> ZstdDecompressor:
    return ZstdDecompressor(dict_data=_dictionary(number), format=FORMAT_ZSTD1_MAGICLESS)


def _dictionary(number: int) -> ZstdCompressionDict:
    found = files("orchestrator.adapters") / "dictionaries" / f"links_{number}.jsonl"
    try:
        return ZstdCompressionDict(found.read_bytes(), dict_type=DICT_TYPE_RAWCONTENT)
    except FileNotFoundError:
        raise ValueError(f"a link was packed with dictionary {number}: run a version that has it") from None

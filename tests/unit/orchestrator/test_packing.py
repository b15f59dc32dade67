"""A link of a chain comes back exactly as it was hashed, whatever it says and whichever version wrote it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.adapters.packing import content_of, pack, unpack

HISTORIES = Path(__file__).parents[2] / "sagas" / "histories"
LINKS = [line for path in sorted(HISTORIES.glob("*.jsonl")) for line in path.read_text().splitlines()]


@given(st.text())
def test_whatever_a_link_says_comes_back_as_it_was(content):
    assert unpack(pack(content)) == content


def test_recorded_links_take_less_than_a_third():
    assert [unpack(pack(link)) for link in LINKS] == LINKS
    assert sum(len(pack(link)) for link in LINKS) * 3 < sum(map(len, LINKS))


def test_a_link_that_was_packed_once_can_be_read_for_ever():
    """Written by the first version; a dictionary that was edited since would tell another story or none."""
    packed = bytes.fromhex(GOLDEN)
    assert unpack(packed) == CONTENT


def test_a_link_of_a_dictionary_that_is_not_there_says_what_to_do():
    with pytest.raises(ValueError, match="dictionary 200: run a version that has it"):
        unpack(b"\xc8" + pack("{}")[1:])


def test_a_row_of_before_is_read_as_it_is():
    assert content_of({"content": '{"seq":1}', "packed": None}) == '{"seq":1}'
    assert content_of({"content": None, "packed": pack('{"seq":2}')}) == '{"seq":2}'


CONTENT = (
    '{"at":"2026-03-05T10:15:03Z","effect":{"state":"fulfilling","tasks":{"erase@crm#1":"issued'
    '/1"}},"kind":"golden","saga":"018f3c5e-7a10-7c3e-9a51-1e7e0000000a","seq":7}'
)
GOLDEN = "0120a60d01004833676f6c64656e377d0700539953a4e5088a660d556602f61f9200e4fb77c941"

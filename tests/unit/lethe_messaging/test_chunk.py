from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lethe_events import Record
from lethe_messaging.chunk import pack, unpack
from lethe_messaging.errors import MessagingError

headers = st.lists(st.tuples(st.text(max_size=8), st.binary(max_size=8)), max_size=4).map(tuple)
records = st.builds(
    Record,
    topic=st.sampled_from(["dsr.acks", "dsr.status", "é"]),
    key=st.binary(max_size=40),
    value=st.binary(max_size=200),
    headers=headers,
)


@given(st.lists(records, min_size=1, max_size=30))
def test_what_is_packed_comes_out_as_it_was(given_records: list[Record]) -> None:
    assert unpack(pack(given_records)) == given_records


def test_a_chunk_is_smaller_than_what_it_holds() -> None:
    many = [Record("dsr.acks", b"key", b'{"outcome":"done"}' * 10, (("ce_type", b"x" * 30),))] * 1000
    assert len(pack(many)) < 20_000


def test_a_chunk_of_another_version_is_refused_and_says_what_to_do() -> None:
    with pytest.raises(MessagingError, match="update this service"):
        unpack(b"\x02" + pack([Record("t", b"k", b"v", ())])[1:])

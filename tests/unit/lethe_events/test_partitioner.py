from __future__ import annotations

from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from lethe_events.partitioner import partition_of


@given(st.binary(max_size=64), st.integers(min_value=1, max_value=64))
def test_every_key_goes_where_the_default_partitioner_of_kafka_sends_it(key: bytes, partitions: int) -> None:
    everyone = list(range(partitions))
    assert partition_of(key, partitions) == DefaultPartitioner()(key, everyone, everyone)

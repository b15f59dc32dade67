from __future__ import annotations

from typing import cast

import pytest

from lethe_events import Record
from lethe_messaging.errors import RecordTooLarge
from lethe_messaging.work import MAX_VALUE, Work
from lethe_postgres import Tx, is_transient


def test_a_record_no_broker_would_take_is_refused_before_it_can_block_the_outbox() -> None:
    work = Work(cast("Tx", None))
    with pytest.raises(RecordTooLarge) as caught:
        work.send([Record("t", b"k", b"x", ()), Record("t", b"k", b"x" * (MAX_VALUE + 1), ())])
    assert not is_transient(caught.value)
    assert work.records == []

from __future__ import annotations

from dataclasses import dataclass

from lethe_messaging.cursor import Cursor
from lethe_messaging.settings import Tuning

TUNING = Tuning(batch=10, window=1.0, window_below=5, queue=20)


@dataclass
class Fetched:
    offset: int
    timestamp: int = 0


def fetched(first: int, count: int) -> list[Fetched]:
    return [Fetched(n) for n in range(first, first + count)]


def offsets(batch: object) -> list[int]:
    return [r.offset for r in batch.records]  # type: ignore[attr-defined]


def cursor_at(offset: int) -> Cursor:
    return Cursor("dsr.acks", 3, offset, TUNING)


def test_batches_follow_each_other_without_gap_and_are_kept_until_stored() -> None:
    cursor = cursor_at(100)
    assert cursor.feed(fetched(100, 15), 115, now=0.0)
    first = cursor.take()
    assert (offsets(first), first.start, first.end) == (list(range(100, 110)), 100, 110)
    assert cursor.take() == first
    cursor.done(first, now=1.0)
    second = cursor.take()
    assert (offsets(second), second.start, second.end) == (list(range(110, 115)), 110, 115)


def test_records_that_do_not_join_are_refused_so_that_the_client_seeks_back() -> None:
    cursor = cursor_at(100)
    assert not cursor.feed(fetched(880, 5), 885, now=0.0)
    assert cursor.fetched == 100
    assert not cursor.feed(fetched(50, 5), 55, now=0.0)
    assert cursor.feed(fetched(100, 5), 105, now=0.0)
    assert offsets(cursor.take()) == [100, 101, 102, 103, 104]


def test_a_gap_that_the_broker_shows_twice_is_real() -> None:
    cursor = cursor_at(100)
    assert not cursor.feed(fetched(103, 2), 105, now=0.0)
    assert cursor.feed(fetched(103, 2), 105, now=0.0)
    batch = cursor.take()
    assert (batch.start, batch.end) == (100, 105)


def test_another_gap_the_second_time_is_not_believed() -> None:
    cursor = cursor_at(100)
    assert not cursor.feed(fetched(103, 2), 105, now=0.0)
    assert not cursor.feed(fetched(880, 2), 882, now=0.0)


def test_transaction_markers_behind_the_last_record_are_passed() -> None:
    cursor = cursor_at(100)
    assert cursor.feed(fetched(100, 5), 107, now=0.0)
    assert cursor.take().end == 107
    assert cursor.feed(fetched(107, 1), 108, now=0.0)


def test_a_small_batch_waits_for_company_and_a_large_one_does_not() -> None:
    cursor = cursor_at(0)
    assert cursor.ready_at() is None
    cursor.feed(fetched(0, 4), 4, now=50.0)
    assert cursor.ready_at() == 51.0
    cursor.feed(fetched(4, 1), 5, now=50.5)
    assert cursor.ready_at() == 50.0


def test_small_batches_wait_longer_while_transactions_are_slow() -> None:
    cursor = Cursor("dsr.acks", 3, 0, Tuning(window=0.01, window_max=0.1))
    cursor.feed(fetched(0, 1), 1, now=0.0)
    cursor.done(cursor.take(), now=1.0, took=0.04)
    cursor.feed(fetched(1, 1), 2, now=2.0)
    assert cursor.ready_at() == 2.04
    cursor.done(cursor.take(), now=3.0, took=7.0)
    cursor.feed(fetched(2, 1), 3, now=4.0)
    assert cursor.ready_at() == 4.1


def test_a_failing_batch_is_halved_until_its_message_is_alone_and_grows_again_afterwards() -> None:
    cursor = cursor_at(0)
    cursor.feed(fetched(0, 20), 20, now=0.0)
    sizes = []
    while cursor.next_offset < 20:
        batch = cursor.take()
        sizes.append(len(batch.records))
        if 6 in offsets(batch) and len(batch.records) > 1:
            cursor.narrow(len(batch.records))
        else:
            cursor.done(batch, now=0.0)
    assert sizes == [10, 5, 10, 5, 2, 1, 2, 1, 2, 4, 7]


def test_a_transient_error_brings_the_same_batch_again_later() -> None:
    cursor = cursor_at(0)
    cursor.feed(fetched(0, 10), 10, now=0.0)
    batch = cursor.take()
    cursor.postpone(until=9.0)
    assert cursor.ready_at() == 9.0
    assert cursor.take() == batch


def test_a_full_cursor_asks_for_a_pause_and_a_half_empty_one_for_more() -> None:
    cursor = cursor_at(0)
    cursor.feed(fetched(0, 20), 20, now=0.0)
    before = (cursor.full, cursor.hungry)
    cursor.done(cursor.take(), now=0.0)
    assert (before, (cursor.full, cursor.hungry)) == ((True, False), (False, True))


def test_a_stopped_cursor_gives_no_batch() -> None:
    cursor = cursor_at(0)
    cursor.feed(fetched(0, 20), 20, now=0.0)
    cursor.stop("offset_out_of_range")
    assert cursor.ready_at() is None

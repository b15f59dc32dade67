from __future__ import annotations

from lethe_messaging.progress import Progress, Verdict

A, B = ("acks", 0), ("acks", 1)


def test_a_partition_that_gets_on_is_left_alone() -> None:
    progress = Progress(10, 2)
    verdicts = [progress.look([(A, now)], float(now)) for now in range(0, 100, 9)]
    assert set(verdicts) == {Verdict.FINE}


def test_a_client_that_reads_nothing_is_made_anew_and_then_the_process_ends() -> None:
    progress = Progress(10, 2)
    found = [progress.look([(A, 5)], now) for now in (0.0, 9.9, 10.1, 15.0, 20.2, 30.3)]
    fine, renew = Verdict.FINE, Verdict.RENEW
    assert found == [fine, fine, renew, fine, renew, Verdict.HOPELESS]


def test_one_record_read_by_a_new_client_ends_the_count() -> None:
    progress = Progress(10, 1)
    assert progress.look([(A, 5), (B, 7)], 0.0) is Verdict.FINE
    assert progress.look([(A, 5), (B, 7)], 10.1) is Verdict.RENEW
    assert progress.look([(A, 6), (B, 7)], 20.3) is Verdict.RENEW
    assert progress.look([(A, 6), (B, 7)], 30.5) is Verdict.HOPELESS


def test_a_partition_that_was_caught_up_with_is_no_suspect_any_more() -> None:
    progress = Progress(10, 1)
    progress.look([(A, 5)], 0.0)
    assert progress.look([(A, 5)], 10.1) is Verdict.RENEW
    assert progress.look([], 11.0) is Verdict.FINE
    progress.look([(A, 6)], 12.0)
    assert progress.look([(A, 6)], 22.1) is Verdict.RENEW


def test_the_time_that_a_broker_was_away_does_not_count() -> None:
    progress = Progress(10, 1)
    progress.look([(A, 5)], 0.0)
    progress.forget()
    assert progress.look([(A, 5)], 50.0) is Verdict.FINE
    assert progress.look([(A, 5)], 60.1) is Verdict.RENEW

from __future__ import annotations

import logging

from lethe_messaging.logs import Calm


def record(text: str, *args: object, level: int = logging.ERROR) -> logging.LogRecord:
    return logging.LogRecord("aiokafka.client", level, "client.py", 1, text, args, None)


def test_one_error_of_each_kind_passes_however_often_it_is_repeated() -> None:
    calm = Calm()
    passed = [calm.filter(record("Unable to connect to %s", n)) for n in range(50)]
    assert passed == [True] + [False] * 49
    assert calm.filter(record("something else"))


def test_what_is_no_warning_always_passes() -> None:
    calm = Calm()
    assert all(calm.filter(record("detail", level=logging.INFO)) for _ in range(3))

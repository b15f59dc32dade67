"""aiokafka writes dozens of errors a second while a broker is down: let one of each kind through at a time."""

from __future__ import annotations

import logging
import time

_EVERY = 10.0  # seconds


class Calm(logging.Filter):
    """Passes the first record of each kind (its text before arguments) and then one every ten seconds."""

    def __init__(self) -> None:
        super().__init__("aiokafka")
        self._last: dict[tuple[str, int, str], float] = {}
        self._held_back: dict[tuple[str, int, str], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        kind = (record.name, record.levelno, str(record.msg))
        now = time.monotonic()
        if now < self._last.get(kind, float("-inf")) + _EVERY:
            self._held_back[kind] = self._held_back.get(kind, 0) + 1
            return False
        self._last[kind] = now
        held_back = self._held_back.pop(kind, 0)
        if held_back:
            record.msg = f"{record.msg} [{held_back} more in the last seconds]"
        return True


def calm_aiokafka() -> None:
    """Put one filter on every logger of aiokafka that exists. Idempotent."""
    loggers = [
        logger
        for name, logger in logging.root.manager.loggerDict.items()
        if name.split(".")[0] == "aiokafka" and isinstance(logger, logging.Logger)
    ]
    calm = next((f for logger in loggers for f in logger.filters if isinstance(f, Calm)), Calm())
    for logger in loggers:
        if calm not in logger.filters:
            logger.addFilter(calm)

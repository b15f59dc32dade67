"""Structured logs in which nothing appears that was not allowed beforehand.

A field outside the allow-list is dropped and counted; an exception is told by its classes and places, never by its
text, because texts of libraries repeat values ("Key (email)=(…) already exists").
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from functools import cache
from typing import TYPE_CHECKING, TextIO

import structlog
from prometheus_client import REGISTRY, Counter

from lethe_chassis import redaction
from lethe_chassis.redaction import RateLimit
from lethe_chassis.trace import current_trace_id

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

EventDict = MutableMapping[str, object]

ALLOWED = frozenset(
    {
        "action", "attempt", "batch", "breaker", "bytes", "cause", "code", "component", "controller_id", "count",
        "country", "delay_s", "dropped", "dsr_id", "duration_s", "epoch", "error", "event", "generation", "incident_id",
        "instance_id", "lag", "level", "limit", "logger", "method", "migration", "offset", "outcome", "package",
        "partition", "path", "port", "processor_id", "reason", "register_version", "result", "retry_after", "round",
        "route", "rows", "saga_id", "service", "setting", "signal", "state", "status", "suppressed", "table", "task_id",
        "time", "topic", "trace_id", "type", "verb", "version", "where",
    }
)  # fmt: skip
_NOISE = frozenset({"color_message", "taskName", "_record", "_from_structlog"})
# Libraries whose messages name only addresses, topics and numbers: formatted with their arguments.
_FORMATTED = ("uvicorn", "aiokafka")
_MAX_FRAMES = 6


@cache
def _dropped() -> Counter:
    return Counter("dsr_log_fields_dropped", "Log fields outside the allow-list, dropped", registry=REGISTRY)


def dropped_fields() -> float:
    """How many fields were dropped so far in this process."""
    value: float = _dropped()._value.get()  # noqa: SLF001 - the library has no other reader
    return value


def configure_logging(
    service: str,
    *,
    form: str = "json",
    level: int = logging.INFO,
    allow: Collection[str] = (),
    stream: TextIO | None = None,
) -> None:
    """Send every log line of the process, ours and of libraries, through the allow-list to `stream` (stdout).

    `form` is `json` or `text`. `allow` adds field names of one service. Safe to call again.
    """
    only_allowed = _allow_list(ALLOWED | frozenset(allow))
    before: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _exception,
        _context(service),
    ]
    render: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=False, timestamp_key="time")
        if form == "text"
        else structlog.processors.JSONRenderer()
    )
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), _foreign_message, *before],
            processors=[only_allowed, render],
        )
    )
    handler.addFilter(RateLimit())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs whole URLs
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    sys.excepthook = _on_uncaught


def _context(service: str) -> structlog.typing.Processor:
    def add(_: object, __: str, event: EventDict) -> EventDict:
        event["service"] = service
        trace_id = current_trace_id()
        if trace_id is not None:
            event["trace_id"] = trace_id
        return event

    return add


def _allow_list(allowed: frozenset[str]) -> Callable[[object, str, EventDict], Mapping[str, object]]:
    def keep(_: object, __: str, event: EventDict) -> Mapping[str, object]:
        dropped = sorted(k for k in event if k not in allowed and k not in _NOISE)
        kept = {k: redaction.value(v) for k, v in event.items() if k in allowed}
        if dropped:
            _dropped().inc(len(dropped))
            kept["dropped"] = dropped
        return kept

    return keep


def _exception(_: object, __: str, event: EventDict) -> EventDict:
    """Replace `exc_info` by class names and code places."""
    info = event.pop("exc_info", None)
    event.pop("stack_info", None)
    if isinstance(info, tuple):
        info = info[1]
    if info is True:
        info = sys.exc_info()[1]
    if isinstance(info, BaseException):
        event["error"], event["cause"], event["where"] = describe(info)
    return event


def describe(error: BaseException) -> tuple[str, list[str], list[str]]:
    """Class, classes of the causes, and the innermost places (`file.py:line function`) of an error. No texts."""
    causes: list[str] = []
    inner: BaseException = error
    while (following := inner.__cause__ or inner.__context__) is not None and len(causes) < _MAX_FRAMES:
        causes.append(type(following).__name__)
        inner = following
    if isinstance(error, BaseExceptionGroup):
        causes.extend(type(e).__name__ for e in error.exceptions[:_MAX_FRAMES])
    frames = traceback.extract_tb(error.__traceback__)[-_MAX_FRAMES:]
    where = [f"{'/'.join(f.filename.split('/')[-2:])}:{f.lineno} {f.name}" for f in frames]
    return type(error).__name__, causes, where


def _foreign_message(_: object, __: str, event: EventDict) -> EventDict:
    """The template of a library's message; its arguments only where they are known to be harmless."""
    record = event.get("_record")
    if isinstance(record, logging.LogRecord):
        trusted = record.name.split(".", 1)[0] in _FORMATTED
        if not trusted:
            event["event"] = str(record.msg)
    return event


def _on_uncaught(_: type[BaseException], error: BaseException, __: object) -> None:
    structlog.get_logger("lethe").critical("uncaught error", exc_info=error)

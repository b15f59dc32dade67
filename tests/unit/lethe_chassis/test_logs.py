from __future__ import annotations

import io
import json
import logging
import uuid
from typing import TYPE_CHECKING

import pytest
import structlog

from lethe_chassis import bound, configure_logging
from lethe_chassis.logs import dropped_fields
from lethe_chassis.redaction import RateLimit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Lines = Callable[[], list[dict[str, object]]]

PERSON = "mina.castellanos@people.example"
PHONE = "+49 30 901820"


@pytest.fixture
def lines() -> Iterator[Lines]:
    root, stream = logging.getLogger(), io.StringIO()
    before = (root.handlers[:], root.level)
    configure_logging("probe", stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:], root.level = before[0], before[1]
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def test_a_field_that_was_not_allowed_is_dropped_named_and_counted(lines: Lines) -> None:
    before = dropped_fields()
    structlog.get_logger("lethe.x").info("sealed", dsr_id=uuid.UUID(int=1), email=PERSON, address="Rose Lane 1")
    (line,) = lines()
    assert line["dsr_id"] == str(uuid.UUID(int=1))
    assert line["dropped"] == ["address", "email"]
    assert dropped_fields() == before + 2
    assert PERSON not in json.dumps(line)
    assert "Rose" not in json.dumps(line)


def test_an_allowed_field_with_a_persons_value_is_redacted(lines: Lines) -> None:
    structlog.get_logger("lethe.x").warning("refused", reason=f"{PERSON} called from {PHONE} twice", code="x")
    (line,) = lines()
    assert line["reason"] == "[redacted] called from [redacted] twice"


def test_an_object_in_an_allowed_field_is_named_by_its_class_only(lines: Lines) -> None:
    class Person:
        def __repr__(self) -> str:
            return PERSON

    structlog.get_logger("lethe.x").info("seen", result=Person(), rows=[1, Person()])
    (line,) = lines()
    assert line["result"] == "(Person)"
    assert line["rows"] == [1, "(Person)"]


def test_an_exception_is_told_by_classes_and_places_never_by_its_text(lines: Lines) -> None:
    def fail() -> None:
        empty: dict[str, int] = {}
        try:
            empty[PERSON]
        except KeyError as error:
            raise ValueError(f"no row for {PERSON}") from error

    try:
        fail()
    except ValueError:
        structlog.get_logger("lethe.x").exception("could not be stored")
        logging.getLogger("asyncio").exception("Task exception was never retrieved for %s", PERSON)
    ours, foreign = lines()
    for line in (ours, foreign):
        assert line["error"] == "ValueError"
        assert line["cause"] == ["KeyError"]
        assert str(line["where"]).count("test_logs.py") == 2
        assert "Castellanos" not in json.dumps(line)
        assert "castellanos" not in json.dumps(line)
        assert "Traceback" not in json.dumps(line)


def test_a_librarys_arguments_are_left_out_unless_they_are_known_to_be_harmless(lines: Lines) -> None:
    logging.getLogger("somelib").warning("bad value %s", "Rose Lane 1")
    logging.getLogger("uvicorn.error").warning("Uvicorn running on %s", "127.0.0.1:1")
    logging.getLogger("somelib").warning(f"inlined {PERSON}")  # noqa: G004
    assert [line["event"] for line in lines()] == [
        "bad value %s",
        "Uvicorn running on 127.0.0.1:1",
        "inlined [redacted]",
    ]


def test_extra_fields_of_the_standard_logger_pass_the_same_list(lines: Lines) -> None:
    logging.getLogger("lethe_x").info("batch stored", extra={"rows": 5, "subject": PERSON})
    (line,) = lines()
    assert line["rows"] == 5
    assert line["dropped"] == ["subject"]
    assert PERSON not in json.dumps(line)


def test_every_line_names_service_time_and_trace(lines: Lines) -> None:
    with bound(None) as hop:
        structlog.get_logger("lethe.x").info("inside")
    structlog.get_logger("lethe.x").info("outside")
    inside, outside = lines()
    assert inside["service"] == "probe"
    assert inside["trace_id"] == hop[3:35]
    assert str(inside["time"]).endswith("Z")
    assert "trace_id" not in outside


def test_text_form_obeys_the_same_list() -> None:
    root, stream = logging.getLogger(), io.StringIO()
    before = (root.handlers[:], root.level)
    configure_logging("probe", form="text", stream=stream)
    structlog.get_logger("lethe.x").info("seen", email=PERSON, rows=3)
    root.handlers[:], root.level = before[0], before[1]
    structlog.reset_defaults()
    assert "rows=3" in stream.getvalue()
    assert PERSON not in stream.getvalue()


def test_a_library_that_repeats_itself_is_cut_short_and_the_rest_counted() -> None:
    now = [0.0]
    limit = RateLimit(burst=2, window_s=10, clock=lambda: now[0])

    def say(name: str = "aiokafka", text: str = "Unable to connect") -> logging.LogRecord | None:
        record = logging.LogRecord(name, logging.ERROR, "", 0, text, (), None)
        return record if limit.filter(record) else None

    assert [say() is not None for _ in range(5)] == [True, True, False, False, False]
    assert say(text="another") is not None
    assert all(say(name="lethe_messaging") is not None for _ in range(5))
    now[0] = 11
    later = say()
    assert later is not None
    assert later.__dict__["suppressed"] == 3

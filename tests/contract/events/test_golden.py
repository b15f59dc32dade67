"""One golden file per event version. Old files are never edited: what was written years ago stays readable."""

import json
from pathlib import Path

import pytest

from lethe_events import MESSAGES, decode
from lethe_events.models import to_json
from lethe_events.upcast import STEPS

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_every_event_version_ever_written_is_read_by_todays_code(path: Path) -> None:
    golden = json.loads(path.read_text())
    received = decode([(k, v.encode()) for k, v in golden["headers"].items()], json.dumps(golden["value"]).encode())
    assert received.type in MESSAGES
    assert json.loads(to_json(received.body)) == golden.get("today", golden["value"])


def test_every_type_and_every_superseded_type_has_its_golden_file() -> None:
    assert {p.stem for p in FILES} == set(MESSAGES) | set(STEPS)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_a_field_of_a_newer_writer_is_tolerated(path: Path) -> None:
    golden = json.loads(path.read_text())
    value = golden["value"] | {"a_field_of_tomorrow": {"x": 1}}
    decode([(k, v.encode()) for k, v in golden["headers"].items()], json.dumps(value).encode())

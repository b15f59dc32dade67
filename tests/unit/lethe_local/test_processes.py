from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
import pytest

from lethe_local.processes import records
from lethe_local.processes.child import pause_before_restart
from lethe_local.processes.supervisor import telling_line
from lethe_local.state import State

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def state(tmp_path: Path) -> State:
    made = State(tmp_path / "state")
    made.create()
    return made


def test_restarts_come_slower_and_slower_but_never_stop() -> None:
    pauses = [pause_before_restart(n) for n in range(1_000)]
    assert pauses[:4] == [0.1, 0.2, 0.4, 0.8]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 5.0


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ("", "its log is empty"),
        ("starting\nstill starting\n\n", "still starting"),
        ("FATAL:  no room\nHINT: make room\n", "FATAL:  no room"),
        ('{"event": "could not go on", "error": "NameError"}\n{"event": "bye"}', "could not go on (Error: NameError)"),
        ("Traceback\nImportError: no such thing\nbye", "ImportError: no such thing"),
    ],
)
def test_the_line_that_says_most_is_shown(log: str, line: str) -> None:
    assert telling_line(log) == line


def test_a_pid_that_belongs_to_somebody_else_is_not_ours(state: State) -> None:
    records.Record(name="kafka", pid=psutil.Process().pid).write(state)
    assert records.running(state, "kafka") is None
    assert not records.is_ours(psutil.Process(), state)


@pytest.mark.parametrize("content", ["", "not json", "{}", '{"name": "kafka"}', '{"name": "kafka", "pid": "x"}', "[1]"])
def test_a_torn_record_is_no_record(state: State, content: str) -> None:
    (state.run / "kafka.json").write_text(content)
    assert records.read(state, "kafka") is None
    assert records.running(state, "kafka") is None


def test_nobody_else_can_read_keys_and_logs(state: State) -> None:
    secret = state.secret("anything")
    assert state.secret("anything") == secret
    assert len(secret) == 43
    assert (state.keys / "anything.secret").stat().st_mode & 0o777 == 0o600
    assert {d.stat().st_mode & 0o777 for d in (state.keys, state.logs, state.run, state.kafka)} == {0o700}

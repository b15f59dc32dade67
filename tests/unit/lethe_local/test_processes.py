from __future__ import annotations

import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import psutil
import pytest

from lethe_local.errors import LocalError
from lethe_local.processes import records
from lethe_local.processes.child import Child, Condition, pause_before_restart
from lethe_local.processes.spec import ProcessSpec
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


def test_a_program_that_cannot_be_started_again_is_tried_again_and_ends_nobody_else(state: State) -> None:
    child = Child(ProcessSpec(name="gone", argv=(sys.executable, "-c", ""), ready=lambda: True), state)
    child.start()
    child.stop(time.monotonic() + 10)
    child.condition = Condition.HELD  # as after a hold: the next look starts it
    child.spec = replace(child.spec, argv=("/nowhere/at/all",))
    child.observe()
    assert child.condition is Condition.DOWN
    assert child.restarts == 1


def test_a_directory_that_exists_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "given").mkdir(mode=0o755)
    (tmp_path / "given").chmod(0o755)
    State(tmp_path / "given").create()
    State(tmp_path / "new").create()
    assert (tmp_path / "given").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o711


def test_a_program_that_cannot_be_written_down_does_not_run_unknown_to_everybody(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = Child(ProcessSpec(name="lost", argv=(sys.executable, "-c", "input()"), ready=lambda: True), state)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(records.Record, "write", full)
    with pytest.raises(LocalError):
        child.start()
    assert child.pid is None

"""Which processes of this machine are ours: written when they start, believed only after a look at the process."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lethe_local.state import State

STATE_MARK = "LETHE_LOCAL_STATE"
NAME_MARK = "LETHE_LOCAL_NAME"
SUPERVISOR = "supervisor"


def marks(state: State, name: str) -> dict[str, str]:
    """Environment by which a process is recognised as ours, even when its record is lost."""
    return {STATE_MARK: str(state.root), NAME_MARK: name}


@dataclass(frozen=True, slots=True)
class Record:
    name: str
    pid: int

    def write(self, state: State) -> None:
        write_atomically(state.run / f"{self.name}.json", json.dumps(asdict(self)))


def write_atomically(path: Path, text: str) -> None:
    """A reader sees the old text or the new one. Mode 0600."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    beside.touch(mode=0o600)
    beside.write_text(text)
    beside.replace(path)


def read(state: State, name: str) -> Record | None:
    try:
        content = json.loads((state.run / f"{name}.json").read_text())
        return Record(name=content["name"], pid=int(content["pid"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def forget(state: State, name: str) -> None:
    (state.run / f"{name}.json").unlink(missing_ok=True)


def is_ours(process: psutil.Process, state: State) -> bool:
    """A pid says nothing by itself: it may have been given to somebody else since."""
    try:
        environment: Mapping[str, str] = process.environ()
        return environment.get(STATE_MARK) == str(state.root) and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):
        return False


def running(state: State, name: str) -> int | None:
    """The pid of our process of this name, if its record is true."""
    record = read(state, name)
    with contextlib.suppress(psutil.Error):
        if record and is_ours(process := psutil.Process(record.pid), state) and _name(process) == name:
            return record.pid
    return None


def all_ours(state: State) -> list[psutil.Process]:
    """Every process of this stack, recorded or not, the current one excepted."""
    return [p for p in psutil.process_iter() if p.pid != os.getpid() and is_ours(p, state)]


def stop_all(state: State, *, grace: float) -> list[str]:
    """Stop what an earlier run left, the supervisor first so that it restarts nothing. Returns the names stopped.

    `grace` in seconds, then what is left is killed.
    """
    stopped = sorted({name for p in all_ours(state) if (name := _name(p))})
    _end([p for p in all_ours(state) if _name(p) == SUPERVISOR], signal.SIGTERM, grace + 20)
    left = all_ours(state)
    pids = {p.pid for p in left}
    _end([p for p in left if _parent(p) not in pids], signal.SIGINT, grace)
    _end(all_ours(state), signal.SIGKILL, grace)
    for name in stopped:
        forget(state, name)
    return stopped


def _name(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error, OSError):
        return str(process.environ().get(NAME_MARK, ""))
    return ""


def _parent(process: psutil.Process) -> int | None:
    with contextlib.suppress(psutil.Error):
        return process.ppid()
    return None


def _end(ending: Sequence[psutil.Process], how: signal.Signals, wait: float) -> None:
    for process in ending:
        with contextlib.suppress(psutil.Error):
            process.send_signal(signal.SIGCONT)
            process.send_signal(how)
    deadline = time.monotonic() + wait
    while any(_alive(p) for p in ending) and time.monotonic() < deadline:
        time.sleep(0.05)


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False

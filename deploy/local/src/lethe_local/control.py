"""Starting a supervisor in a process of its own, asking how it is, stopping it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, NoReturn

from lethe_local import errors
from lethe_local.errors import LocalError, NotReady
from lethe_local.processes import records
from lethe_local.processes.supervisor import read_view

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import FrameType

    from lethe_local.state import State

TAIL_LINES = 15
"""Of the supervisor's log, told when it ends without a word of its own."""
PATIENCE = 900.0
"""Seconds. The first start fetches 120 MB."""


class Stopped(Exception):
    """Raised in the supervisor's main thread by the signal that ends it."""


def spawn(
    state: State,
    arguments: Sequence[str] = (),
    *,
    environment: Mapping[str, str] | None = None,
    tied: bool = False,
) -> subprocess.Popen[bytes]:
    """Start `supervise` in a session of its own. `tied`: it ends, with all its programs, when this process does."""
    state.create()
    command = [sys.executable, "-m", "lethe_local", "supervise", *arguments]
    if tied:
        command += ["--parent", str(os.getpid())]
    try:
        with state.log(records.SUPERVISOR).open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={
                    **(os.environ if environment is None else environment),
                    "LETHE_LOCAL_DIR": str(state.root),
                    **records.marks(state, records.SUPERVISOR),
                },
                start_new_session=True,
            )
    except OSError as error:
        raise errors.from_os_error(error, "start the supervisor") from error


def wait_ready(state: State, supervisor: subprocess.Popen[bytes], say: Callable[[str], None]) -> Mapping[str, object]:
    """Until the stack is ready; each new phase goes to `say`. Raises the error that the supervisor ended with."""
    phase: object = ""
    begun = time.monotonic()
    while True:
        ended = supervisor.poll() is not None
        view = read_view(state)
        if view.get("pid") == supervisor.pid:
            if view.get("ready"):
                return view
            if (now := view.get("phase")) != phase:
                phase = now
                say(str(phase))
        if ended:
            raise failure(state, supervisor.returncode)
        if time.monotonic() - begun > PATIENCE:
            raise NotReady(f"the stack is not ready after {PATIENCE:.0f} s (log: {state.log(records.SUPERVISOR)})")
        time.sleep(0.05)


def failure(state: State, code: int) -> LocalError:
    """The error that a supervisor ended with: its exit code says which, the last line of its log what."""
    kinds: list[type[LocalError]] = LocalError.__subclasses__()
    kind = next((k for k in kinds if code == k.EXIT), LocalError)
    log = state.log(records.SUPERVISOR)
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    if lines and lines[-1].startswith("lethe: "):
        return kind(lines[-1].removeprefix("lethe: "))
    said = " | ".join(line.strip() for line in lines[-TAIL_LINES:] if line.strip()) or "its log is empty"
    return NotReady(f"the supervisor ended with code {code}: {said} (log: {log})")


def stop(supervisor: subprocess.Popen[bytes], state: State) -> None:
    """Ask it to end and wait; it stops its programs. If it does not answer, stop it and them."""
    supervisor.terminate()
    try:
        supervisor.wait(60)
    except subprocess.TimeoutExpired:
        supervisor.kill()
        supervisor.wait()
        records.stop_all(state, grace=5)


def end_on_signals(parent: int | None) -> None:
    """From now on SIGINT, SIGTERM and SIGHUP raise Stopped once, and so does the end of `parent`."""

    def end(_number: int, _frame: FrameType | None) -> NoReturn:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        raise Stopped

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, end)
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.25)
    os.kill(os.getpid(), signal.SIGTERM)

"""Keeps the programs of one stack running, and stops every one of them in the end."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from typing import TYPE_CHECKING, Self

from lethe_local.errors import AlreadyRunning, LocalError, NotReady, from_os_error, from_output
from lethe_local.processes import records
from lethe_local.processes.child import Child, Condition

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import TracebackType

    from lethe_local.processes.spec import ProcessSpec
    from lethe_local.state import State

LOOK_EVERY = 0.1
TRIES_AT_FIRST = 3


class Supervisor:
    """One per state directory: it holds a lock there that ends with its process, however that ends."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._batches: list[list[Child]] = []
        self._view: dict[str, object] = {"phase": "", "ready": False}
        self._lock: int | None = None

    def __enter__(self) -> Self:
        self._state.create()
        self._lock = take_lock(self._state)
        records.stop_all(self._state, grace=10)
        self._state.turn_logs()
        records.Record(name=records.SUPERVISOR, pid=os.getpid()).write(self._state)
        for hold in self._state.run.glob("*.hold"):
            hold.unlink()
        self.tell()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self.tell(phase="stopping", ready=False)
        self.stop()
        records.stop_all(self._state, grace=5)
        (self._state.run / "status.json").unlink(missing_ok=True)
        self._state.env.unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)

    def tell(self, **news: object) -> None:
        """Write what `status` shows: the phase, and each program."""
        self._view.update(news)
        view = {
            **self._view,
            "pid": os.getpid(),
            "processes": [
                {"name": child.spec.name, "pid": child.pid, "condition": child.condition, "restarts": child.restarts}
                for child in self._children()
            ],
        }
        records.write_atomically(self._state.run / "status.json", json.dumps(view))

    def launch(self, specs: Sequence[ProcessSpec]) -> None:
        """Start these together, without waiting."""
        batch = [Child(spec, self._state) for spec in specs]
        self._batches.append(batch)
        for child in batch:
            child.start()
        self.tell()

    def await_ready(self, names: Iterable[str] | None = None) -> None:
        """Until each of these that was launched (None: everything) is. Raises NotReady with the reason in its log."""
        started = time.monotonic()
        wanted = [c for c in self._children() if names is None or c.spec.name in names]
        while waiting := [c for c in wanted if c.condition is not Condition.READY]:
            self.look()
            for child in waiting:
                self._judge(child, time.monotonic() - started)
            time.sleep(LOOK_EVERY / 2)

    def _judge(self, child: Child, waited: float) -> None:
        if child.failures >= TRIES_AT_FIRST:
            raise self._failure(child, f"ended with code {child.exit_code()}")
        if waited > child.spec.patience:
            raise self._failure(child, f"is not ready after {child.spec.patience:.0f} s")

    def _failure(self, child: Child, what: str) -> LocalError:
        log = self._state.log(child.spec.name)
        words = child.last_words()
        known = from_output(words, f"start {child.spec.name}")
        return known or NotReady(f"{child.spec.name} {what}: {telling_line(words)} (log: {log})")

    def look(self) -> None:
        """Look at every program once, restart what died, and tell if anything changed."""
        changed = [child.observe() for child in self._children()]
        if any(changed):
            with contextlib.suppress(OSError):  # a full disk hides the news, it does not end the stack
                self.tell()

    def watch(self) -> None:
        """For ever; ended by the exception of a signal handler."""
        while True:
            self.look()
            time.sleep(LOOK_EVERY)

    def stop(self) -> None:
        """Last started, first stopped: services can finish while the engines are still there."""
        while self._batches:
            batch = self._batches[-1]
            for child in batch:
                child.ask_to_stop()
            until = time.monotonic() + max((child.spec.grace for child in batch), default=0.0)
            for child in batch:
                child.stop(until)
            self._batches.pop()

    def _children(self) -> list[Child]:
        return [child for batch in self._batches for child in batch]


def telling_line(words: str) -> str:
    """The line of a log that says most about a failure: the last error, else the last line."""
    lines = [_readable(line.strip())[:300] for line in words.splitlines() if line.strip()]
    errors = [line for line in lines if any(word in line for word in ("FATAL", "ERROR", "Error:", "Exception"))]
    return next(reversed(errors or lines), "its log is empty")


def _readable(line: str) -> str:
    """A JSON log line as `event (error)`; any other as it is."""
    with contextlib.suppress(ValueError, TypeError, KeyError):
        told = json.loads(line)
        return f"{told['event']} (Error: {told['error']})" if "error" in told else str(told["event"])
    return line


def take_lock(state: State) -> int:
    """A file descriptor that holds the lock. Raises AlreadyRunning."""
    try:
        lock = os.open(state.run / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise from_os_error(error, f"lock {state.root}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise AlreadyRunning(
            f"a stack is already running on {state.root}: use it, or stop it with `make down`."
        ) from error
    return lock


def restarts(state: State) -> dict[str, int]:
    """How often each program of the running stack was started again."""
    processes = read_view(state).get("processes")
    return {str(p["name"]): int(p["restarts"]) for p in (processes if isinstance(processes, list) else [])}


def read_view(state: State) -> Mapping[str, object]:
    """What the supervisor last told; empty if none runs and none failed."""
    with contextlib.suppress(OSError, ValueError):
        view = json.loads((state.run / "status.json").read_text())
        if isinstance(view, dict):
            return view
    return {}

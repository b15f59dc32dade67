"""One program of the stack, as its supervisor sees it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from enum import StrEnum
from typing import TYPE_CHECKING

from lethe_local.errors import LocalError, from_os_error
from lethe_local.processes import records

if TYPE_CHECKING:
    from lethe_local.processes.spec import ProcessSpec
    from lethe_local.state import State

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
FORGIVEN_AFTER = 10.0
TAIL_BYTES = 4_000


def pause_before_restart(failures: int) -> float:
    """Seconds to wait before the n-th restart in a row: 0.1, 0.2, 0.4 … at most 5."""
    return min(FIRST_PAUSE * 2.0 ** min(failures, 10), LONGEST_PAUSE)


class Condition(StrEnum):
    STARTING = "starting"
    READY = "ready"
    DOWN = "down"  # ended by itself; starts again at `next_start`
    HELD = "held"  # kept down on purpose, by a `.hold` file
    STOPPED = "stopped"


class Child:
    def __init__(self, spec: ProcessSpec, state: State) -> None:
        self.spec = spec
        self.condition = Condition.STOPPED
        self.restarts = 0
        self._state = state
        self._process: subprocess.Popen[bytes] | None = None
        self._failures = 0
        self._since = 0.0
        self._next_start = 0.0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """In a process group of its own, with its log appended to."""
        spec = self.spec
        account = spec.account
        try:
            with self._state.log(spec.name).open("ab") as log:
                self._process = subprocess.Popen(
                    spec.argv,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **spec.env, **records.marks(self._state, spec.name)},
                    cwd="/" if account else None,
                    user=account.uid if account else None,
                    group=account.gid if account else None,
                    extra_groups=[] if account else None,
                    start_new_session=True,
                )
        except OSError as error:
            raise from_os_error(error, f"start {spec.name}") from error
        self._record(self._process)
        self.condition = Condition.STARTING
        self._since = time.monotonic()

    def _record(self, process: subprocess.Popen[bytes]) -> None:
        """A program that cannot be written down, on a full disk for example, is ended: nobody would find it."""
        try:
            records.Record(name=self.spec.name, pid=process.pid).write(self._state)
        except OSError as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise from_os_error(error, f"write down that {self.spec.name} runs") from error

    def observe(self) -> bool:
        """Look once: notice readiness and death, start again when it is time. True if anything changed."""
        before = (self.condition, self.pid, self.restarts)
        if self.pid is None:
            self._observe_absence()
        elif self.condition is Condition.STARTING and self.spec.ready():
            self.condition = Condition.READY
            self._since = time.monotonic()
        elif self.condition is Condition.READY and time.monotonic() - self._since > FORGIVEN_AFTER:
            self._failures = 0
        return before != (self.condition, self.pid, self.restarts)

    def _observe_absence(self) -> None:
        if (self._state.run / f"{self.spec.name}.hold").exists():
            self.condition = Condition.HELD
        elif self.condition is Condition.HELD or (
            self.condition is Condition.DOWN and time.monotonic() >= self._next_start
        ):
            self._start_again()
        elif self.condition in (Condition.STARTING, Condition.READY):
            self.condition = Condition.DOWN
            self._next_start = time.monotonic() + pause_before_restart(self._failures)
            self._failures += 1

    def _start_again(self) -> None:
        """A start that fails, on a full disk for example, is tried again: it must not end the others."""
        self.restarts += 1
        try:
            self.start()
        except LocalError:
            self.condition = Condition.DOWN
            self._failures += 1
            self._next_start = time.monotonic() + pause_before_restart(self._failures)

    @property
    def failures(self) -> int:
        """Deaths since it last stayed ready for ten seconds."""
        return self._failures

    def exit_code(self) -> int | None:
        return self._process.poll() if self._process is not None else None

    def last_words(self) -> str:
        """The end of its log: what to show when it did not come up."""
        with contextlib.suppress(OSError):
            content = self._state.log(self.spec.name).read_bytes()[-TAIL_BYTES:]
            return content.decode(errors="replace")
        return ""

    def ask_to_stop(self) -> None:
        if self.pid is not None and self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(self.spec.stop)

    def stop(self, until: float) -> None:
        """Wait for the end until that monotonic instant, then kill the group. `ask_to_stop` comes first."""
        if self._process is not None:
            try:
                self._process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        self.condition = Condition.STOPPED
        records.forget(self._state, self.spec.name)

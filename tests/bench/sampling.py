"""Where the CPU of each service goes: stacks sampled from outside by py-spy while a load runs, a hundred a second.

Only what is on a CPU is counted, so a share is a share of the service's own Python time. What C code does (asyncpg,
msgspec, zstandard, the loop) is told at the Python line that called it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psutil

RATE = 100
TOP = 12


@dataclass(frozen=True)
class Profile:
    """`own`: share of samples that end in a function; `with_called`: that pass through it. Per cent, highest first."""

    service: str
    samples: int
    own: list[tuple[str, float]] = field(default_factory=list)
    with_called: list[tuple[str, float]] = field(default_factory=list)
    trouble: str = ""


class Sampling:
    """Begins at once; `stop` gives what was seen until then."""

    def __init__(self, processes: Mapping[str, psutil.Process]) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="lethe-bench-"))
        program = Path(sys.executable).with_name("py-spy")
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        for name, process in processes.items():
            argv = [str(program), "record", "--pid", str(process.pid), "--rate", str(RATE), "--duration", "unlimited"]
            argv += ["--format", "raw", "--output", str(self._directory / name)]
            with (self._directory / f"{name}.log").open("wb") as log:
                self._running[name] = subprocess.Popen(argv, stdout=log, stderr=log)

    def stop(self) -> list[Profile]:
        found = []
        for sampler in self._running.values():
            sampler.send_signal(2)  # ends the recording, which is written then
        for name, sampler in self._running.items():
            sampler.wait(30)
            file = self._directory / name
            if file.exists():
                found.append(read(name, file.read_text()))
            else:
                log = (self._directory / f"{name}.log").read_text().strip().splitlines()
                found.append(Profile(name, 0, trouble=log[-1] if log else "py-spy wrote nothing"))
        shutil.rmtree(self._directory, ignore_errors=True)
        return found


def read(service: str, folded: str) -> Profile:
    """Stacks as `outer (file:line);inner (file:line) count`, one a line."""
    own: Counter[str] = Counter()
    passed: Counter[str] = Counter()
    for line in folded.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = [_function(frame) for frame in stack.split(";")]
        own[frames[-1]] += int(count)
        for function in set(frames):
            passed[function] += int(count)
    total = sum(own.values())
    ours = Counter({name: n for name, n in passed.items() if _is_ours(name)})
    return Profile(service, total, _shares(own, total), _shares(ours, total))


def _shares(counted: Counter[str], total: int) -> list[tuple[str, float]]:
    return [(name, round(100 * n / total, 1)) for name, n in counted.most_common(TOP)]


def _function(frame: str) -> str:
    """`save (orchestrator/adapters/store.py:154)` → `orchestrator/adapters/store.py save`: no line, no directory."""
    name, _, place = frame.rpartition(" (")
    path = place.rstrip(")").rsplit(":", 1)[0].split("site-packages/")[-1].split("/src/")[-1]
    path = path.rsplit("/lib/", 1)[-1]
    return f"{path} {name}"


def _is_ours(function: str) -> bool:
    top = function.split("/", 1)[0]
    services = ("intake", "orchestrator", "erasure_worker", "export_worker")
    return (top.startswith("lethe_") and "serve.py" not in function) or (top in services and "__main__" not in function)

"""Named crash points: places where a test makes the process die as kill -9 would.

Two ways, both by the environment and neither set in production. `LETHE_CRASH_AT=name` or `name:n`: die at the n-th
passage. `LETHE_CRASH_DIR=directory`: a running process dies at its next passage of a point for which there is a file
`armed.PROGRAM.POINT` there, which it takes away first, so that it dies once; of each point that it passes it leaves
a file `passed.PROGRAM.POINT`. PROGRAM is the package that `python -m` runs.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

_off = False
_hits: dict[str, int] = {}


def crashpoint(name: str) -> None:
    """Die here, with nothing flushed, if a test asked for it; costs one look at a flag otherwise."""
    if not _off:
        _look(name)


def _look(name: str) -> None:
    global _off  # noqa: PLW0603 - the flag that makes a passage free
    target = os.environ.get("LETHE_CRASH_AT")
    directory = os.environ.get("LETHE_CRASH_DIR")
    if target is not None:
        _count(name, target)
    if directory is not None:
        _pass(name, directory)
    _off = target is None and directory is None


def _count(name: str, target: str) -> None:
    wanted, _, count = target.partition(":")
    if wanted != name:
        return
    _hits[name] = _hits.get(name, 0) + 1
    if _hits[name] >= int(count or "1"):
        os._exit(137)


def _pass(name: str, directory: str) -> None:
    place = f"{Path(sys.argv[0]).parent.name}.{name}"
    if name not in _hits:
        _hits[name] = 0
        Path(directory, f"passed.{place}").touch()
    try:
        Path(directory, f"armed.{place}").unlink()
    except OSError:
        return
    os.kill(os.getpid(), signal.SIGKILL)

"""The register of a running service: read again when its files have changed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lethe_processors.errors import RegisterError
from lethe_processors.register.load import load_register

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lethe_processors.problems import Problem
    from lethe_processors.register.models import Register

_Stamp = tuple[tuple[str, int, int], ...]
LOOK_EVERY = 1.0  # seconds between looks at the files' times


class RegisterSource:
    """`current()` is cheap: at most once a second it compares times and sizes of the files, and reads on a change.

    A register with problems never replaces a good one: `problems` tells what is wrong until the files are right.
    """

    def __init__(self, directory: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Raises RegisterError if there is no good register to start with."""
        self._directory = directory
        self._clock = clock
        self._stamp = self._look()
        self._looked_at = clock()
        self._register = load_register(directory)
        self.problems: tuple[Problem, ...] = ()

    def current(self) -> Register:
        """The newest register without blocking problems. Only reads files."""
        now = self._clock()
        if now - self._looked_at >= LOOK_EVERY:
            self._looked_at = now
            stamp = self._look()
            if stamp != self._stamp:
                self._reload(stamp)
        return self._register

    def _reload(self, stamp: _Stamp) -> None:
        try:
            self._register = load_register(self._directory)
        except RegisterError as error:
            self.problems = error.problems
        else:
            self.problems = ()
        self._stamp = stamp

    def _look(self) -> _Stamp:
        found = []
        for path in sorted(self._directory.rglob("*.yaml")):
            try:
                stat = path.stat()
            except OSError:  # removed between the listing and the look
                continue
            found.append((str(path), stat.st_mtime_ns, stat.st_size))
        return tuple(found)

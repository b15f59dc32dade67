"""A state directory of its own per test, from which nothing may be left running."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from lethe_local.processes import records
from lethe_testkit.engines import private_state

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psutil

    from lethe_local.state import State


class Local:
    """The command as a person runs it."""

    def __init__(self, state: State) -> None:
        self.state = state
        kept = {k: v for k, v in os.environ.items() if not k.startswith("LETHE_")}
        self.environment = {**kept, "LETHE_LOCAL_DIR": str(state.root)}

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "lethe_local", *arguments],
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def up(self, *arguments: str, **environment: str) -> None:
        done = self.run("up", "--free-ports", *arguments, **environment)
        assert done.returncode == 0, done.stderr

    def pid(self, name: str) -> int:
        return int(json.loads((self.state.run / f"{name}.json").read_text())["pid"])

    def processes(self) -> list[psutil.Process]:
        return records.all_ours(self.state)


@pytest.fixture
def local() -> Iterator[Local]:
    with private_state() as state:
        made = Local(state)
        yield made
        left = made.processes()
        records.stop_all(state, grace=5)
        assert left == []

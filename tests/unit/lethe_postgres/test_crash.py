from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
from lethe_postgres import crashpoint
for n in range(3):
    crashpoint("other")
    crashpoint("here")
    print(n, flush=True)
"""


@pytest.mark.parametrize(
    ("target", "code", "printed"),
    [("here", 137, ""), ("here:2", 137, "0\n"), ("nowhere", 0, "0\n1\n2\n")],
)
def test_the_process_dies_at_the_named_passage_and_nowhere_else(target: str, code: int, printed: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={"LETHE_CRASH_AT": target}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (code, printed)

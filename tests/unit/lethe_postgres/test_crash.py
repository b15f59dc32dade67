from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from lethe_postgres import crash

if TYPE_CHECKING:
    from pathlib import Path

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


def test_a_running_process_dies_once_at_a_point_armed_later_and_tells_what_it_passed(tmp_path: Path) -> None:
    (tmp_path / "pack").mkdir()
    program = tmp_path / "pack" / "__main__.py"
    program.write_text(
        "from pathlib import Path\nfrom lethe_postgres import crashpoint\n"
        f"crashpoint('here')\nprint('once', flush=True)\nPath({str(tmp_path)!r}, 'armed.pack.here').touch()\n"
        "crashpoint('other')\nprint('twice', flush=True)\ncrashpoint('here')\nprint('never', flush=True)\n"
    )
    done = subprocess.run(
        [sys.executable, str(program)],
        env={"LETHE_CRASH_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "once\ntwice\n")
    assert {p.name for p in tmp_path.glob("*.pack.*")} == {"passed.pack.here", "passed.pack.other"}


def test_a_point_costs_one_look_at_a_flag_when_nobody_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LETHE_CRASH_AT", raising=False)
    monkeypatch.delenv("LETHE_CRASH_DIR", raising=False)
    crash.crashpoint("anything")
    monkeypatch.setenv("LETHE_CRASH_AT", "anything")
    monkeypatch.setattr(crash, "_count", lambda *_: pytest.fail("the environment was looked at again"))
    crash.crashpoint("anything")

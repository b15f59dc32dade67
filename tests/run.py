"""All tests, in lanes side by side: what mostly computes, what waits for engines, what waits for whole stacks.

python tests/run.py            every test; the last line adds the lanes up
python tests/run.py -k word    any argument of pytest: one run, with these

Each lane starts engines of its own. The second and third wait most of the time, so that two cores carry all of them; a
new folder belongs where the lane that ends last is not made longer (each lane's last line says how long it took).
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

HERE = Path(__file__).parent
BUSY = ("integration/lethe_processors", "integration/lethe_vault", "integration/lethe_postgres")
STACKS = ("integration/lethe_local", "integration/lethe_testkit")


@dataclass(frozen=True)
class Lane:
    """`nice`: above 0 for what watches no clock of real programs, and so gives way to what does."""

    name: str
    paths: tuple[str, ...]
    without: tuple[str, ...] = ()
    nice: int = 0

    def command(self) -> list[str]:
        left_out = [f"--ignore={HERE / path}" for path in self.without]
        pytest = [sys.executable, "-m", "pytest", "-q", *[str(HERE / path) for path in self.paths], *left_out]
        return ["nice", "-n", str(self.nice), *pytest]


LANES = (
    Lane("services on engines", ("integration",), without=(*BUSY, *STACKS)),
    Lane("whole stacks", ("e2e", "faults", *STACKS)),
    Lane("what mostly computes", ("unit", "contract", "architecture", "sagas", "simulation", *BUSY), nice=5),
)
_COUNT = re.compile(r"(\d+) (passed|failed|skipped|errors?|deselected|xfailed|xpassed|warnings?)")


def main() -> int:
    """Exit code of the lane that went worst."""
    # a shell lets what it starts in the background ignore Ctrl-C, and so would the programs whose end on it is tested
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.argv[1:]:
        return subprocess.run([sys.executable, "-m", "pytest", "-q", *sys.argv[1:]], check=False).returncode
    begun = time.monotonic()
    shown, *others = LANES
    found: Counter[str] = Counter()
    with ExitStack() as stack:
        quiet = [_quietly(lane, stack) for lane in others]
        with subprocess.Popen(shown.command(), stdout=subprocess.PIPE, text=True) as live:
            found.update(_counts(_passed_on(live)))
        codes = [live.returncode]
        for lane, (process, said) in zip(others, quiet, strict=True):
            codes.append(process.wait())
            said.seek(0)
            lines = said.read().splitlines()
            print("\n".join(["", f"{lane.name}:", *lines]), flush=True)
            found.update(_counts(lines[-1] if lines else ""))
    summary = ", ".join(f"{count} {word}" for word, count in sorted(found.items()))
    print(f"{summary or 'no tests ran'} in {time.monotonic() - begun:.2f}s")
    return max(map(abs, codes))


def _quietly(lane: Lane, stack: ExitStack) -> tuple[subprocess.Popen[str], IO[str]]:
    said = stack.enter_context(tempfile.TemporaryFile("w+"))  # noqa: SIM115 - the stack closes it
    process = subprocess.Popen(lane.command(), stdout=said, stderr=subprocess.STDOUT, text=True)
    return stack.enter_context(process), said


def _passed_on(process: subprocess.Popen[str]) -> str:
    """Pass on what it says while it says it; gives its last line."""
    assert process.stdout is not None, "it was opened with a pipe"
    last = ""
    for line in process.stdout:
        print(line, end="", flush=True)
        last = line if line.strip() else last
    process.wait()
    return last


def _counts(line: str) -> dict[str, int]:
    return {word.rstrip("s") if word.startswith(("err", "warn")) else word: int(n) for n, word in _COUNT.findall(line)}


if __name__ == "__main__":
    sys.exit(main())

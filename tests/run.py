"""All tests, in two halves side by side: what mostly computes beside what mostly waits for engines.

python tests/run.py            every test; the last line adds both halves up
python tests/run.py -k word    any argument of pytest: one run, with these
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent
BUSY = ("integration/lethe_processors", "integration/lethe_vault", "integration/lethe_postgres")
ALONE = ("unit", "contract", "architecture", "sagas", "simulation", *BUSY)
"""What computes more than it waits. PostgreSQL it starts for itself; nothing in it watches a clock of real programs."""
WITH_ENGINES = ("integration", "e2e", "faults")
_COUNT = re.compile(r"(\d+) (passed|failed|skipped|errors?|deselected|xfailed|xpassed|warnings?)")


def main() -> int:
    """Exit code of the half that went worse."""
    # a shell lets what it starts in the background ignore Ctrl-C, and so would the programs whose end on it is tested
    signal.signal(signal.SIGINT, signal.default_int_handler)
    pytest = [sys.executable, "-m", "pytest", "-q"]
    if sys.argv[1:]:
        return subprocess.run([*pytest, *sys.argv[1:]], check=False).returncode
    begun = time.monotonic()
    without = [f"--ignore={path}" for path in _paths(BUSY)]
    with tempfile.TemporaryFile("w+") as said:
        quiet = ["nice", "-n", "5", *pytest, *_paths(ALONE)]  # the other half has clocks of real programs in it
        with subprocess.Popen(quiet, stdout=said, stderr=subprocess.STDOUT) as alone:
            with subprocess.Popen(
                [*pytest, *_paths(WITH_ENGINES), *without], stdout=subprocess.PIPE, text=True
            ) as engines:
                last = _shown(engines)
            alone.wait()
        said.seek(0)
        lines = said.read().splitlines()
    print("\n".join(["", "what mostly computes:", *lines]))
    found = Counter(_counts(last)) + Counter(_counts(lines[-1] if lines else ""))
    summary = ", ".join(f"{count} {word}" for word, count in sorted(found.items()))
    print(f"{summary or 'no tests ran'} in {time.monotonic() - begun:.2f}s")
    return max(abs(alone.returncode), abs(engines.returncode))


def _paths(names: tuple[str, ...]) -> list[str]:
    return [str(HERE / name) for name in names]


def _shown(process: subprocess.Popen[str]) -> str:
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

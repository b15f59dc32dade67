"""What a long run has seen so far, kept on disk: cut short, it goes on where it stopped, on the same build."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from lethe_testkit.faults.row import Row

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_SOURCES = ("libs/*/src", "services/*/src")
_KINDS = frozenset({".py", ".sql", ".yaml", ".toml", ".html"})
_TEST_ONLY = "libs/testkit/"


def build_of(root: Path) -> str:
    """Twelve characters that change with any source or statement of what runs, and with the pinned dependencies.

    Not with tests, pages or the harness itself: a row stays what it is when the next one is judged with more care.
    """
    digest = hashlib.sha256((root / "requirements.lock").read_bytes())
    for source in sorted(found for pattern in _SOURCES for found in root.glob(pattern)):
        for file in sorted(source.rglob("*")):
            name = file.relative_to(root).as_posix()
            if file.suffix in _KINDS and file.is_file() and not name.startswith(_TEST_ONLY):
                digest.update(name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]


class Ledger:
    """One file for one build, seed and number of people. Every attempt is kept, also one that a later one mended."""

    def __init__(self, directory: Path, build: str, seed: int, people: int) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._file = directory / f"{build}-{seed}-{people}.jsonl"

    def add(self, row: Row) -> None:
        with self._file.open("a", encoding="utf-8") as file:
            file.write(f"\n{row.to_json()}\n")  # on a line of its own, whatever a kill left before it

    def attempts(self) -> list[Row]:
        """All rows, in the order in which they ended. A line that was cut off by a kill is left out."""
        if not self._file.exists():
            return []
        lines = self._file.read_text(encoding="utf-8").splitlines()
        return [Row.from_json(line) for line in lines if line.endswith("}")]

    def forget(self) -> None:
        """Begin anew."""
        self._file.unlink(missing_ok=True)


def last_of_each(attempts: Iterable[Row], order: Iterable[str]) -> list[Row]:
    """The last attempt at each row, in the order given."""
    last = {row.fault: row for row in attempts}
    return [last[name] for name in order if name in last]

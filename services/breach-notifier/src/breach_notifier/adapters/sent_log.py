"""What the relay has accepted, from a file that it writes: one Message-ID per line, before it replies."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


class FileLog:
    """A `SentLog`. With it a letter in doubt is settled by itself; without it a person decides."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def accepted(self, references: Sequence[str]) -> Mapping[str, str]:
        """Raises OSError where the file cannot be read: then nothing is settled."""
        return await asyncio.to_thread(self._look, frozenset(references))

    def _look(self, references: frozenset[str]) -> dict[str, str]:
        with self._path.open(encoding="utf-8", errors="replace") as lines:
            return {word: "in the log of the relay" for line in lines for word in line.split() if word in references}

"""Which rights are accepted."""

from __future__ import annotations

from typing import Final

from lethe_events.words import Right

CARRIED: Final = frozenset(Right)
"""Those that sagas carry out: accepting another one would start a clock that nobody serves."""

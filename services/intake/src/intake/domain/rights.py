"""Which rights are accepted."""

from __future__ import annotations

from typing import Final

from lethe_events.words import Right

CARRIED: Final = frozenset({Right.ACCESS, Right.ERASURE})
"""Those that sagas carry out: accepting another one would start a clock that nobody serves."""

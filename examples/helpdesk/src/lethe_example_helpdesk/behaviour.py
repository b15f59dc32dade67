"""How the vendor misbehaves, switchable while it runs."""

from __future__ import annotations

import asyncio
import random
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from fastapi.responses import HTMLResponse, JSONResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import Response

NONSENSE: tuple[tuple[int, object], ...] = (
    (200, "<html><body>We are down for maintenance, dear Nadia Petrova</body></html>"),
    (200, {}),
    (200, {"data": "nadia.petrova@mail.example"}),
    (200, {"results": None}),
    (200, []),
    (202, "accepted, probably"),
)


@dataclass(slots=True)
class Behaviour:
    """lie: deletions say completed and delete nothing. hang: no answer at all. nonsense: answers of no known shape.

    `down_rate`: part of the calls answered 500. `deletion_seconds`: how long a deletion takes. `per_second`: calls
    let through, the others get 429 with Retry-After.
    """

    lie: bool = False
    hang: bool = False
    nonsense: bool = False
    down_rate: float = 0.0
    deletion_seconds: float = 0.2
    per_second: float = 200.0

    def change(self, changes: Mapping[str, object]) -> None:
        """Raises ValueError for an unknown name or a value of another type."""
        for name, value in changes.items():
            if name not in self.told():
                raise ValueError(f"no behaviour is called {name[:40]!r}: there are {', '.join(self.told())}")
            if isinstance(getattr(self, name), bool):
                fits, wanted = isinstance(value, bool), "true or false"
            else:
                fits = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
                wanted = "a number from 0"
            if not fits:
                raise ValueError(f"{name} must be {wanted}")
        for name, value in changes.items():
            setattr(self, name, value)

    def told(self) -> dict[str, object]:
        return asdict(self)


class Misbehaving:
    """Decides per call whether the API may answer. Seeded: the same calls meet the same faults."""

    def __init__(self, behaviour: Behaviour, seed: int) -> None:
        self.behaviour = behaviour
        self._chance = random.Random(f"faults/{seed}")
        self._tokens = 0.0
        self._at: float | None = None

    async def fault(self, now: float) -> Response | None:
        """The answer to give instead of the right one; None: the right one."""
        while self.behaviour.hang:  # noqa: ASYNC110 - switched off from outside, and this is a sample
            await asyncio.sleep(0.05)
        wait = self._wait(now)
        if wait > 0:
            return _error(429, "rate_limited", {"Retry-After": str(max(1, round(wait)))})
        if self.behaviour.nonsense:
            status, body = self._chance.choice(NONSENSE)
            return HTMLResponse(body, status) if isinstance(body, str) else JSONResponse(body, status)
        if self._chance.random() < self.behaviour.down_rate:
            return _error(500, "internal_error", {})
        return None

    def _wait(self, now: float) -> float:
        rate = self.behaviour.per_second
        passed = rate if self._at is None else (now - self._at) * rate
        self._tokens, self._at = min(max(1.0, rate), self._tokens + passed), now
        if self._tokens < 1:
            return (1 - self._tokens) / rate if rate else 1.0
        self._tokens -= 1
        return 0.0


def _error(status: int, code: str, headers: dict[str, str]) -> Response:
    return JSONResponse({"error": {"code": code}}, status, headers)

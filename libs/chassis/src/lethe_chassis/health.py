"""Health by component, each with its state, reason and since when."""

from __future__ import annotations

import asyncio
import inspect
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    Check = Callable[[], "Mapping[str, object] | Awaitable[Mapping[str, object] | None] | None"]


class Unhealthy(Exception):
    """A component cannot do its work. The reason is shown to whoever asks: no addresses, no secrets."""


@dataclass(slots=True)
class _Component:
    check: Check
    state: str = "unknown"
    reason: str | None = None
    since: datetime | None = None
    details: Mapping[str, object] = field(default_factory=dict)


class HealthChecks:
    """`/livez`: the loop turns. `/startupz`: it has come up once. `/readyz`: up, not stopping, all checks pass.

    A broker or database that is down fails readiness, never liveness: restarting us would not bring it back.
    Results are kept for `keep_s`, so that probes cost the same however often they come.
    """

    def __init__(
        self,
        *,
        timeout_s: float = 2.0,
        keep_s: float = 1.0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._components: dict[str, _Component] = {}
        self._timeout_s = timeout_s
        self._keep_s = keep_s
        self._now = now
        self._clock = clock
        self._checked: float | None = None
        self._lock = asyncio.Lock()
        self.started = False
        self.stopping = False

    def add(self, name: str, check: Check) -> None:
        """`check` gives details to show, or raises: `Unhealthy` shows its text, anything else only its class.

        Details with `ok` False fail too, for a part that tells its `trouble` instead of raising.
        """
        self._components[name] = _Component(check)

    async def report(self) -> tuple[bool, Mapping[str, object]]:
        """Whether the service is ready, and the JSON that says why."""
        async with self._lock:
            if self._checked is None or self._clock() - self._checked > self._keep_s:
                await asyncio.gather(*(self._run(c) for c in self._components.values()))
                self._checked = self._clock()
        components = {name: _shown(c) for name, c in self._components.items()}
        healthy = all(c.state == "ok" for c in self._components.values())
        ready = healthy and self.started and not self.stopping
        state = "stopping" if self.stopping else "starting" if not self.started else "ok" if healthy else "failing"
        return ready, {"state": state, "components": components}

    async def _run(self, component: _Component) -> None:
        reason: str | None = None
        details: Mapping[str, object] = {}
        try:
            async with asyncio.timeout(self._timeout_s):
                found = component.check()
                details = (await found if inspect.isawaitable(found) else found) or {}
            if details.get("ok") is False:
                reason = f"in trouble: {details.get('trouble')}"
        except Unhealthy as error:
            reason = str(error)
        except TimeoutError:
            reason = f"no answer within {self._timeout_s:g} s"
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a component is its state, not ours
            reason = type(error).__name__
        state = "ok" if reason is None else "failing"
        if state != component.state:
            component.since = self._now()
        component.state, component.reason, component.details = state, reason, details


def _shown(component: _Component) -> dict[str, object]:
    shown: dict[str, object] = {"state": component.state}
    if component.since is not None:
        shown["since"] = component.since.isoformat()
    if component.reason is not None:
        shown["reason"] = component.reason
    return {**shown, **component.details}

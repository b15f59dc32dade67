"""What every service does between reading its settings and taking its first message."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import structlog

from lethe_chassis.app import engine_is_down
from lethe_chassis.auth.verifier import TokenVerifier
from lethe_chassis.errors import SettingsError
from lethe_chassis.health import HealthChecks, Unhealthy
from lethe_postgres import is_transient

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from lethe_chassis.auth.settings import AuthSettings
    from lethe_postgres import Database

_PAUSE_S = 0.5
_SHOWN = ("consumer", "publisher", "outbox")


class Reporting(Protocol):
    """What tells of itself whether it is `ok`, else its `trouble`, and facts to show: a bus."""

    def health(self) -> Mapping[str, object]: ...


class Start:
    """What has to be there before the first message is taken.

    Engines may be away: the API answers meanwhile, and `attempt` is tried again until it goes through once.
    `refused`: errors that waiting does not mend, so that a person has to. `waiting`: what readiness says until then.
    """

    def __init__(
        self,
        attempt: Callable[[], Awaitable[object]],
        *,
        refused: tuple[type[Exception], ...],
        waiting: str,
        patience_s: float | None = None,
    ) -> None:
        """`patience_s` bounds one attempt."""
        self._attempt = attempt
        self._refused = refused
        self._patience_s = patience_s
        self.waiting = waiting
        self.done = asyncio.Event()

    async def attempt(self) -> None:
        """Once, unless it is done. Raises what is `refused`; any other error only means that it is not done yet."""
        if self.done.is_set():
            return
        try:
            async with asyncio.timeout(self._patience_s):
                await self._attempt()
        except self._refused:
            raise
        except Exception as error:  # noqa: BLE001 - whatever keeps engines from answering
            structlog.get_logger(__name__).warning("the engines do not answer yet", error=type(error).__name__)
        else:
            self.done.set()

    async def insist(self) -> None:
        """Until it is done. Raises what is `refused`."""
        await self.attempt()
        while not self.done.is_set():
            await asyncio.sleep(_PAUSE_S)
            await self.attempt()

    def check(self) -> Mapping[str, object]:
        """For health: raises Unhealthy while it is not done."""
        if not self.done.is_set():
            raise Unhealthy(self.waiting)
        return {}


def health_of(database: Database, bus: Reporting, start: Start, auth: TokenVerifier) -> HealthChecks:
    """The checks of a service that has these four; it may add its own."""

    async def postgres() -> Mapping[str, object]:
        await database.fetchval("SELECT 1")
        return {"connections": database.pool.get_size()}

    def on_the_bus() -> Mapping[str, object]:
        facts = bus.health()
        if not facts["ok"]:
            raise Unhealthy(f"in trouble: {facts['trouble']}")
        return {key: facts[key] for key in _SHOWN}

    health = HealthChecks()
    health.add("postgres", postgres)
    health.add("bus", on_the_bus)
    health.add("start", start.check)
    health.add("tokens", auth.check)
    return health


def unavailable_if(*own: type[BaseException]) -> Callable[[BaseException], bool]:
    """Says whether an engine is down, so that the same call may succeed later. `own`: what a library of ours raises."""

    def unavailable(error: BaseException) -> bool:
        return engine_is_down(error) or is_transient(error) or isinstance(error, own)

    return unavailable


@contextmanager
def blamed_on(variable: str, *errors: type[Exception]) -> Iterator[None]:
    """Make what is wrong with the file that a variable names a SettingsError: a line for each problem.

    An error that lists its `problems` gives one line for each of them, any other one for each line of its text.
    """
    try:
        yield
    except errors as error:
        problems = getattr(error, "problems", None) or str(error).splitlines()
        raise SettingsError([f"{variable} {problem}" for problem in problems]) from None


def verifier_of(settings: AuthSettings) -> TokenVerifier:
    """Raises SettingsError if the key of local tokens cannot be used."""
    with blamed_on("LETHE_AUTH_PUBLIC_KEY", ValueError):
        return TokenVerifier(settings)

"""The life of a service: one TaskGroup, an ordered stop, and no way to look healthy while a part is dead."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import os
import signal
import socket
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import structlog
import uvicorn

from lethe_chassis.errors import BackgroundDied, SettingsError
from lethe_chassis.metrics import watch_loop_lag
from lethe_postgres import is_transient

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping
    from contextlib import AbstractAsyncContextManager

    from fastapi import FastAPI

    from lethe_chassis.auth.principal import Authenticator
    from lethe_chassis.env import Address
    from lethe_chassis.health import HealthChecks

EXIT_SETTINGS = 78  # EX_CONFIG: starting again without correcting the environment is of no use
EXIT_DIED = 1
EXIT_FORCED = 70
PATIENCE_S = 60.0
"""How long a start waits for engines; then the process ends, and whoever started it starts it again."""
_PAUSES_S = (0.2, 0.5)
_KEEP_ALIVE_S = 75
_BACKLOG = 2048


@dataclass(frozen=True, slots=True)
class Service:
    """A wired service, ready to run.

    `background`: named parts that run until they are cancelled; one that returns or raises takes the service down.
    `stop`: called after the last HTTP answer and before the background parts are cancelled, to let them finish what
    they have begun.
    `shared_port`: several processes of this service listen at one address, and the system spreads connections over
    them (SO_REUSEPORT).
    """

    app: FastAPI
    address: Address
    background: Mapping[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    stop: Callable[[], Awaitable[None]] | None = None
    shared_port: bool = False


class Death(NamedTuple):
    """A background part that ended by itself. `exit_code`: the error's own, if it has one, so that supervisors know."""

    part: str
    exit_code: int


def run_service(build: Callable[[], AbstractAsyncContextManager[Service]], *, grace_s: float = 10.0) -> int:
    """Run until SIGTERM or SIGINT and give the exit code. A second signal ends the process at once.

    `build` opens what the service needs (pools, bus) and closes it on leaving. It is called again, for at most
    PATIENCE_S, while an engine is away or a step of it ended with an unknown outcome: its steps are idempotent.
    Each step of stopping (HTTP, `stop`, background parts, closing) has `grace_s` seconds; then the process ends
    anyway. SettingsError gives one line per fault on stderr and exit code 78. An error that has an `exit_code` of its
    own, and ends a part, gives the process's.
    """
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(_run(build, grace_s))
    except SettingsError as error:
        for line in error.lines:
            sys.stderr.write(line + "\n")
        return EXIT_SETTINGS


def _calm_gc() -> None:
    """Looking for circles after every 700 objects took a twelfth of the time of a batch, after 20,000 still a tenth.

    What is loaded stays; records that wait and sagas that are open are tens of thousands of objects without a circle.
    """
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


async def _run(build: Callable[[], AbstractAsyncContextManager[Service]], grace_s: float) -> int:
    log = structlog.get_logger(__name__)
    stopping = asyncio.Event()
    _on_signals(stopping)
    died: list[Death] = []
    try:
        async with contextlib.AsyncExitStack() as opened:
            service = await _open(opened, build, stopping)
            if service is None:
                return 0
            _calm_gc()
            await supervise(service, stopping, died, grace_s)
            _end_anyway_after(grace_s)
    except SettingsError:
        raise
    except Exception as error:
        log.critical("the service could not go on", exc_info=error)
        return EXIT_DIED
    log.info("stopped", state="failed" if died else "stopped", component=died[0].part if died else None)
    return died[0].exit_code if died else 0


async def _open(
    opened: contextlib.AsyncExitStack,
    build: Callable[[], AbstractAsyncContextManager[Service]],
    stopping: asyncio.Event,
) -> Service | None:
    """None if somebody stops the service before it could begin."""
    end = time.monotonic() + PATIENCE_S
    pauses = itertools.chain(_PAUSES_S, itertools.repeat(_PAUSES_S[-1]))
    for pause in pauses:
        try:
            return await opened.enter_async_context(build())
        except Exception as error:
            if not _worth_again(error) or time.monotonic() > end:
                raise
            structlog.get_logger(__name__).warning("the start is tried again", error=type(error).__name__)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), pause)
        if stopping.is_set():
            return None
    raise AssertionError("pauses never end")


def _worth_again(error: BaseException) -> bool:
    """An engine was at fault. Clients of Kafka say so of their errors themselves."""
    return is_transient(error) or getattr(error, "retriable", False) is True


async def supervise(service: Service, stopping: asyncio.Event, died: list[Death], grace_s: float) -> None:
    """Serve until `stopping` is set. `died` gets the background parts that ended by themselves."""
    health: HealthChecks = service.app.state.health
    server = _Server(_uvicorn_config(service.app, grace_s))
    with _listen(service.address, shared=service.shared_port) as listener:
        async with asyncio.TaskGroup() as group:
            http = group.create_task(server.serve([listener]), name="http")
            parts = [
                group.create_task(_guard(name, part, stopping, died), name=name)
                for name, part in _parts(service).items()
            ]
            health.started = True
            structlog.get_logger(__name__).info("started", port=listener.getsockname()[1])
            await stopping.wait()
            health.stopping = True
            server.should_exit = True
            await asyncio.wait([http], timeout=grace_s)
            if service.stop is not None:
                await _bounded(service.stop(), grace_s)
            for part in parts:
                part.cancel()
            _, stuck = await asyncio.wait(parts, timeout=grace_s)
            if stuck:
                names = sorted(t.get_name() for t in stuck)
                structlog.get_logger(__name__).critical("parts did not stop in time", component=names)
                _exit_now(EXIT_FORCED)


def _parts(service: Service) -> dict[str, Callable[[], Awaitable[None]]]:
    auth: Authenticator | None = service.app.state.auth
    registry = service.app.state.registry
    parts: dict[str, Callable[[], Awaitable[None]]] = {"loop_lag": lambda: watch_loop_lag(registry)}
    if auth is not None:
        parts["token_keys"] = auth.keep_fresh
    return {**parts, **service.background}


async def _guard(name: str, part: Callable[[], Awaitable[None]], stopping: asyncio.Event, died: list[Death]) -> None:
    """Run one part; if it ends although nobody is stopping, take the service down."""
    log = structlog.get_logger(__name__)
    try:
        await part()
        if stopping.is_set():
            return
        error: Exception = BackgroundDied(name)
    except Exception as raised:  # noqa: BLE001 - the service ends because of it
        error = raised
    log.critical("a part of the service ended by itself", component=name, exc_info=error)
    died.append(Death(name, getattr(error, "exit_code", EXIT_DIED)))
    stopping.set()


async def _bounded(awaitable: Awaitable[None], grace_s: float) -> None:
    log = structlog.get_logger(__name__)
    try:
        async with asyncio.timeout(grace_s):
            await awaitable
    except TimeoutError:
        log.warning("stopping took too long and was cut short", limit=grace_s)
    except Exception:
        log.exception("an error while stopping")


def _on_signals(stopping: asyncio.Event) -> None:
    def on_signal(number: int) -> None:
        if stopping.is_set():
            _exit_now(128 + number)
        structlog.get_logger(__name__).info("stopping", signal=signal.Signals(number).name)
        stopping.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, int(number))


def _end_anyway_after(grace_s: float) -> None:
    """A thread of its own, because a loop that is blocked cannot watch itself."""
    timer = threading.Timer(grace_s, os._exit, (EXIT_FORCED,))
    timer.daemon = True
    timer.start()


def _exit_now(code: int) -> None:
    sys.stdout.flush()
    os._exit(code)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _listen(address: Address, *, shared: bool) -> socket.socket:
    """Raises SettingsError if the address cannot be listened on."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server((address.host, address.port), family=family, backlog=_BACKLOG, reuse_port=shared)
    except OSError as error:
        raise SettingsError(
            [f"LETHE_HTTP cannot listen on {address} ({error.strerror}): free the port or set another address"]
        ) from None


def _uvicorn_config(app: FastAPI, grace_s: float) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, int(grace_s)),
        backlog=_BACKLOG,
    )


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: signals belong to the service as a whole."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

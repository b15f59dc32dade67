"""`python -m lethe_local demo`: a stack of its own if none runs, the story, and then it stays until Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
import time
from typing import TYPE_CHECKING

from lethe_local import control
from lethe_local.errors import AlreadyRunning, LocalError, NotReady
from lethe_local.processes.supervisor import read_view, restarts
from lethe_local.stack import envfile
from lethe_local.stack.keys import DEMO_CONTROLLER

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence

    from lethe_local.demo.pager import Pager
    from lethe_local.demo.screen import Screen
    from lethe_local.state import State


def demonstrate(state: State, arguments: Sequence[str], *, once: bool) -> int:
    """`once`: end after the story. What it started, it stops; a stack that ran before goes on."""
    from lethe_local.demo.pager import on_call

    with on_call(state) as pager:
        return _demonstrate(state, control.spawn(state, arguments, tied=True), pager, once=once)


def _demonstrate(state: State, supervisor: subprocess.Popen[bytes] | None, pager: Pager, *, once: bool) -> int:
    begun = time.monotonic()
    try:
        from lethe_local.demo.incident import incident
        from lethe_local.demo.screen import Screen  # while the engines start
        from lethe_local.demo.story import tell

        screen = Screen()
        screen.title("Lethe on this machine, with real Kafka and real PostgreSQL")
        try:
            assert supervisor is not None
            control.wait_ready(state, supervisor, lambda phase: screen.line(f"{phase} …", "dim"))
            screen.line(f"everything is up after {time.monotonic() - begun:.1f} s", "green")
        except AlreadyRunning:
            supervisor = None
            if not read_view(state).get("ready"):
                raise
            screen.line("it runs already and is used as it is", "green")
        asyncio.run(tell(state, screen))
        asyncio.run(incident(state, screen, pager))
        _where(state, screen)
        if supervisor is not None and not once:
            screen.line("Ctrl-C stops everything.", "bold")
            seen = restarts(state)
            while supervisor.poll() is None:
                time.sleep(0.5)
                before, seen = seen, restarts(state) or seen
                screen.restarted(before, seen)
            raise _ended(state, supervisor)
    except KeyboardInterrupt:
        print()
    finally:
        if supervisor is not None:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C leaves nothing half stopped
            control.stop(supervisor, state)
    return 0


def _where(state: State, screen: Screen) -> None:
    values = envfile.read(state)
    screen.title("Look around")
    screen.line(f"status page        {values['LETHE_ORCHESTRATOR_URL']}/console (sign in with the token below)")
    screen.line(f"breaches           {values['LETHE_BREACH_NOTIFIER_URL']}/console (the same token)")
    screen.line(f"API of intake      {values['LETHE_INTAKE_URL']}/openapi.json")
    screen.line(
        f"command line       .venv/bin/lethe dsr list   (controller {DEMO_CONTROLLER}; finds {state.env} by itself)"
    )
    screen.line(f"token              {values['LETHE_TOKEN']}")


def _ended(state: State, supervisor: subprocess.Popen[bytes]) -> LocalError:
    """It was stopped from outside, or it failed."""
    if supervisor.returncode == 0:
        return NotReady("the stack was stopped from outside.")
    return control.failure(state, supervisor.returncode)

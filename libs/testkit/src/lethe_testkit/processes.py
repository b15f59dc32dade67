"""Services as processes, to be started and killed by tests."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lethe_testkit.ground import eventually

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Mapping

_RUN = """
import json, runpy, sys
from lethe_events import topics
for name, text in json.loads(sys.argv[1]).items():
    setattr(topics, name, topics.Topic(text, "dsr_id", 3_600_000, ()))
service = sys.argv[2]
sys.argv[:] = [service]
runpy.run_module(service, run_name="__main__", alter_sys=True)
"""


class WorkerProcess:
    """A running worker. `lines`: what it logged so far."""

    @classmethod
    async def start(cls, service: str, topics: Mapping[str, str], environment: Mapping[str, str]) -> WorkerProcess:
        """`topics`: name in `lethe_events.topics` → the test's own topic to use instead; the broker is shared."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            _RUN,
            json.dumps(topics),
            service,
            env=dict(environment),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        return cls(process)

    def __init__(self, process: Process) -> None:
        self._process = process
        self.lines: list[dict[str, Any]] = []
        self.raw: list[str] = []
        self._reading = asyncio.get_running_loop().create_task(self._read())

    async def port(self) -> int:
        """Where its HTTP listens, once it does."""
        await eventually(self._has_started, 30)
        return next(int(line["port"]) for line in self.lines if line.get("event") == "started")

    @property
    def pid(self) -> int:
        return self._process.pid

    def peak_memory(self) -> int:
        """Bytes of memory that it ever held at once."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))) * 1024

    def cpu_seconds(self) -> float:
        """What it used so far, in user and kernel mode."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def kill(self) -> None:
        """As a power cut would."""
        if self._process.returncode is None:
            self._process.kill()
        await self.ended()

    async def terminate(self) -> int:
        """Gracefully; gives the exit code."""
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        return await self.ended()

    async def ended(self) -> int:
        async with asyncio.timeout(30):
            code = await self._process.wait()
            await self._reading
        return code

    async def _has_started(self) -> bool:
        if self._process.returncode is not None:
            raise AssertionError("the worker ended: " + "\n".join(self.raw[-20:]))
        return any(line.get("event") == "started" for line in self.lines)

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.raw.append(line.decode())
            try:
                self.lines.append(json.loads(line))
            except ValueError:
                continue

"""A stack that can be hurt in every way: proxies before its engines, crash points, clocks, a disk that fills up."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import time
from typing import TYPE_CHECKING, Self

import psutil

from lethe_local.stack.config import SERVICES, instance
from lethe_testkit.faults.clock import Clocks
from lethe_testkit.faults.network import Proxy
from lethe_testkit.stack import KAFKA, POSTGRES, Stack

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DISK_MB = 1_500


class FaultStack(Stack):
    """`small_disk`: everything lies on a disk of its own, which needs the right to mount one."""

    def __init__(
        self,
        *,
        people: int,
        instances: int = 1,
        small_disk: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(people=people, instances=instances, environment=environment)
        self.kafka_proxy = Proxy("kafka")
        self.postgres_proxy = Proxy("postgres")
        self.small_disk = small_disk
        self.programs = [instance(name, n) for n in range(1, instances + 1) for name in SERVICES]
        self.clocks: Clocks
        self.crashes: Path

    @property
    def proxies(self) -> tuple[Proxy, Proxy]:
        return self.kafka_proxy, self.postgres_proxy

    def __enter__(self) -> Self:
        for proxy in self.proxies:
            self._cleanup.enter_context(proxy)
            proxy.ports_of = self._ports_of
        return super().__enter__()

    def _prepared(self) -> Mapping[str, str]:
        self.kafka_proxy.target = self._ports[KAFKA]
        self.postgres_proxy.target = self._ports[POSTGRES]
        if self.small_disk:
            self._mount()
        self.clocks = Clocks(self.state.root / "clocks", self.programs)
        self.crashes = self.state.root / "crashes"
        self.crashes.mkdir()
        return {
            "LETHE_THROUGH_KAFKA": str(self.kafka_proxy.port),
            "LETHE_THROUGH_POSTGRES": str(self.postgres_proxy.port),
            "LETHE_CRASH_DIR": str(self.crashes),
            **self.clocks.environment,
        }

    def heal(self) -> None:
        """Undo whatever is still wrong, and wait until everything is ready."""
        for proxy in self.proxies:
            proxy.heal()
        for program in self.programs:
            if self.clocks.available:
                self.clocks.set(program, 0)
            self.release(program)
            with contextlib.suppress(ProcessLookupError):
                self.thaw(program)
        for armed in self.crashes.glob("armed.*"):
            armed.unlink(missing_ok=True)
        self.empty_disk()
        self.wait_ready(seconds=240)

    def arm(self, program: str, point: str) -> Path:
        """The program dies at its next passage of that point; the file is gone once it does."""
        file = self.crashes / f"armed.{program}.{point}"
        file.touch()
        return file

    def passed(self) -> set[tuple[str, str]]:
        """Program and point, of every crash point that was ever passed."""
        found = (path.name.split(".", 2) for path in self.crashes.glob("passed.*"))
        return {(program, point) for _, program, point in found if program != "lethe_local"}

    def fill_disk(self) -> int:
        """Leave not a byte on the stack's disk; gives how many it took."""
        taken = 0
        block = secrets.token_bytes(1 << 20)
        with (self.state.root / "ballast").open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while written := file.write(block):
                taken += written
        return taken

    def empty_disk(self) -> None:
        if self.small_disk:
            (self.state.root / "ballast").unlink(missing_ok=True)

    def freeze_for(self, name: str, seconds: float) -> None:
        self.freeze(name)
        time.sleep(seconds)
        self.thaw(name)

    def _ports_of(self, program: str) -> set[int]:
        """Where its connections come from now."""
        pid = self.pid(program)
        with contextlib.suppress(psutil.Error):
            return {c.laddr.port for c in psutil.Process(pid).net_connections("tcp") if c.laddr} if pid else set()
        return set()

    def _mount(self) -> None:
        root = self.state.root
        options = f"size={DISK_MB}m,mode=711"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "lethe-test", root], check=True, capture_output=True)
        self._cleanup.callback(lambda: subprocess.run(["umount", "-l", root], check=False, capture_output=True))
        self.state.create()


def can_mount() -> bool:
    """Whether a small disk can be made here: Linux, as root, outside a container that forbids it."""
    if os.geteuid() != 0:
        return False
    made = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], check=False, capture_output=True)
    return made.returncode == 0

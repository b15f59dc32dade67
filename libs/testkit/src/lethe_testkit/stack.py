"""A whole stack of a test's own, on free ports, that can be broken on purpose."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING, Self

from lethe_local import control
from lethe_local.processes import records
from lethe_local.processes.ports import HOST, free_ports
from lethe_local.processes.ready import HttpReady
from lethe_local.processes.supervisor import read_view, restarts
from lethe_local.stack import databases, envfile
from lethe_local.stack.config import PORTS, SERVICES, instance, port_variable
from lethe_local.stack.keys import DEMO_CONTROLLER, PERSON_SCOPES, VALID, Keys
from lethe_testkit.engines import private_state
from lethe_testkit.patience import Patience

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import timedelta

    from lethe_local.state import State

KAFKA, POSTGRES = "kafka", "postgres"


class Stack:
    """Engines, services and sample processors with `people` invented people, as `make up` starts them.

    Use as a context manager. It ends with this process, even if that is killed. Names of its programs: `kafka`,
    `postgres`, `intake`, `orchestrator`, `erasure_worker`, `export_worker`, `breach_notifier`, `helpdesk`, `warehouse`.
    What is killed is started again by the supervisor within a fraction of a second, unless it is held.
    """

    def __init__(
        self,
        *,
        people: int = 100,
        environment: Mapping[str, str] | None = None,
        without: Iterable[str] = (),
        instances: int = 1,
    ) -> None:
        """`environment`: settings for the services, on top of what the stack tells them. `without`: parts left out.

        `instances` of each service: the further ones are called `intake-2` and so on.
        """
        self.people = people
        self.instances = instances
        self._extra = dict(environment or {})
        self._without = tuple(without)
        self._cleanup = contextlib.ExitStack()
        self._ports: dict[str, int] = {}
        self._supervisor: subprocess.Popen[bytes] | None = None
        self.state: State

    def __enter__(self) -> Self:
        self.state = self._cleanup.enter_context(private_state())
        more = [instance(name, number) for number in range(2, self.instances + 1) for name in SERVICES]
        names = [*PORTS, *more]
        self._ports = dict(zip(names, free_ports(len(names)), strict=True))
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("LETHE_")}
        ports = {port_variable(name): str(port) for name, port in self._ports.items()}
        ports["LETHE_LOCAL_INSTANCES"] = str(self.instances)
        arguments = [f"--people={self.people}", *(f"--without={part}" for part in self._without)]
        self._supervisor = control.spawn(
            self.state, arguments, environment={**inherited, **ports, **self._extra, **self._prepared()}, tied=True
        )
        try:
            control.wait_ready(self.state, self._supervisor, lambda _phase: None)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._supervisor is not None:
            control.stop(self._supervisor, self.state)
        self._cleanup.close()

    def _prepared(self) -> Mapping[str, str]:
        """What a special kind of stack adds, once its ports and directories are known."""
        return {}

    @property
    def kafka(self) -> str:
        return f"{HOST}:{self._ports[KAFKA]}"

    @property
    def postgres(self) -> str:
        """DSN of the superuser."""
        return envfile.read(self.state)["LETHE_POSTGRES"]

    def database(self, service: str | None = None) -> str:
        """DSN of Lethe's own database: as the superuser, or as a service's role."""
        if service is None:
            return databases.at(self.postgres, databases.DATABASE)
        return databases.service_dsn(self.postgres, self.state, service)

    def url(self, name: str) -> str:
        """Where a service or sample answers HTTP."""
        return f"http://{HOST}:{self._ports[name]}"

    def token(
        self,
        scopes: Sequence[str] = PERSON_SCOPES,
        *,
        subject: str = "test",
        controllers: Sequence[str] = (DEMO_CONTROLLER,),
        processor: str | None = None,
        ttl: timedelta = VALID,
    ) -> str:
        """A bearer token that the services of this stack accept. `processor` binds it to a processor."""
        keys = Keys.of(self.state)
        return keys.token(subject, controllers=controllers, scopes=scopes, processor=processor, ttl=ttl)

    def environment(self) -> dict[str, str]:
        """What `.local/env` says: for a program that is to find this stack."""
        return envfile.read(self.state)

    def pid(self, name: str) -> int | None:
        return records.running(self.state, name)

    def kill(self, name: str) -> None:
        """SIGKILL, now. Returns when it is dead; it comes back by itself."""
        pid = self._pid_of(name)
        os.kill(pid, signal.SIGKILL)
        self._until(lambda: self.pid(name) != pid, f"{name} dies")

    def kill_kafka(self) -> None:
        self.kill(KAFKA)

    def kill_postgres(self) -> None:
        self.kill(POSTGRES)

    def hold(self, name: str) -> None:
        """Kill it and keep it down until `release`."""
        (self.state.run / f"{name}.hold").touch()
        self.kill(name)

    def release(self, name: str) -> None:
        (self.state.run / f"{name}.hold").unlink(missing_ok=True)

    def freeze(self, name: str) -> None:
        """SIGSTOP: it keeps its connections and does nothing, like a process on a machine that hangs."""
        os.kill(self._pid_of(name), signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        os.kill(self._pid_of(name), signal.SIGCONT)

    def terminate(self, name: str) -> None:
        """SIGTERM: it ends in peace, and is started again."""
        os.kill(self._pid_of(name), signal.SIGTERM)

    def wait_ready(self, *names: str, seconds: float = 60.0) -> None:
        """Until each of these (none named: everything) runs and is ready now. Raises TimeoutError."""
        self._until(lambda: self._all_ready(names), f"{', '.join(names) or 'everything'} is ready", seconds)

    def restarts(self) -> dict[str, int]:
        """How often each program was started again."""
        return restarts(self.state)

    def log(self, name: str) -> str:
        path = self.state.log(name)
        return path.read_text(errors="replace") if path.exists() else ""

    def _all_ready(self, names: Sequence[str]) -> bool:
        processes = [p for p in self._processes() if not names or p["name"] in names]
        return bool(processes) and all(
            p["condition"] == "ready" and self._answers(str(p["name"]), p) for p in processes
        )

    def _answers(self, name: str, process: Mapping[str, object]) -> bool:
        """The supervisor saw it ready once; a service is not, while an engine that it needs is away."""
        if process["pid"] != self.pid(name):
            return False
        return name in {KAFKA, POSTGRES} or HttpReady(self._ports[name])()

    def _processes(self) -> list[Mapping[str, object]]:
        processes = read_view(self.state).get("processes")
        return processes if isinstance(processes, list) else []

    def _pid_of(self, name: str) -> int:
        pid = self.pid(name)
        if pid is None:
            raise ProcessLookupError(f"{name} does not run")
        return pid

    def _until(self, condition: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
        patience = Patience(seconds)
        while not condition():
            if patience.over:
                raise TimeoutError(f"not within {seconds:.0f} s: {what}")
            time.sleep(0.02)

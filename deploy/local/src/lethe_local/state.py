"""Where everything of one local stack lies."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lethe_local.errors import from_os_error

if TYPE_CHECKING:
    from collections.abc import Mapping


def checkout() -> Path:
    """The checkout that this package was installed from; the working directory if it was installed otherwise."""
    root = Path(__file__).resolve().parents[4]
    return root if (root / "deploy" / "local").is_dir() else Path.cwd()


def cache_directory() -> Path:
    """What may be thrown away and is shared by all stacks of a checkout: resolved jars, class archives."""
    return checkout() / ".local" / "cache"


@dataclass(frozen=True, slots=True)
class State:
    """The state directory of one stack. Two stacks never share one."""

    root: Path

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> State:
        """By `LETHE_LOCAL_DIR`, else `.local` in the checkout."""
        named = environment.get("LETHE_LOCAL_DIR")
        return cls(Path(named).expanduser().resolve() if named else checkout() / ".local")

    @property
    def run(self) -> Path:
        """Pid records, holds and the supervisor's view. Says nothing after a reboot that is not checked."""
        return self.root / "run"

    @property
    def logs(self) -> Path:
        return self.root / "log"

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    @property
    def kafka(self) -> Path:
        return self.root / "kafka"

    @property
    def env(self) -> Path:
        """Addresses and a token, in a form that a shell can source."""
        return self.root / "env"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def create(self) -> None:
        """Make the directories. Idempotent. The root stays passable (not listable) for PostgreSQL's account."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self.root.chmod(0o711)
            for private in (self.run, self.logs, self.keys, self.kafka):
                private.mkdir(exist_ok=True)
                private.chmod(0o700)
        except OSError as error:
            raise from_os_error(error, f"prepare {self.root}") from error

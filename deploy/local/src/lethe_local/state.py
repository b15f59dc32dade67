"""Where everything of one local stack lies."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lethe_local.errors import NoPermission, from_os_error

if TYPE_CHECKING:
    from collections.abc import Mapping


LOG_BYTES = 20_000_000


def checkout() -> Path:
    """The checkout that this package was installed from; the working directory if it was installed otherwise."""
    root = Path(__file__).resolve().parents[4]
    return root if (root / "deploy" / "local").is_dir() else Path.cwd()


def cache_directory() -> Path:
    """What may be thrown away and is shared by all stacks of a checkout: jars, archives of classes.

    An account that may not write into the checkout has one of its own.
    """
    shared = checkout() / ".local" / "cache"
    with contextlib.suppress(OSError):
        shared.mkdir(parents=True, exist_ok=True)
    if os.access(shared, os.W_OK):
        return shared
    own = Path(tempfile.gettempdir()) / f"lethe-cache-{os.getuid()}"
    own.mkdir(mode=0o700, exist_ok=True)
    if own.is_symlink() or own.stat().st_uid != os.getuid():
        raise NoPermission(f"{own} belongs to somebody else, and {shared} cannot be written.")
    return own


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

    def secret(self, name: str) -> str:
        """A random secret of this stack, 43 characters of base64url, made on first use and kept (0600)."""
        path = self.keys / f"{name}.secret"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(32))
        return path.read_text()

    def turn_logs(self) -> None:
        """Put large logs aside, so that they do not grow for ever; the one before is kept."""
        for log in self.logs.glob("*.log"):
            if log.stat().st_size > LOG_BYTES:
                log.replace(log.with_suffix(".log.1"))

    def create(self) -> None:
        """Make the directories. Idempotent. A new root is passable, not listable, for PostgreSQL's account."""
        try:
            if not self.root.exists():
                self.root.mkdir(parents=True)
                self.root.chmod(0o711)
            for private in (self.run, self.logs, self.keys, self.kafka):
                private.mkdir(exist_ok=True)
                private.chmod(0o700)
        except OSError as error:
            raise from_os_error(error, f"prepare {self.root}") from error

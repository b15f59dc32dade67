"""Where the services are and which token to show: the environment, else the stack that runs on this machine."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lethe_client.errors import BadInput, Unauthorised

if TYPE_CHECKING:
    from collections.abc import Mapping

INTAKE_URL = "LETHE_INTAKE_URL"
ORCHESTRATOR_URL = "LETHE_ORCHESTRATOR_URL"
BREACH_NOTIFIER_URL = "LETHE_BREACH_NOTIFIER_URL"
MESSAGING_URLS: Mapping[str, str] = {
    "intake": INTAKE_URL,
    "orchestrator": ORCHESTRATOR_URL,
    "erasure-worker": "LETHE_ERASURE_WORKER_URL",
    "export-worker": "LETHE_EXPORT_WORKER_URL",
    "breach-notifier": BREACH_NOTIFIER_URL,
}
"""Service → the variable with its address, for what people do to its messaging."""
TOKEN = "LETHE_TOKEN"  # noqa: S105 - the name of a variable
LOCAL_DIR = "LETHE_LOCAL_DIR"


@dataclass(frozen=True, slots=True)
class Settings:
    """`env_file`: the local stack's file that the values were read from, if any."""

    values: Mapping[str, str] = field(repr=False)
    env_file: Path | None = None

    @classmethod
    def find(cls, environment: Mapping[str, str] = os.environ, start: Path | None = None) -> Settings:
        """A variable of the environment wins over the file.

        The file is `$LETHE_LOCAL_DIR/env`, else `.local/env` of the working directory or the nearest one above it.
        Only a file of this user (or root) counts: anybody else's could send the token to another address.
        """
        path = _env_file(environment, start or Path.cwd())
        values = _read(path) if path else {}
        return cls({**values, **{k: v for k, v in environment.items() if v}}, path)

    def optional(self, name: str) -> str | None:
        return self.values.get(name)

    def url(self, name: str) -> str:
        """Raises BadInput if neither the environment nor a running stack names the address."""
        value = self.values.get(name)
        if value is None:
            raise BadInput(f"{name} is not set and no local stack runs here: set it, or start one with `make up`")
        if not value.startswith(("http://", "https://")):
            raise BadInput(f"{name} is {value!r}, which is not an http:// or https:// address")
        return value.rstrip("/")

    def token(self) -> str:
        """Raises Unauthorised if there is none."""
        value = self.values.get(TOKEN)
        if value is None:
            raise Unauthorised(
                f"{TOKEN} is not set: set it to a token, `lethe token issue` makes one for a local stack"
            )
        return value


def _env_file(environment: Mapping[str, str], start: Path) -> Path | None:
    if LOCAL_DIR in environment:
        candidates = [Path(environment[LOCAL_DIR]).expanduser() / "env"]
    else:
        candidates = [directory / ".local" / "env" for directory in (start, *start.parents)]
    return next((path for path in candidates if _is_ours(path)), None)


def _is_ours(path: Path) -> bool:
    try:
        status = path.stat()
    except OSError:
        return False
    return status.st_uid in {os.getuid(), 0} and not status.st_mode & 0o022


def _read(path: Path) -> dict[str, str]:
    try:
        words = shlex.split(path.read_text(encoding="utf-8"), comments=True)
    except (OSError, ValueError):
        return {}
    pairs = (word.partition("=") for word in words if "=" in word)
    return {name: value for name, _, value in pairs}

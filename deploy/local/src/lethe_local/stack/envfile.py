"""The file by which a shell, the `lethe` command and tests find the running stack."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from lethe_local.processes.records import write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lethe_local.state import State


def write(state: State, values: Mapping[str, str]) -> None:
    """Mode 0600: it holds a token and passwords of this machine's stack."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
    write_atomically(state.env, "\n".join(lines) + "\n")


def read(state: State) -> dict[str, str]:
    """What `write` wrote; empty if nothing is there."""
    try:
        text = state.env.read_text()
    except OSError:
        return {}
    pairs = (word.partition("=") for word in shlex.split(text) if "=" in word)
    return {name: value for name, _, value in pairs}

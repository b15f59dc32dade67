"""What can be seen to be wrong before anything is started."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from lethe_local.errors import NoSpace, from_os_error
from lethe_local.processes import ports
from lethe_local.stack.config import port_variable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NEEDED_BYTES = 1_000_000_000


def require_space(directory: Path, needed: int = NEEDED_BYTES) -> None:
    """Raise NoSpace below `needed` bytes: an engine that finds a full disk while it runs stops."""
    try:
        free = shutil.disk_usage(directory).free
    except OSError as error:
        raise from_os_error(error, f"look at the disk of {directory}") from error
    if free < needed:
        raise NoSpace(
            f"the disk of {directory} has {free // 1_000_000} MB free and the stack needs {needed // 1_000_000}. "
            "Free some space, or set LETHE_LOCAL_DIR to another disk."
        )


def require_ports(wanted: Mapping[str, int]) -> None:
    """Raise PortBusy for the first of these (part of the stack → port) that somebody else holds."""
    for part, port in wanted.items():
        ports.require_free(part, port, port_variable(part))

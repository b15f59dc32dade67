"""Errors of the local stack: one line for the person at the terminal, and an exit code for a script.

LocalError          1
├── PortBusy        3  somebody else listens where we want to
├── Missing         4  a tool, package or file is not there
├── NoSpace         5  the disk is full
├── NoPermission    6  the account may not do it
├── AlreadyRunning  7  the same state directory is in use
└── NotReady        8  something was started and did not come up
"""

from __future__ import annotations

import errno
from typing import ClassVar


class LocalError(Exception):
    """Its text is one line that says what to do next."""

    EXIT: ClassVar[int] = 1


class PortBusy(LocalError):
    EXIT = 3


class Missing(LocalError):
    EXIT = 4


class NoSpace(LocalError):
    EXIT = 5


class NoPermission(LocalError):
    EXIT = 6


class AlreadyRunning(LocalError):
    EXIT = 7


class NotReady(LocalError):
    EXIT = 8


def from_os_error(error: OSError, doing: str) -> LocalError:
    """The one line for a failed system call; `doing` completes "cannot …"."""
    where = f" ({error.filename})" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return NoSpace(
            f"cannot {doing}: the disk is full{where}. Free some space, or set LETHE_LOCAL_DIR to another disk."
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return NoPermission(
            f"cannot {doing}: no permission{where}. Set LETHE_LOCAL_DIR to a directory that this account may write."
        )
    if error.errno == errno.ENOENT:
        return Missing(f"cannot {doing}: not found{where}. If that belongs to Lethe, run `make install`.")
    return LocalError(f"cannot {doing}: {error.strerror or error}{where}")


def from_output(output: str, doing: str) -> LocalError | None:
    """The same for a program that failed and said why on its output; None if it said something else."""
    if "No space left on device" in output or "Disk quota exceeded" in output:
        return from_os_error(OSError(errno.ENOSPC, ""), doing)
    if "Permission denied" in output or "Operation not permitted" in output:
        return from_os_error(OSError(errno.EACCES, ""), doing)
    if "Address already in use" in output:
        return PortBusy(f"cannot {doing}: its port is taken by another program.")
    return None

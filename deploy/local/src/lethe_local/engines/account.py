"""PostgreSQL refuses to run as root. Then it runs as another account, which has to be able to reach its files."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import shutil
import subprocess
from pathlib import Path

from lethe_local.errors import Missing, NoPermission, from_os_error
from lethe_local.processes.spec import Account


def for_postgres() -> Account | None:
    """None as an ordinary user. As root, the account named by LETHE_LOCAL_USER, else `nobody`."""
    if os.geteuid() != 0:
        return None
    name = os.environ.get("LETHE_LOCAL_USER", "nobody")
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise Missing(
            f"PostgreSQL cannot run as root, and there is no account {name!r}. "
            "Set LETHE_LOCAL_USER to an account without privileges."
        ) from None
    return Account(name, entry.pw_uid, entry.pw_gid)


def may(account: Account, *command: str | Path) -> bool:
    """Whether that account can run this program."""
    try:
        done = subprocess.run(
            command, user=account.uid, group=account.gid, extra_groups=[], cwd="/", capture_output=True, check=False
        )
    except OSError:
        return False
    return done.returncode == 0


def home_for(wanted: Path, account: Account | None) -> Path:
    """A directory of that account: the wanted one, or, where a parent is private, one that it can reach.

    In the second case the wanted path becomes a link, so that everything of the stack is still found under one root.
    """
    if account is None:
        wanted.mkdir(mode=0o700, exist_ok=True)
        return wanted
    elsewhere = Path("/var/lib/lethe-local") / hashlib.sha256(str(wanted).encode()).hexdigest()[:12]
    for candidate in (wanted, elsewhere):
        try:
            candidate.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.chown(candidate, account.uid, account.gid)
        except OSError:
            continue
        if may(account, "test", "-w", candidate):
            _link(wanted, candidate)
            return candidate
        if candidate == wanted and not candidate.is_symlink():
            with contextlib.suppress(OSError):
                candidate.rmdir()
    raise NoPermission(
        f"the account {account.name!r} that PostgreSQL runs as can write nowhere near {wanted}. "
        "Set LETHE_LOCAL_DIR to a directory whose parents everybody may pass."
    )


def _link(wanted: Path, real: Path) -> None:
    if wanted == real:
        return
    try:
        if wanted.is_symlink():
            wanted.unlink()
        wanted.symlink_to(real)
    except OSError as error:
        raise from_os_error(error, f"link {wanted} to {real}") from error


def reachable_copy(programs: Path, probe: Path, home: Path, account: Account | None) -> Path:
    """The directory of programs itself, or a copy in `home` (made once) if that account cannot run them where they are.

    `probe` is the program, relative to `programs`, that has to start.
    """
    if account is None or may(account, programs / probe, "--version"):
        return programs
    copy = home / f"{programs.name}-{hashlib.sha256(str(programs).encode()).hexdigest()[:12]}"
    if not copy.is_dir():
        making = copy.with_suffix(".new")
        shutil.rmtree(making, ignore_errors=True)
        shutil.copytree(programs, making, symlinks=True)
        making.rename(copy)
    if not may(account, copy / probe, "--version"):
        raise NoPermission(
            f"the account {account.name!r} cannot run {copy / probe}. "
            "Set LETHE_LOCAL_DIR to a disk that is not mounted noexec."
        )
    return copy

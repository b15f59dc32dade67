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


def reachable_copy(package: Path, programs: Path, home: Path, account: Account | None) -> Path:
    """The directory of programs (a path inside the package), or its copy in `home` if that account cannot run them.

    The libraries that came with the package lie beside it and are found by their relative place, so they are copied
    too. Made once.
    """
    if account is None or _runs(account, package / programs):
        return package / programs
    copy = home / f"programs-{hashlib.sha256(str(package).encode()).hexdigest()[:12]}"
    if not copy.is_dir():
        making = copy.with_suffix(".new")
        shutil.rmtree(making, ignore_errors=True)
        shutil.copytree(package / programs, making / package.name / programs, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, making / libraries.name, symlinks=True)
        making.rename(copy)
    if not _runs(account, copy / package.name / programs):
        raise NoPermission(
            f"the account {account.name!r} cannot run the programs in {copy}. "
            "Set LETHE_LOCAL_DIR to a disk that is not mounted noexec."
        )
    return copy / package.name / programs


def _runs(account: Account, programs: Path) -> bool:
    return all(may(account, programs / "bin" / name, "--version") for name in ("initdb", "postgres"))

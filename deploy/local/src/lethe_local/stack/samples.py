"""The sample processors with their invented people: what they are started with, and how Lethe reaches them."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from lethe_local.errors import NotReady
from lethe_local.stack import databases

if TYPE_CHECKING:
    from pathlib import Path

    from lethe_local.stack.config import Config

SHOP = "lethe_example_shop"
SHOP_DATABASE = "shop"
READER, ERASER = "shop_reader", "shop_eraser"


def references(register: Path) -> set[str]:
    """Names of the environment variables that the register's files take credentials and addresses from."""
    return {
        name
        for file in register.rglob("*.yaml")
        for name in re.findall(r"\benv:([A-Za-z_][A-Za-z0-9_]*)", file.read_text(encoding="utf-8"))
    }


def writing(register: Path) -> set[str]:
    """Those of the references by which processors are changed."""
    return {
        name
        for file in register.rglob("*.yaml")
        for name in re.findall(r"\bwrite:\s*[\"']?env:([A-Za-z_][A-Za-z0-9_]*)", file.read_text(encoding="utf-8"))
    }


def credentials(config: Config, admin: str) -> dict[str, str]:
    """What the sample register refers to. A secret that nobody set is made up, once per stack."""
    password = config.state.secret("shop-roles")
    known = {
        "SHOP_READ_DSN": databases.at(admin, SHOP_DATABASE, user=READER, password=password),
        "SHOP_WRITE_DSN": databases.at(admin, SHOP_DATABASE, user=ERASER, password=password),
        "HELPDESK_URL": config.url("helpdesk"),
    }
    return {
        name: config.environment.get(name) or known.get(name) or config.state.secret(name.lower())
        for name in sorted(references(config.register) | known.keys())
    }


def database_file(config: Config, sample: str) -> Path:
    return config.state.root / "samples" / f"{sample}.sqlite"


def forget_files(config: Config) -> None:
    """So that these samples too are brought back to their invented people."""
    directory = config.state.root / "samples"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o700)


def load_shop(config: Config, admin: str) -> None:
    """Bring the shop's database to its invented people, on every start, and give Lethe its two roles there."""
    asyncio.run(databases.create_database(admin, SHOP_DATABASE))
    dsn = databases.at(admin, SHOP_DATABASE)
    _run("load", "--dsn", dsn, "--people", str(config.people), "--seed", str(config.seed))
    # in one word: a secret may begin with a dash
    roles = ("--reader", READER, "--eraser", ERASER, f"--password={config.state.secret('shop-roles')}")
    _run("roles", "--dsn", dsn, *roles)


def _run(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", SHOP, *arguments], capture_output=True, text=True, check=False, timeout=600
    )
    if done.returncode != 0:
        last = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "it said nothing")
        raise NotReady(f"the sample shop cannot be loaded: {last[:300]}")

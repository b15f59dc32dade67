"""The example newsletter vendor, served over real HTTP inside the test."""

from __future__ import annotations

import asyncio
import shutil
import socket
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from lethe_example_newsletter.app import create_app
from lethe_example_newsletter.vendor import Terms, Vendor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

REGISTER = Path(__file__).parents[4] / "examples" / "newsletter" / "register"
SEED = 7
SECRET = "s3cret/with:signs"
HOOK_SECRET = "hook-secret"


@asynccontextmanager
async def newsletter(*, people: int = 300) -> AsyncIterator[tuple[Vendor, str]]:
    """The vendor and where it answers. It deletes at once, unless its terms are changed."""
    vendor = Vendor(people, SEED, Terms(deletion_seconds=0.0), hook_secret=HOOK_SECRET)
    listener = socket.create_server(("127.0.0.1", 0))
    app = create_app(vendor, client_secret=SECRET)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1))
    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve(sockets=[listener]))
        yield vendor, f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
    listener.close()


def environment(url: str, callback: str) -> dict[str, str]:
    """What its entry in the register refers to."""
    return {
        "NEWSLETTER_URL": url,
        "NEWSLETTER_SECRET": SECRET,
        "NEWSLETTER_HOOK_SECRET": HOOK_SECRET,
        "NEWSLETTER_CALLBACK": callback,
    }


def describe(register: Path) -> None:
    """Put its entry into a register."""
    shutil.copy(REGISTER / "newsletter.yaml", register)

"""`python -m breach_notifier` runs the service; `python -m breach_notifier openapi` prints its API document."""

from __future__ import annotations

import json
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from breach_notifier.bootstrap import NAME, bootstrap
from breach_notifier.entrypoints.document import openapi_document
from breach_notifier.settings import Settings
from lethe_chassis import Env, configure_logging, run_service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from lethe_chassis import Service


@asynccontextmanager
async def service() -> AsyncIterator[Service]:
    with Env() as env:
        settings = Settings.read(env)
    configure_logging(NAME, form=settings.log)
    async with bootstrap(settings) as wired:
        yield wired


def main(arguments: list[str]) -> int:
    if arguments == ["openapi"]:
        sys.stdout.write(json.dumps(openapi_document(), indent=2, ensure_ascii=False, sort_keys=True) + "\n")
        return 0
    return run_service(service)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`python -m export_worker`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from export_worker.bootstrap import build
from export_worker.settings import read_settings
from lethe_chassis import run_service

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from lethe_chassis import Service


def _build() -> AbstractAsyncContextManager[Service]:
    return build(read_settings())


if __name__ == "__main__":
    sys.exit(run_service(_build))
